{#
  Fails where a KPI does not make up the total of its fact, by period, level or breakdown that its grain declares, absent
  ones included. `breakdowns` are those that divide the whole. What is suppressed is left out: there, the rest must not
  exceed the total.
#}
{% test adds_up(model, fact, total, breakdowns=[]) %}
    {% set wholes = [] %}
    {% for part in all_breakdowns(kpi_named(model.identifier)) if part.dimension in ['total'] + breakdowns %}
        {% for level in ['nation', 'departement', 'gendarmerie_region'] if level in part.territory_levels %}
            {% for period_type in part.period_types %}
                {% do wholes.append([level, period_type, part.dimension]) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    with facts as (
        select cast(coalesce({{ total }}, 0) as decimal(38, 6)) as total
        from {{ fact }}
    ),

    expected as (
        {% for level, period_type, dimension in wholes %}
        select
            '{{ level }}' as territory_level,
            '{{ period_type }}' as period_type,
            '{{ dimension }}' as breakdown_dimension,
            total
        from facts
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    sums as (
        select
            expected.territory_level,
            expected.period_type,
            expected.breakdown_dimension,
            expected.total as expected_total,
            coalesce(sum(cells.value), 0) as total,
            coalesce(max(case when cells.is_suppressed then 1 else 0 end), 0) as has_suppressed
        from expected
        left join {{ model }} as cells
            on
                expected.period_type = cells.period_type
                and expected.breakdown_dimension = cells.breakdown_dimension
                and (
                    expected.territory_level = cells.territory_level
                    or (expected.territory_level <> 'nation' and cells.territory_level in ('abroad', 'unknown'))
                )
        group by expected.territory_level, expected.period_type, expected.breakdown_dimension, expected.total
    )

    select *
    from sums
    where
        total > expected_total
        or (total <> expected_total and has_suppressed = 0)
{% endtest %}
