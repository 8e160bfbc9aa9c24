-- A département or its coast is a territory; a section of a river has none of its own, the country is the nation.
with placed as (
    select
        alerts.*,
        case
            when alerts.territory_type = 'littoral' then substring(alerts.source_territory_code, 1, 2)
            when alerts.territory_type = 'departement' then alerts.source_territory_code
        end as departement_code
    from {{ ref('stg_official_alerts__alert') }} as alerts
)

select
    placed.alert_id,
    placed.source,
    placed.vigilance_level,
    case placed.vigilance_level when 'rouge' then 4 when 'orange' then 3 when 'jaune' then 2 when 'vert' then 1 end
        as level_rank,
    placed.source_level,
    placed.phenomenon,
    placed.territory_type,
    case
        when placed.territory_type = 'pays' then 'FR'
        when placed.territory_type = 'region' then coalesce(regions.region_code, 'ZZ')
        else coalesce(departements.territory_code, 'ZZ')
    end as territory_code,
    coalesce(
        placed.source_territory_name,
        regions.region_name,
        territories.territory_name,
        case when placed.territory_type = 'pays' then 'France' end,
        placed.source_territory_code
    ) as territory_name,
    placed.valid_from,
    placed.valid_until,
    placed.issued_at,
    placed.title,
    placed.url,
    placed.source_load_id
from placed
left join {{ ref('bridge_departement_territory') }} as departements
    on placed.departement_code = departements.departement_code
left join {{ ref('dim_territory') }} as territories on departements.territory_code = territories.territory_code
left join {{ ref('regions') }} as regions
    on placed.territory_type = 'region' and placed.source_territory_code = regions.cog_code
