-- Victims come from the published KPI, small counts hidden: whatever is made of them cannot give one away.
{% set counted = ['mentions', 'people_reached', 'pre_complaints', 'prevention_actions', 'prevention_hours'] %}
with readings as (
    select
        territory_code,
        period_start as month_start,
        max(case when kpi_code = 'chat_contacts' then numerator end) as chat_contacts,
        max(case when kpi_code = 'mentions' then numerator end) as mentions,
        max(case when kpi_code = 'pre_complaints' then numerator end) as pre_complaints,
        max(case when kpi_code = 'prevention_actions' then numerator end) as prevention_actions,
        max(case when kpi_code = 'prevention_audience' then numerator end) as people_reached,
        max(case when kpi_code = 'prevention_hours' then numerator end) as prevention_hours,
        max(case when kpi_code = 'victims_assisted' then numerator end) as victims_assisted,
        max(case when kpi_code = 'victims_assisted' and is_suppressed then 1 else 0 end) = 1 as victims_are_hidden
    from {{ ref('kpi_value') }}
    where
        period_type = 'month'
        and breakdown_dimension = 'total'
        and territory_level in ('nation', 'gendarmerie_region', 'departement')
    group by territory_code, period_start
),

known as (
    select max(data_as_of) as data_as_of
    from {{ ref('freshness') }}
),

begun as (
    select min(month_start) as first_month
    from readings
),

months as (
    select
        periods.period_start as month_start,
        periods.period_label as month_label,
        periods.last_day
    from {{ ref('dim_period') }} as periods
    cross join begun
    cross join known
    where
        periods.period_type = 'month'
        and periods.period_start >= begun.first_month
        and periods.last_day <= known.data_as_of
),

territories as (
    select *
    from {{ ref('dim_territory') }}
    where territory_level in ('nation', 'gendarmerie_region', 'departement')
),

holidays as (
    select
        month_start,
        sum(case when is_school_holiday_zone_a then 1 else 0 end) as zone_a,
        sum(case when is_school_holiday_zone_b then 1 else 0 end) as zone_b,
        sum(case when is_school_holiday_zone_c then 1 else 0 end) as zone_c
    from {{ ref('dim_calendar') }}
    group by month_start
),

costs as (
    select
        levels.level_code as territory_code,
        calendar.month_start,
        cast(sum(actions.cost_eur) as decimal(38, 6)) as cost_eur
    from {{ ref('fct_prevention_action') }} as actions
    inner join {{ ref('dim_calendar') }} as calendar on actions.started_on = calendar.date_day
    inner join {{ ref('bridge_territory_level') }} as levels on actions.territory_code = levels.territory_code
    where levels.territory_level in ('nation', 'gendarmerie_region', 'departement')
    group by levels.level_code, calendar.month_start
),

-- The list of units tells the present only: the same for every month.
units as (
    select
        levels.level_code as territory_code,
        count(units.unit_key) as units,
        {{ exact_ratio('sum(' ~ weekly_minutes('units.opening_hours') ~ ')', '60') }} as weekly_opening_hours
    from {{ ref('dim_unit') }} as units
    inner join {{ ref('bridge_territory_level') }} as levels on units.territory_code = levels.territory_code
    where levels.territory_level in ('nation', 'gendarmerie_region', 'departement')
    group by levels.level_code
),

headcounts as (
    select
        year_number,
        cast(sum(people) as bigint) as headcount
    from {{ ref('stg_reference__headcount') }}
    group by year_number
),

-- Headcounts come a year late: the last that are known hold.
latest_headcounts as (
    select
        months.month_start,
        headcounts.headcount,
        row_number() over (partition by months.month_start order by headcounts.year_number desc) as recency
    from months
    inner join headcounts on extract(year from months.month_start) >= headcounts.year_number
),

waiting as (
    select
        levels.level_code as territory_code,
        months.month_start,
        count(experiences.experience_id) as unanswered,
        cast(
            percentile_cont(0.5) within group (
                order by {{ dbt.datediff('experiences.published_on', 'months.last_day', 'day') | trim }}
            ) as decimal(18, 6)
        ) as unanswered_age_days
    from months
    inner join {{ ref('fct_experience') }} as experiences
        on
            months.last_day >= experiences.published_on
            and experiences.published_on > {{ dbt.dateadd('year', -1, 'months.last_day') }}
            and (
                months.last_day < experiences.first_answered_on
                or (experiences.first_answered_on is null and not experiences.is_answered)
            )
    inner join {{ ref('bridge_territory_level') }} as levels on experiences.territory_code = levels.territory_code
    where
        experiences.is_gendarmerie
        and levels.territory_level in ('nation', 'gendarmerie_region', 'departement')
    group by levels.level_code, months.month_start
)

select
    territories.territory_code,
    territories.territory_level,
    months.month_start,
    months.month_label,
    territories.population,
    cast(
        case territories.school_zone
            when 'A' then holidays.zone_a
            when 'B' then holidays.zone_b
            when 'C' then holidays.zone_c
        end as bigint
    ) as holiday_days,
    case when territories.territory_level = 'nation' then latest_headcounts.headcount end as headcount,
    cast(coalesce(units.units, 0) as bigint) as units,
    units.weekly_opening_hours,
    -- Where the nation has a figure of the month, a territory without a row has counted none.
    {% for column in counted %}
    case
        when whole_nation.{{ column }} is not null then coalesce(readings.{{ column }}, 0)
    end as {{ column }},
    {% endfor %}
    case when whole_nation.prevention_actions is not null then coalesce(costs.cost_eur, 0) end as prevention_cost_eur,
    readings.chat_contacts,
    case
        when whole_nation.victims_assisted is not null and not coalesce(readings.victims_are_hidden, false)
            then coalesce(readings.victims_assisted, 0)
    end as victims_assisted,
    coalesce(readings.victims_are_hidden, false) as victims_are_hidden,
    cast(coalesce(waiting.unanswered, 0) as bigint) as unanswered,
    waiting.unanswered_age_days
from territories
cross join months
left join readings
    on
        territories.territory_code = readings.territory_code
        and months.month_start = readings.month_start
left join readings as whole_nation
    on
        whole_nation.territory_code = 'FR'
        and months.month_start = whole_nation.month_start
left join holidays on months.month_start = holidays.month_start
left join costs
    on
        territories.territory_code = costs.territory_code
        and months.month_start = costs.month_start
left join units on territories.territory_code = units.territory_code
left join latest_headcounts
    on
        months.month_start = latest_headcounts.month_start
        and latest_headcounts.recency = 1
left join waiting
    on
        territories.territory_code = waiting.territory_code
        and months.month_start = waiting.month_start
