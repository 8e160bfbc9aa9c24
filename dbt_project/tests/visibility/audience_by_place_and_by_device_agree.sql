-- Both are counted by the tool: where they differ, it is the tool that must be asked.
{{ config(group='visibility') }}
with places as (
    select
        site,
        month_start,
        sum(visits) as visits
    from {{ ref('fct_audience_place') }}
    group by site, month_start
),

devices as (
    select
        site,
        month_start,
        sum(visits) as visits
    from {{ ref('fct_audience_device') }}
    group by site, month_start
)

select
    coalesce(places.site, devices.site) as site,
    coalesce(places.month_start, devices.month_start) as month_start,
    places.visits as visits_by_place,
    devices.visits as visits_by_device
from places
full outer join devices on places.site = devices.site and places.month_start = devices.month_start
where
    places.visits is null
    or devices.visits is null
    or places.visits <> devices.visits
