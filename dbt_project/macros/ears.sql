{#
  The three EARS control charts of every series at once (Hutwagner et al. 2003): for each row, what was expected and the upper
  bounds c1_upper, c2_upper, c3_upper, null where the past is too short. A count above its bound is an alarm. The same as
  analytics/anomaly/ears.py, which says more; a test holds them together. Series have no gaps: rows stand for periods.
  z: standard normal quantile of the bound; the default is that of alpha = 0.001. baseline: periods, at least 3.
#}
{% macro ears(relation, keys, period, value, z=3.0902323061678136, baseline=7, min_sigma=0) -%}
    {%- set series = 'partition by ' ~ keys | join(', ') ~ ' order by ' ~ period -%}
    {%- set past = series ~ ' rows between ' ~ baseline ~ ' preceding and 1 preceding' -%}
    with observed as (
        select
            {{ keys | join(', ') }},
            {{ period }},
            cast({{ value }} as double) as observed
        from {{ relation }}
    ),

    windows as (
        select
            *,
            count(observed) over ({{ past }}) as observations,
            avg(observed) over ({{ past }}) as mean,
            stddev_samp(observed) over ({{ past }}) as sigma
        from observed
    ),

    baselines as (
        select
            *,
            case when observations = {{ baseline }} then mean end as c1_expected,
            case when observations = {{ baseline }} then greatest(sigma, {{ min_sigma }}) end as c1_sigma
        from windows
    ),

    {#- C2 keeps two periods between the baseline and today: it has the baseline that C1 had two periods ago. #}
    delayed as (
        select
            *,
            lag(c1_expected, 2) over ({{ series }}) as c2_expected,
            lag(c1_sigma, 2) over ({{ series }}) as c2_sigma
        from baselines
    ),

    excesses as (
        select
            *,
            case
                when c2_sigma > 0 then greatest(0, (observed - c2_expected) / c2_sigma - 1)
                when c2_sigma = 0 then 0
            end as excess
        from delayed
    ),

    memories as (
        select
            *,
            lag(excess, 1) over ({{ series }}) + lag(excess, 2) over ({{ series }}) as excess_before
        from excesses
    )

    select
        {{ keys | join(', ') }},
        {{ period }},
        observed,
        c1_expected,
        c1_expected + {{ z }} * c1_sigma as c1_upper,
        c2_expected,
        c2_expected + {{ z }} * c2_sigma as c2_upper,
        case
            when excess_before is not null then greatest(0, observed + c2_sigma * ({{ z }} - excess_before))
        end as c3_upper
    from memories
{%- endmacro %}
