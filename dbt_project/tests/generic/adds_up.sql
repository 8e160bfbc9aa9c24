{#
  Fails where a KPI does not make up the total of its fact, by period, level or breakdown. `breakdowns` are those that
  divide the whole. What is suppressed is left out: there, the rest must not exceed the total.
#}
{% test adds_up(model, fact, total, breakdowns=[]) %}
    with expected as (
        select cast({{ total }} as decimal(38, 6)) as total
        from {{ fact }}
    ),

    sums as (
        {% for levels in [['nation'], ['departement', 'abroad', 'unknown'], ['gendarmerie_region', 'abroad', 'unknown']] %}
        select
            '{{ levels | join(", ") }}' as territory_levels,
            period_type,
            breakdown_dimension,
            sum(value) as total,
            max(case when is_suppressed then 1 else 0 end) as has_suppressed,
            max(case when territory_level = '{{ levels[0] }}' then 1 else 0 end) as is_whole
        from {{ model }}
        where
            territory_level in ({{ quoted_list(levels) }})
            and breakdown_dimension in ({{ quoted_list(['total'] + breakdowns) }})
        group by period_type, breakdown_dimension
        {{ 'union all' if not loop.last }}
        {% endfor %}
    )

    select
        sums.territory_levels,
        sums.period_type,
        sums.breakdown_dimension,
        sums.total,
        expected.total as expected_total
    from sums
    cross join expected
    where
        sums.is_whole = 1
        and (
            sums.total > expected.total
            or (sums.total <> expected.total and sums.has_suppressed = 0)
        )
{% endtest %}
