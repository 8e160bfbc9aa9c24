-- As the KPI of mentions has it, by the hour: the place is that of the source. An hour without a mention has no row.
select
    coalesce(territories.territory_code, aliases.territory_code) as territory_code,
    cast({{ bin_start('mentions.published_at', 60) }} as timestamp) as hour_start,
    count(mentions.mention_id) as mentions
from {{ ref('stg_listening__mention') }} as mentions
left join {{ ref('territories') }} as territories on mentions.departement_code = territories.departement_code
left join {{ ref('territory_aliases') }} as aliases
    on
        mentions.departement_code = aliases.departement_code
        and aliases.territory_code not in ('XX', 'ZZ')
where coalesce(territories.territory_code, aliases.territory_code) is not null
group by
    coalesce(territories.territory_code, aliases.territory_code),
    {{ bin_start('mentions.published_at', 60) }}
