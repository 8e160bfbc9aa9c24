-- The texts that stand for the complaints of each theme, under the territory of each.
-- A département that is a region too stands twice among the territories, hence the condition.
select
    themes.theme_label,
    examples.service_name,
    examples.rank,
    examples.typicality,
    texts.written_on,
    platforms.title as platform_title,
    texts.territory_code,
    territories.territory_name,
    feelings.feeling,
    texts.text
from perception.fct_irritant_example as examples
inner join perception.fct_verbatim_theme as themes
    on
        examples.verbatim_id = themes.verbatim_id
        and examples.theme = themes.theme
inner join perception.fct_verbatim as texts on examples.verbatim_id = texts.verbatim_id
inner join perception.fct_verbatim_feeling as feelings on examples.verbatim_id = feelings.verbatim_id
inner join reference.dim_territory as territories on texts.territory_code = territories.territory_code
inner join reference.dim_platform as platforms on texts.platform = platforms.platform
where territories.territory_level not in ('region', 'gendarmerie_region', 'nation')
