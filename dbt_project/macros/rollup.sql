{#
  From the observations of a KPI to its values: one row per period, territory and breakdown that `meta.kpi.grain` declares.
  Sparse: a cell without observations has no row. Values are exact decimals, rounded once.
  Observations: record_key, occurred_on, territory_code, one column per breakdown, numerator, denominator; those of a stock
  also have entity_key. `type` is that of the numerator: bigint for counts, decimal(38, 6) for euros and marks.
#}

{#
  Value = number, amount or stock: the sum of the numerators. `days`, where given, is the relation `kpi_<code>__days`: the
  observations added up by day, territory and breakdowns, with their number.
#}
{% macro rollup_sum(observations, type='bigint', days=none) %}
    {{ rollup(
        observations,
        numerator='cast(sum(numerator) as ' ~ type ~ ')',
        denominator='cast(null as bigint)',
        value='cast(sum(numerator) as decimal(18, 6))',
        days=days,
    ) }}
{% endmacro %}


{# Value = share, mean or rate: `scale` times the sum of the numerators over the sum of the denominators. #}
{% macro rollup_ratio(observations, scale=1, type='bigint') %}
    {{ rollup(
        observations,
        numerator='cast(sum(numerator) as ' ~ type ~ ')',
        denominator='cast(sum(denominator) as bigint)',
        value=exact_ratio('sum(numerator)', 'sum(denominator)', scale),
    ) }}
{% endmacro %}


{# Value = percentile of the numerators, interpolated between neighbours; computed at each level, never averaged. #}
{% macro rollup_percentile(observations, share) %}
    {{ rollup(
        observations,
        numerator='cast(null as bigint)',
        denominator='cast(null as bigint)',
        value='cast(percentile_cont(' ~ share ~ ') within group (order by numerator) as decimal(18, 6))',
        of_sums=false,
    ) }}
{% endmacro %}


{#
  Value = rate: `per` times the sum of the numerators over the inhabitants of the territory, which are the denominator. A
  territory without population, as abroad and unknown are, has no row; what they count is in the nation's numerator.
#}
{% macro rollup_per_inhabitant(observations, per=10000, type='bigint') %}
    {{ rollup(
        observations,
        numerator='cast(sum(numerator) as ' ~ type ~ ')',
        denominator='cast(max(population) as bigint)',
        value=exact_ratio('sum(numerator)', 'max(population)', per),
        with_population=true,
    ) }}
{% endmacro %}


{#
  `of_sums`: the expressions only add up, so observations are summed by day and territory before they are spread over periods
  and levels: millions of records become thousands of rows, to the same exact figures.

  Where `meta.kpi` says `aggregation: latest`, only the latest observation of each entity in the period counts, as of a stock
  such as followers: once, where and under the breakdowns that this observation says.
#}
{% macro rollup(observations, numerator, denominator, value, of_sums=true, with_population=false, kpi=none, days=none) %}
    {% set periods, levels = ref('bridge_calendar_period'), ref('bridge_territory_level') %}
    {% set kpi = kpi or this_kpi() %}
    {%- set latest_of_entity = kpi.aggregation == 'latest' %}
    {%- set of_sums = of_sums and not latest_of_entity %}
    with breakdowns as (
        {% for breakdown in all_breakdowns(kpi) %}
        {% set of_months = of_sums and 'day' not in breakdown.period_types and 'week' not in breakdown.period_types %}
        select
            {{ 'max(observed.occurred_on) as occurred_on' if of_months else 'observed.occurred_on' }},
            territory_code,
            {{ 'record_key, entity_key,' if latest_of_entity }}
            '{{ breakdown.dimension }}' as breakdown_dimension,
            {{ "'total'" if breakdown.dimension == 'total' else "coalesce(" ~ breakdown.dimension ~ ", 'Non précisé')" }}
                as breakdown_value,
            {% if of_sums %}
            sum(numerator) as numerator,
            sum(denominator) as denominator,
            {{ 'sum(observations)' if days else 'count(record_key)' }} as observations
            {% else %}
            numerator,
            denominator,
            case when record_key is not null then 1 end as observations
            {% endif %}
        from {{ days or observations }} as observed
        {{ of_the_whole_or_of_a_part(kpi, breakdown) }}
        {% if of_sums %}
        group by
            {{ dbt.date_trunc('month', 'observed.occurred_on') if of_months else 'observed.occurred_on' }},
            territory_code
            {{- ', ' ~ breakdown.dimension if breakdown.dimension != 'total' }}
        {% endif %}
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    dated as (
        select
            breakdowns.territory_code,
            breakdowns.breakdown_dimension,
            breakdowns.breakdown_value,
            {% for figure in ('numerator', 'denominator', 'observations') %}
            {{ 'sum(breakdowns.' ~ figure ~ ')' if of_sums else 'breakdowns.' ~ figure }} as {{ figure }},
            {% endfor %}
            periods.period_type,
            periods.period_start
            {%- if latest_of_entity %},
            row_number() over (
                partition by
                    periods.period_type,
                    periods.period_start,
                    breakdowns.breakdown_dimension,
                    breakdowns.entity_key
                order by breakdowns.occurred_on desc, breakdowns.record_key desc
            ) as recency
            {%- endif %}
        from breakdowns
        inner join {{ periods }} as periods on breakdowns.occurred_on = periods.date_day
        where
            case breakdowns.breakdown_dimension
                {% for breakdown in all_breakdowns(kpi) %}
                when '{{ breakdown.dimension }}' then periods.period_type in ({{ quoted_list(breakdown.period_types) }})
                {% endfor %}
            end
        {% if of_sums %}
        group by
            breakdowns.territory_code,
            breakdowns.breakdown_dimension,
            breakdowns.breakdown_value,
            periods.period_type,
            periods.period_start
        {% endif %}
    ),

    cells as (
        select
            dated.breakdown_dimension,
            dated.breakdown_value,
            dated.numerator,
            dated.denominator,
            dated.observations,
            dated.period_type,
            dated.period_start,
            levels.territory_level,
            levels.level_code as territory_code
            {{- ', territories.population' if with_population }}
        from dated
        inner join {{ levels }} as levels on dated.territory_code = levels.territory_code
        {% if with_population %}
        inner join {{ ref('dim_territory') }} as territories
            on
                levels.level_code = territories.territory_code
                and territories.population is not null
        {% endif %}
        where
            case dated.breakdown_dimension
                {% for breakdown in all_breakdowns(kpi) %}
                when '{{ breakdown.dimension }}'
                    then levels.territory_level in ({{ quoted_list(breakdown.territory_levels) }})
                {% endfor %}
            end
            {{ 'and dated.recency = 1' if latest_of_entity }}
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
        cast(coalesce(sum(observations), 0) as bigint) as observations,
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


{# The total and each breakdown of a KPI, with their periods and levels; a breakdown may have fewer levels than the total. #}
{% macro all_breakdowns(kpi) %}
    {% set found = [{
        'dimension': 'total',
        'period_types': kpi.grain.period_types,
        'territory_levels': kpi.grain.territory_levels,
    }] %}
    {% for breakdown in kpi.grain.breakdowns %}
        {% do found.append({
            'dimension': breakdown.dimension,
            'period_types': breakdown.period_types,
            'territory_levels': breakdown.territory_levels or kpi.grain.territory_levels,
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
  Refuses a KPI that shows places and not what lies abroad or nowhere known: no record may make its levels fall short of the
  nation. A rate per inhabitant is exempt: those two have no inhabitants.
#}
{% macro refuse_grains_that_lose_records() %}
    {% for kpi in graph.nodes.values() | map(attribute='config.meta.kpi') | select('defined') %}
        {% for part in all_breakdowns(kpi) if 'habitant' not in kpi.unit %}
            {% set levels = part.territory_levels %}
            {% set has_places = levels | select('in', ['region', 'gendarmerie_region', 'departement']) | list %}
            {% if has_places and not ('abroad' in levels and 'unknown' in levels) %}
                {{ exceptions.raise_compiler_error(
                    'The KPI ' ~ kpi.code ~ ' shows ' ~ has_places | join(', ') ~ ' under "' ~ part.dimension
                    ~ '" without abroad and unknown: add both to territory_levels.'
                ) }}
            {% endif %}
        {% endfor %}
    {% endfor %}
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


{# `meta.kpi` of the KPI of that name; unknown while dbt parses. #}
{% macro kpi_named(name) %}
    {% if not execute %}
        {{ return({'code': '', 'victims': 'numerator', 'grain': {'period_types': [], 'territory_levels': [], 'breakdowns': []}}) }}
    {% endif %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ name].config.meta.kpi) }}
{% endmacro %}
