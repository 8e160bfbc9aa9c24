{# The area of each territory of a level that is made of départements: how many those are, and the code of one of them. #}
{% macro areas_by_level() %}
    select
        levels.level_code as territory_code,
        sum(areas.area_km2) as area_km2,
        count(places.territory_code) as departements,
        max(places.territory_code) as departement_territory_code
    from {{ ref('dim_territory') }} as places
    inner join {{ ref('territory_areas') }} as areas on places.departement_code = areas.departement_code
    inner join {{ ref('bridge_territory_level') }} as levels on places.territory_code = levels.territory_code
    where
        places.territory_level = 'departement'
        and levels.territory_level in ('departement', 'region', 'gendarmerie_region')
    group by levels.level_code
{% endmacro %}
