-- One row per text and theme that it speaks of, under its own territory alone: who is bound to a territory reads no other's texts.
-- A département that is a region too stands twice among the territories, hence the condition.
select
    themes.verbatim_id,
    themes.theme_label,
    texts.written_on,
    date_trunc('month', texts.written_on) as month_start,
    platforms.title as platform_title,
    texts.service_name,
    texts.territory_code,
    territories.territory_name,
    feelings.feeling,
    feelings.feeling_source,
    feelings.is_undecided,
    texts.text
from perception.fct_verbatim_theme as themes
inner join perception.fct_verbatim as texts on themes.verbatim_id = texts.verbatim_id
inner join perception.fct_verbatim_feeling as feelings on themes.verbatim_id = feelings.verbatim_id
inner join reference.dim_territory as territories on texts.territory_code = territories.territory_code
inner join reference.dim_platform as platforms on texts.platform = platforms.platform
where territories.territory_level not in ('region', 'gendarmerie_region', 'nation')
