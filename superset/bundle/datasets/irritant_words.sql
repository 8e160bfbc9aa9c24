-- The words of each theme on one line, the most distinctive first.
with themes as (
    select distinct
        theme,
        theme_label
    from perception.fct_irritant
)

select
    themes.theme_label,
    string_agg(words.word, ', ' order by words.rank) as words
from perception.fct_irritant_word as words
inner join themes on words.theme = themes.theme
where words.service_name = 'total'
group by themes.theme_label
