-- Until a label stands in its seed, its visits are shown as of an unknown region, or as 'autres'.
{{ config(group='visibility') }}
select
    'audience_places' as seed,
    region_name as label,
    sum(visits) as visits
from {{ ref('fct_audience_place') }}
where
    country = 'France'
    and region_name is not null
    and territory_code = 'ZZ'
group by region_name
union all
select
    'audience_sources' as seed,
    visits.source_kind as label,
    sum(visits.visits) as visits
from {{ ref('stg_audience__source_visit') }} as visits
left join {{ ref('audience_sources') }} as labels on visits.source_kind = labels.source_kind
where
    visits.source_kind is not null
    and labels.traffic_source is null
group by visits.source_kind
union all
select
    'audience_devices' as seed,
    visits.device_kind as label,
    sum(visits.visits) as visits
from {{ ref('stg_audience__device_visit') }} as visits
left join {{ ref('audience_devices') }} as labels on visits.device_kind = labels.device_kind
where
    visits.device_kind is not null
    and labels.device is null
group by visits.device_kind
