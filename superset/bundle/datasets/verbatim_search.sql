-- One row per text, term that stands in it and theme that it speaks of, under the text's own territory alone. How well a text
-- answers a search is the sum of the weights of the terms searched for (BM25). Under the empty word stands every text, the later the
-- heavier: what is shown before a word is chosen.
-- A département that is a region too stands twice among the territories, hence the condition.
with terms as (
    select
        words,
        weight,
        verbatim_id
    from perception.fct_verbatim_term
    union all
    select
        '' as words,
        1.0 / (1 + date_diff('day', written_on, max(written_on) over ())) as weight,
        verbatim_id
    from perception.fct_verbatim
)

select
    terms.words,
    terms.words <> '' as is_word,
    terms.weight,
    terms.verbatim_id,
    themes.theme_label,
    texts.written_on,
    platforms.title as platform_title,
    texts.service_name,
    texts.territory_code,
    territories.territory_name,
    feelings.feeling,
    texts.text
from terms
inner join perception.fct_verbatim_theme as themes on terms.verbatim_id = themes.verbatim_id
inner join perception.fct_verbatim as texts on terms.verbatim_id = texts.verbatim_id
inner join perception.fct_verbatim_feeling as feelings on terms.verbatim_id = feelings.verbatim_id
inner join reference.dim_territory as territories on texts.territory_code = territories.territory_code
inner join reference.dim_platform as platforms on texts.platform = platforms.platform
where territories.territory_level not in ('region', 'gendarmerie_region', 'nation')
