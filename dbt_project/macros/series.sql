{#
  Series of counts in bins of equal length, zero-filled: what is watched for signals. Which mentions are on which topic is told
  before; what stands out is judged behind.
#}

{# The instant, UTC, up to which series are told. #}
{% macro signal_now() -%}
    cast({{ dbt.current_timestamp() }} as timestamp)
{%- endmacro %}


{# Start of the bin that an instant lies in. #}
{% macro bin_start(instant, minutes) -%}
    {{ return(adapter.dispatch('bin_start')(instant, minutes)) }}
{%- endmacro %}

{% macro default__bin_start(instant, minutes) -%}
    cast(from_unixtime(floor(unix_timestamp({{ instant }}) / {{ 60 * minutes }}) * {{ 60 * minutes }}) as timestamp)
{%- endmacro %}

{% macro duckdb__bin_start(instant, minutes) -%}
    time_bucket(interval '{{ minutes }} minutes', {{ instant }})
{%- endmacro %}


{# Every bin of the last days, as `bin_start`, the open one included. #}
{% macro bins_of_the_last(days, minutes) -%}
    {{ return(adapter.dispatch('bins_of_the_last')(days, minutes)) }}
{%- endmacro %}

{% macro default__bins_of_the_last(days, minutes) -%}
    select explode(sequence(
        {{ bin_start(dbt.dateadd('day', -days, signal_now()), minutes) }},
        {{ bin_start(signal_now(), minutes) }},
        interval {{ minutes }} minutes
    )) as bin_start
{%- endmacro %}

{% macro duckdb__bins_of_the_last(days, minutes) -%}
    {%- set now = signal_now() -%}
    select bins.bin_start
    from generate_series(
        {{ bin_start(now ~ ' - interval ' ~ days ~ ' days', minutes) }},
        {{ bin_start(now, minutes) }},
        interval '{{ minutes }} minutes'
    ) as bins (bin_start)
{%- endmacro %}


{#
  One row per series and bin: topic, platform (a network, `brigade_numerique`, or `all` networks) and territory. Networks and
  chat are told for the nation only. A series lives while a bin of the last 28 days is not zero.
#}
{% macro signal_series(minutes, days, levels) %}
    with mentions as (
        select
            *,
            {{ bin_start('published_at', minutes) }} as bin_start
        from {{ ref('live_topic_mention') }}
        where published_at > {{ dbt.dateadd('day', -days, signal_now()) }}
    ),

    contacts as (
        select
            contacts.contact_key,
            coalesce(topics.topic_code, 'ensemble') as topic_code,
            {{ bin_start('contacts.contacted_at', minutes) }} as bin_start
        from {{ ref('stg_brigade_numerique__contact') }} as contacts
        left join {{ ref('live_motive_topic') }} as topics on contacts.motive = topics.motive
        where contacts.contacted_at > {{ dbt.dateadd('day', -days, signal_now()) }}
    ),

    counted as (
        {% set parts = {
            'nation': [("'all'", "'FR'", none), ('network', "'FR'", none)],
            'region': [("'all'", 'region_code', 'region_code')],
            'departement': [("'all'", 'departement_territory_code', 'departement_territory_code')],
        } %}
        {% for level in levels %}
        {% for platform, territory, known in parts[level] %}
        select
            topic_code,
            {{ platform }} as platform,
            {{ territory }} as territory_code,
            bin_start,
            count(mention_id) as mentions,
            count(distinct author_id) as authors,
            cast(sum(potential_reach) as bigint) as reach,
            count(case when sentiment < 0 then mention_id end) as negative
        from mentions
        {{ 'where ' ~ known ~ ' is not null' if known }}
        group by topic_code, bin_start{{ ', network' if platform == 'network' }}{{ ', ' ~ known if known }}
        union all
        {% endfor %}
        {% endfor %}
        select
            topic_code,
            'brigade_numerique' as platform,
            'FR' as territory_code,
            bin_start,
            count(contact_key) as mentions,
            cast(null as bigint) as authors,
            cast(null as bigint) as reach,
            cast(null as bigint) as negative
        from contacts
        group by topic_code, bin_start
    ),

    living as (
        select
            topic_code,
            platform,
            territory_code
        from counted
        where bin_start > {{ dbt.dateadd('day', -28, signal_now()) }}
        group by topic_code, platform, territory_code
    ),

    bins as (
        {{ bins_of_the_last(days, minutes) }}
    )

    select
        living.topic_code,
        living.platform,
        living.territory_code,
        cast(bins.bin_start as timestamp) as bin_start,
        coalesce(counted.mentions, 0) as mentions,
        coalesce(counted.authors, 0) as authors,
        coalesce(counted.reach, 0) as reach,
        coalesce(counted.negative, 0) as negative,
        coalesce(totals.mentions, 0) as total_mentions
    from living
    cross join bins
    left join counted
        on
            living.topic_code = counted.topic_code
            and living.platform = counted.platform
            and living.territory_code = counted.territory_code
            and bins.bin_start = counted.bin_start
    left join counted as totals
        on
            totals.topic_code = 'ensemble'
            and living.platform = totals.platform
            and living.territory_code = totals.territory_code
            and bins.bin_start = totals.bin_start
{% endmacro %}
