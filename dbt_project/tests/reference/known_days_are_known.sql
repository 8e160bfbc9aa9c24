-- Days whose answer is known from the texts: a moving holiday, one of a territory only, the edges of school holidays.
{% set days = [
    ('2024-02-29', none, false, true, true, false),
    ('2025-04-18', none, true, false, true, true),
    ('2025-04-21', 'Lundi de Pâques', true, true, true, true),
    ('2025-05-01', 'Fête du Travail', true, true, false, false),
    ('2026-02-06', none, false, false, false, false),
    ('2026-02-07', none, false, true, false, false),
    ('2026-02-22', none, false, true, true, true),
    ('2026-05-14', 'Ascension', true, true, true, true),
    ('2026-05-25', 'Lundi de Pentecôte', true, false, false, false),
    ('2026-12-26', none, true, true, true, true),
    ('2030-07-14', 'Fête nationale', true, none, none, none),
] %}
with expected as (
    {% for day, name, is_holiday_in_alsace_moselle, zone_a, zone_b, zone_c in days %}
    select
        cast('{{ day }}' as date) as date_day,
        {{ "'" ~ name ~ "'" if name else 'null' }} as public_holiday_name,
        {{ is_holiday_in_alsace_moselle }} as is_public_holiday_alsace_moselle,
        {{ 'null' if zone_a is none else zone_a }} as is_school_holiday_zone_a,
        {{ 'null' if zone_b is none else zone_b }} as is_school_holiday_zone_b,
        {{ 'null' if zone_c is none else zone_c }} as is_school_holiday_zone_c
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

found as (
    select
        date_day,
        public_holiday_name,
        is_public_holiday_alsace_moselle,
        is_school_holiday_zone_a,
        is_school_holiday_zone_b,
        is_school_holiday_zone_c
    from {{ ref('dim_calendar') }}
)

select * from expected
except
select * from found
