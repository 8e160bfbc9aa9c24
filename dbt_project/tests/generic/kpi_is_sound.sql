{#
  Fails with the rows of a KPI that are not what its `meta.kpi` and the layout of KPIs say, each with its problem. `scale` is
  that of its roll-up: value = scale × numerator / denominator where there is a denominator, else the numerator.
#}
{% test kpi_is_sound(model, scale=1) %}
    {% set kpi = kpi_named(model.identifier) %}
    {% set highest = {'part': 1, 'note sur 5': 5, 'note sur 10': 10} %}
    {% set ratio = scale ~ ' * cast(rows_of_kpi.numerator as double) / nullif(rows_of_kpi.denominator, 0)' %}
    with rows_of_kpi as (
        select
            *,
            count(kpi_code) over (
                partition by
                    period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value
            ) as rows_of_cell
        from {{ model }}
    ),

    judged as (
        select
            rows_of_kpi.*,
            case
                when rows_of_cell > 1
                    then 'several rows for one cell'
                when rows_of_kpi.kpi_code <> '{{ kpi.code }}'
                    then 'another KPI'
                when not (
                    {% for part in all_breakdowns(kpi) %}
                    (
                        rows_of_kpi.breakdown_dimension = '{{ part.dimension }}'
                        and rows_of_kpi.period_type in ({{ quoted_list(part.period_types) }})
                        and rows_of_kpi.territory_level in ({{ quoted_list(part.territory_levels) }})
                    )
                    {{ 'or' if not loop.last }}
                    {% endfor %}
                )
                    then 'not in the grain that is declared'
                when (rows_of_kpi.breakdown_dimension = 'total') <> (rows_of_kpi.breakdown_value = 'total')
                    then 'half a total'
                when territories.territory_code is null
                    then 'no such territory at this level'
                when periods.period_start is null
                    then 'no such period'
                {% if not kpi.victims %}
                when rows_of_kpi.is_suppressed
                    then 'suppressed, though it counts no victims'
                {% endif %}
                when
                    rows_of_kpi.is_suppressed
                    and coalesce(
                        rows_of_kpi.numerator, rows_of_kpi.denominator, rows_of_kpi.value, rows_of_kpi.observations
                    ) is not null
                    then 'suppressed, yet it holds a figure'
                when not rows_of_kpi.is_suppressed and coalesce(rows_of_kpi.observations, 0) < 1
                    then 'no observations'
                {% if kpi.victims %}
                when {{ 'rows_of_kpi.denominator' if kpi.victims == 'denominator' else 'rows_of_kpi.numerator' }} < 5
                    {{ "and rows_of_kpi.denominator is not null" if kpi.victims == 'denominator' }}
                    then 'fewer than five victims'
                {% endif %}
                when
                    rows_of_kpi.denominator is null
                    and rows_of_kpi.numerator is not null
                    and rows_of_kpi.value <> rows_of_kpi.numerator
                    then 'the value is not the numerator'
                when rows_of_kpi.denominator = 0 and rows_of_kpi.value is not null
                    then 'a value without a denominator'
                when
                    rows_of_kpi.denominator is not null
                    and abs(coalesce(cast(rows_of_kpi.value as double), 0) - coalesce({{ ratio }}, 0)) > 0.000001
                    then 'the value is not the ratio of its parts'
                when rows_of_kpi.value < 0
                    then 'negative'
                {% if kpi.unit in highest %}
                when rows_of_kpi.value > {{ highest[kpi.unit] }}
                    then 'more than the unit allows'
                {% endif %}
            end as problem
        from rows_of_kpi
        left join {{ ref('dim_territory') }} as territories
            on
                rows_of_kpi.territory_code = territories.territory_code
                and rows_of_kpi.territory_level = territories.territory_level
        left join {{ ref('dim_period') }} as periods
            on
                rows_of_kpi.period_type = periods.period_type
                and rows_of_kpi.period_start = periods.period_start
    )

    select *
    from judged
    where problem is not null
{% endtest %}
