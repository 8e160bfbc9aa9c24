select
    audience_key,
    visited_on as occurred_on,
    site,
    sub_site,
    cast(null as string) as traffic_source,
    cast(null as string) as device,
    visits,
    bounces,
    time_spent_seconds
from {{ ref('fct_audience_hour') }}
union all
select
    audience_key,
    month_start as occurred_on,
    cast(null as string) as site,
    cast(null as string) as sub_site,
    traffic_source,
    cast(null as string) as device,
    visits,
    bounces,
    time_spent_seconds
from {{ ref('fct_audience_source') }}
union all
select
    audience_key,
    month_start as occurred_on,
    cast(null as string) as site,
    cast(null as string) as sub_site,
    cast(null as string) as traffic_source,
    device,
    visits,
    bounces,
    time_spent_seconds
from {{ ref('fct_audience_device') }}
