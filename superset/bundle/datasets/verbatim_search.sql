-- One row per text, term that stands in it and theme that it speaks of, under the text's own territory alone. How well a text
-- answers a search is the sum of the weights of the terms searched for (BM25).
-- A département that is a region too stands twice among the territories, hence the condition.
select
    terms.words,
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
from perception.fct_verbatim_term as terms
inner join perception.fct_verbatim_theme as themes on terms.verbatim_id = themes.verbatim_id
inner join perception.fct_verbatim as texts on terms.verbatim_id = texts.verbatim_id
inner join perception.fct_verbatim_feeling as feelings on terms.verbatim_id = feelings.verbatim_id
inner join reference.dim_territory as territories on texts.territory_code = territories.territory_code
inner join reference.dim_platform as platforms on texts.platform = platforms.platform
where territories.territory_level not in ('region', 'gendarmerie_region', 'nation')
