-- A day of which another number of mentions was counted than the archive has.
{{ config(group='visibility') }}
with archived as (
    select
        published_on,
        count(published_on) as mentions
    from {{ ref('fct_mention') }}
    group by published_on
),

counted as (
    select
        published_on,
        sum(mentions) as mentions
    from {{ ref('int_mention_day') }}
    group by published_on
)

select
    coalesce(archived.published_on, counted.published_on) as day,
    archived.mentions as records,
    counted.mentions as found_records
from archived
full join counted on archived.published_on = counted.published_on
where coalesce(archived.mentions, 0) <> coalesce(counted.mentions, 0)
