with visits as (
    select
        *,
        -- Some tools give overseas territories as countries of their own.
        {{ folded_place("case when geo_country = 'France' then geo_region else geo_country end") }} as place_name
    from {{ ref('stg_audience__geo_visit') }}
)

select
    visits.audience_key,
    visits.tool,
    visits.site,
    visits.month_start,
    visits.geo_country as country,
    visits.geo_region as region_name,
    visits.geo_city as city,
    case
        when places.territory_code is not null then places.territory_code
        -- Of a region that is not listed, and of no country at all, nothing is known.
        when coalesce(visits.geo_country, 'France') = 'France' then 'ZZ'
        else 'XX'
    end as territory_code,
    visits.visits,
    visits.unique_visitors,
    visits.bounces,
    visits.time_spent_seconds,
    visits.source_load_id
from visits
left join {{ ref('audience_places') }} as places on visits.place_name = places.place_name
