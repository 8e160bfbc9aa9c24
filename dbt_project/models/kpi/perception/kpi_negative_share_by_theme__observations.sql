with texts as (
    select * from {{ ref('int_irritant_text') }}
),

themes as (
    select * from {{ ref('fct_verbatim_theme') }}
),

counted as (
    select
        verbatim_id,
        written_on,
        territory_code,
        cast(null as string) as theme,
        feeling
    from texts
    union all
    select
        texts.verbatim_id,
        texts.written_on,
        texts.territory_code,
        themes.theme,
        texts.feeling
    from texts
    inner join themes on texts.verbatim_id = themes.verbatim_id
)

select
    verbatim_id as record_key,
    written_on as occurred_on,
    territory_code,
    theme as verbatim_theme,
    cast(case when feeling = 'négatif' then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from counted
