-- How the series of open crises stand: since the opening, and in the last 24 hours beside what was expected.
with latest as (
    select max(bin_start) as bin_start
    from {{ ref('live_crisis_band') }}
),

lately as (
    select
        bands.crisis_id,
        bands.topic_code,
        bands.territory_code,
        cast(sum(bands.observed) as bigint) as mentions,
        cast(sum(cast(bands.expected as decimal(38, 6))) as decimal(38, 6)) as expected,
        count(case when bands.observed > bands.upper then bands.bin_start end) as hours_above
    from {{ ref('live_crisis_band') }} as bands
    cross join latest
    where bands.bin_start > {{ dbt.dateadd('hour', -24, 'latest.bin_start') }}
    group by bands.crisis_id, bands.topic_code, bands.territory_code
),

since_opening as (
    select
        crises.crisis_id,
        crises.topic_code,
        crises.territory_code,
        cast(sum(series.mentions) as bigint) as mentions
    from {{ ref('live_open_crisis') }} as crises
    inner join {{ ref('live_series_hour') }} as series
        on
            crises.topic_code = series.topic_code
            and crises.territory_code = series.territory_code
            and series.platform = 'all'
            and series.bin_start >= {{ bin_start('crises.opened_at', 60) }}
    group by crises.crisis_id, crises.topic_code, crises.territory_code
)

select
    crises.crisis_id,
    crises.title,
    crises.crisis_kind,
    crises.opened_at,
    crises.owner,
    crises.topic_code,
    coalesce(topics.topic_label, crises.topic_code) as topic_label,
    crises.territory_code,
    {{ place_label('crises.territory_code') }} as territory_label,
    coalesce(since_opening.mentions, 0) as mentions_since_opening,
    coalesce(lately.mentions, 0) as mentions_of_a_day,
    coalesce(lately.expected, 0) as expected_of_a_day,
    coalesce(lately.hours_above, 0) as hours_above,
    crises.log_entries,
    crises.last_entry_at,
    crises.last_entry
from {{ ref('live_open_crisis') }} as crises
left join lately
    on
        crises.crisis_id = lately.crisis_id
        and crises.topic_code = lately.topic_code
        and crises.territory_code = lately.territory_code
left join since_opening
    on
        crises.crisis_id = since_opening.crisis_id
        and crises.topic_code = since_opening.topic_code
        and crises.territory_code = since_opening.territory_code
left join {{ ref('live_topic') }} as topics on crises.topic_code = topics.topic_code
left join {{ ref('territories') }} as territories on crises.territory_code = territories.territory_code
left join {{ ref('regions') }} as regions on crises.territory_code = regions.region_code
