{#
  From the observations of a KPI to its values: one row per period, territory and breakdown that `meta.kpi.grain` declares.
  Sparse: a cell without observations has no row.
  Observations: record_key, occurred_on, territory_code, one column per breakdown, numerator, denominator.
#}

{# Value = number or amount: the sum of the numerators. #}
{% macro rollup_sum(observations) %}
    {{ rollup(
        observations,
        numerator='cast(sum(numerator) as bigint)',
        denominator='cast(null as bigint)',
        value='cast(sum(numerator) as decimal(18, 6))',
    ) }}
{% endmacro %}


{# Value = share: sum of the numerators over sum of the denominators. #}
{% macro rollup_ratio(observations) %}
    {{ rollup(
        observations,
        numerator='cast(sum(numerator) as bigint)',
        denominator='cast(sum(denominator) as bigint)',
        value=exact_ratio('sum(numerator)', 'sum(denominator)'),
    ) }}
{% endmacro %}


{# Value = percentile of the numerators, interpolated between neighbours; computed at each level, never averaged. #}
{% macro rollup_percentile(observations, share) %}
    {{ rollup(
        observations,
        numerator='cast(null as bigint)',
        denominator='cast(null as bigint)',
        value='cast(percentile_cont(' ~ share ~ ') within group (order by numerator) as decimal(18, 6))',
    ) }}
{% endmacro %}


{% macro rollup(observations, numerator, denominator, value) %}
    {% set periods, territories = ref('bridge_calendar_period'), ref('bridge_territory_level') %}
    {% set kpi = this_kpi() %}
    with breakdowns as (
        {% for breakdown in [{'dimension': 'total'}] + kpi.grain.breakdowns %}
        select
            record_key,
            occurred_on,
            territory_code,
            '{{ breakdown.dimension }}' as breakdown_dimension,
            {{ "'total'" if breakdown.dimension == 'total' else breakdown.dimension }} as breakdown_value,
            numerator,
            denominator
        from {{ observations }}
        {{ of_the_whole_or_of_a_part(kpi, breakdown) }}
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    cells as (
        select
            breakdowns.record_key,
            breakdowns.breakdown_dimension,
            breakdowns.breakdown_value,
            breakdowns.numerator,
            breakdowns.denominator,
            periods.period_type,
            periods.period_start,
            territories.territory_level,
            territories.level_code as territory_code
        from breakdowns
        inner join {{ periods }} as periods on breakdowns.occurred_on = periods.date_day
        inner join {{ territories }} as territories on breakdowns.territory_code = territories.territory_code
        where
            territories.territory_level in ({{ quoted_list(kpi.grain.territory_levels) }})
            and case breakdowns.breakdown_dimension
                when 'total' then periods.period_type in ({{ quoted_list(kpi.grain.period_types) }})
                {% for breakdown in kpi.grain.breakdowns %}
                when '{{ breakdown.dimension }}' then periods.period_type in ({{ quoted_list(breakdown.period_types) }})
                {% endfor %}
            end
    )

    select
        '{{ kpi.code }}' as kpi_code,
        period_type,
        period_start,
        territory_level,
        territory_code,
        breakdown_dimension,
        breakdown_value,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator,
        {{ value }} as value,
        cast(count(record_key) as bigint) as observations,
        false as is_suppressed
    from cells
    group by
        period_type,
        period_start,
        territory_level,
        territory_code,
        breakdown_dimension,
        breakdown_value
{% endmacro %}


{#
  A breakdown declared `part: true` divides the record itself, as an opinion on one theme does: its rows, and only they, fill
  its column. They count in that breakdown and nowhere else.
#}
{% macro of_the_whole_or_of_a_part(kpi, breakdown) -%}
    {%- set parts = kpi.grain.breakdowns | selectattr('part', 'defined') | map(attribute='dimension') | list -%}
    {%- if parts -%}
        where
        {%- for part in parts %}
            {{ part }} is {{ 'not ' if part == breakdown.dimension }}null {{ 'and' if not loop.last }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{# `meta.kpi` of the model that is being compiled; unknown while dbt parses. Unit tests have no graph and override it. #}
{% macro this_kpi() %}
    {% if not execute %}
        {{ return({'code': '', 'grain': {'period_types': [], 'territory_levels': [], 'breakdowns': []}}) }}
    {% endif %}
    {{ return(graph.nodes[model.unique_id].config.meta.kpi) }}
{% endmacro %}
