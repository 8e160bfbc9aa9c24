{#
  Small counts of victims stay hidden. A KPI that counts victims says in `meta.kpi.victims` whether they are its numerator or
  its denominator, stands in kpi_victim_cell with the others of the same source, and wraps its roll-up in `suppressed`.
#}

{# Rows of a KPI, those of hidden cells without figures. Which cells are hidden is decided in kpi_suppressed_cell. #}
{% macro suppressed(rolled_up) %}
    with rolled_up as (
        {{ rolled_up }}
    )

    select
        rolled_up.kpi_code,
        rolled_up.period_type,
        rolled_up.period_start,
        rolled_up.territory_level,
        rolled_up.territory_code,
        rolled_up.breakdown_dimension,
        rolled_up.breakdown_value,
        {% for figure in ['numerator', 'denominator', 'value', 'observations'] %}
        case when hidden.kpi_code is null then rolled_up.{{ figure }} end as {{ figure }},
        {% endfor %}
        hidden.kpi_code is not null as is_suppressed
    from rolled_up
    left join {{ ref('kpi_suppressed_cell') }} as hidden
        on
            {% for coordinate in cell_coordinates() %}
            rolled_up.{{ coordinate }} = hidden.{{ coordinate }}
            {{ 'and' if not loop.last }}
            {% endfor %}
{% endmacro %}


{# One row per cell of each KPI that counts victims, with their number. `sources` lists observations by source. #}
{% macro victim_cells(sources) %}
    {% set blocks = [] %}
    {% for source, kpis in sources.items() %}
        {% for observations in kpis %}
            {% set kpi = kpi_named(observations.identifier | replace('__observations', '')) %}
            {% set cells = rollup(
                observations,
                numerator='cast(sum(numerator) as decimal(38, 6))',
                denominator='cast(sum(denominator) as bigint)',
                value='cast(null as decimal(18, 6))',
                kpi=kpi,
            ) %}
            {% do blocks.append(victims_of(source, kpi, cells)) %}
        {% endfor %}
    {% endfor %}
    {{ blocks | join(' union all ') }}
{% endmacro %}


{% macro victims_of(source, kpi, cells) %}
    {% set loose = kpi.grain.breakdowns | selectattr('part', 'defined') | map(attribute='dimension') | list %}
    select
        '{{ source }}' as victims_source,
        {% for coordinate in cell_coordinates() %}
        {{ coordinate }},
        {% endfor %}
        cast(coalesce({{ kpi.victims }}, 0) as bigint) as victims,
        {{ 'cast(coalesce(numerator, 0) as bigint)' if kpi.unit == 'part' else 'cast(null as bigint)' }} as victims_in_share,
        {{ 'breakdown_dimension not in (' ~ quoted_list(loose) ~ ')' if loose else 'true' }} as adds_up_to_total
    from (
        {{ cells }}
    ) as cells
{% endmacro %}


{% macro cell_coordinates() %}
    {{ return([
        'kpi_code',
        'period_type',
        'period_start',
        'territory_level',
        'territory_code',
        'breakdown_dimension',
        'breakdown_value',
    ]) }}
{% endmacro %}
