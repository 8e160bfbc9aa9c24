-- A region of one département is that département under another code and the same name: what is in it would
-- count twice.
with territories as (
    select * from {{ ref('dim_territory') }}
),

containers as (
    select
        territory_code,
        territory_code as container_code
    from territories
    union
    select
        territory_code,
        'FR' as container_code
    from territories
    union
    select
        territory_code,
        gendarmerie_region_code as container_code
    from territories
    where gendarmerie_region_code is not null
    union
    select
        territories.territory_code,
        territories.region_code as container_code
    from territories
    inner join territories as regions on territories.region_code = regions.territory_code
    where territories.territory_name <> regions.territory_name
)

select
    containers.territory_code,
    containers.container_code,
    territories.territory_name as container_name
from containers
inner join territories on containers.container_code = territories.territory_code
