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
)

select
    date_day,
    iso_weekday,
    weekday_name,
    iso_weekday in (6, 7) as is_weekend,
    week_start,
    iso_year,
    iso_week,
    month_start,
    month_number,
    month_name,
    quarter_start,
    quarter_number,
    year_start,
    year_number,
    concat(
        case when day_number = 1 then '1er' else cast(day_number as string) end,
        ' ',
        month_name,
        ' ',
        cast(year_number as string)
    ) as day_label,
    concat('semaine ', cast(iso_week as string), ' de ', cast(iso_year as string)) as week_label,
    concat(month_name, ' ', cast(year_number as string)) as month_label,
    concat(
        case when quarter_number = 1 then '1er' else concat(cast(quarter_number as string), 'e') end,
        ' trimestre ',
        cast(year_number as string)
    ) as quarter_label,
    cast(year_number as string) as year_label
from names
