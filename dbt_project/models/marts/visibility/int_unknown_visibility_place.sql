with places as (
    select
        *,
        {{ folded_place('geo_region') }} as label
    from {{ ref('stg_audience__geo_visit') }}
    where geo_country = 'France'
)

select
    'audience' as platform,
    'region' as field,
    places.label,
    count(places.audience_key) as records,
    cast(sum(places.visits) as bigint) as volume,
    min(places.month_start) as first_seen,
    max(places.month_start) as last_seen
from places
left join {{ ref('audience_places') }} as known on places.label = known.place_name
where
    places.label is not null
    and known.territory_code is null
group by places.label
union all
{{ unknown_departements(
    ref('stg_pre_plainte__declaration'), 'pre_plainte', 'declaration_id', paris_day('written.began_at'), '1'
) }}
