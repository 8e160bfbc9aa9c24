select
    series.series_key,
    series.month_start,
    coalesce(codes.territory_code, 'ZZ') as territory_code,
    series.reports,
    series.source_load_id
from {{ ref('stg_perceval__monthly_departement') }} as series
left join {{ ref('bridge_departement_territory') }} as codes on series.departement_code = codes.departement_code
