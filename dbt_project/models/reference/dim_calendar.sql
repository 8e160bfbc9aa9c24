-- 2000-01-01 to 2050-12-31 are 18 628 days; dbt.date_spine would query the warehouse to compile.
with days as (
    select cast({{ dbt.dateadd('day', 'generated_number - 1', "cast('2000-01-01' as date)") }} as date) as date_day
    from ({{ dbt.generate_series(18628) }}) as series
),

starts as (
    select
        date_day,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as week_start,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start,
        cast({{ dbt.date_trunc('year', 'date_day') }} as date) as year_start
    from days
),

numbers as (
    select
        date_day,
        week_start,
        month_start,
        quarter_start,
        year_start,
        -- The ISO year of a week is the year of its Thursday.
        cast({{ dbt.dateadd('day', 3, 'week_start') }} as date) as thursday,
        cast(extract(day from date_day) as integer) as day_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast(extract(quarter from date_day) as integer) as quarter_number,
        cast(extract(year from date_day) as integer) as year_number,
        cast({{ dbt.datediff('week_start', 'date_day', 'day') | trim }} + 1 as integer) as iso_weekday
    from starts
),

names as (
    select
        *,
        cast(extract(year from thursday) as integer) as iso_year,
        cast(floor((extract(doy from thursday) + 6) / 7) as integer) as iso_week,
        {{ nth('month_number', [
            'janvier', 'février', 'mars', 'avril', 'mai', 'juin',
            'juillet', 'août', 'septembre', 'octobre', 'novembre', 'décembre',
        ]) }} as month_name,
        {{ nth('iso_weekday', ['lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi', 'dimanche']) }}
            as weekday_name
    from numbers
),

public_holidays as (
    select
        date_day,
        max(case when territory_code = 'FR' then holiday_name end) as public_holiday_name,
        max(case when territory_code = 'FR-67' then holiday_name end) as alsace_moselle_holiday_name
    from {{ ref('public_holidays') }}
    group by date_day
),

school_holidays as (
    select * from {{ ref('school_holidays') }}
),

known_school_years as (
    select
        min(starts_on) as first_day,
        max(ends_on) as last_day
    from school_holidays
),

school_days as (
    select
        days.date_day,
        max(school_holidays.holiday_name) as school_holiday_name,
        max(case when school_holidays.school_zone = 'A' then 1 else 0 end) = 1 as is_school_holiday_zone_a,
        max(case when school_holidays.school_zone = 'B' then 1 else 0 end) = 1 as is_school_holiday_zone_b,
        max(case when school_holidays.school_zone = 'C' then 1 else 0 end) = 1 as is_school_holiday_zone_c
    from days
    -- Beyond the calendars that are published nothing is known: neither a holiday nor a school day.
    inner join known_school_years
        on days.date_day between known_school_years.first_day and known_school_years.last_day
    left join school_holidays on days.date_day between school_holidays.starts_on and school_holidays.ends_on
    group by days.date_day
)

select
    names.date_day,
    names.iso_weekday,
    names.weekday_name,
    names.iso_weekday in (6, 7) as is_weekend,
    public_holidays.public_holiday_name is not null as is_public_holiday,
    public_holidays.public_holiday_name,
    coalesce(public_holidays.public_holiday_name, public_holidays.alsace_moselle_holiday_name) is not null
        as is_public_holiday_alsace_moselle,
    school_days.is_school_holiday_zone_a,
    school_days.is_school_holiday_zone_b,
    school_days.is_school_holiday_zone_c,
    school_days.school_holiday_name,
    names.week_start,
    names.iso_year,
    names.iso_week,
    names.month_start,
    names.month_number,
    names.month_name,
    names.quarter_start,
    names.quarter_number,
    names.year_start,
    names.year_number,
    concat(
        case when names.day_number = 1 then '1er' else cast(names.day_number as string) end,
        ' ',
        names.month_name,
        ' ',
        cast(names.year_number as string)
    ) as day_label,
    concat('semaine ', cast(names.iso_week as string), ' de ', cast(names.iso_year as string)) as week_label,
    concat(names.month_name, ' ', cast(names.year_number as string)) as month_label,
    concat(
        case when names.quarter_number = 1 then '1er' else concat(cast(names.quarter_number as string), 'e') end,
        ' trimestre ',
        cast(names.year_number as string)
    ) as quarter_label,
    cast(names.year_number as string) as year_label
from names
left join public_holidays on names.date_day = public_holidays.date_day
left join school_days on names.date_day = school_days.date_day
