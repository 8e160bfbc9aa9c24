with texts as (
    select * from {{ ref('int_irritant_text') }}
    where mark is not null
),

spoken_of as (
    select * from {{ ref('fct_verbatim_theme') }}
),

themes as (
    select distinct theme from spoken_of
),

-- Each text is judged on each theme: one that does not complain of it counts for nothing in its weight, yet it counts.
judged as (
    select
        texts.verbatim_id,
        texts.written_on,
        texts.territory_code,
        themes.theme,
        case when spoken_of.theme is null then 0 else texts.lost_by_theme end as lost
    from texts
    cross join themes
    left join spoken_of
        on
            texts.verbatim_id = spoken_of.verbatim_id
            and themes.theme = spoken_of.theme
    union all
    select
        verbatim_id,
        written_on,
        territory_code,
        cast(null as string) as theme,
        lost
    from texts
)

select
    verbatim_id as record_key,
    written_on as occurred_on,
    territory_code,
    theme as verbatim_theme,
    cast(lost as decimal(38, 6)) as numerator,
    cast(1 as bigint) as denominator
from judged
