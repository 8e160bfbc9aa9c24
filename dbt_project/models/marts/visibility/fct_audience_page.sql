select
    audience_key,
    tool,
    site,
    month_start,
    coalesce(page, 'non précisé') as page,
    page_full_name,
    coalesce(sub_site, 'non précisé') as sub_site,
    visits,
    unique_visitors,
    bounces,
    time_spent_seconds,
    source_load_id
from {{ ref('stg_audience__page_visit') }}
