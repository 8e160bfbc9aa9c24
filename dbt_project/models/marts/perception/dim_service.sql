with told as (
    select
        'jdma' as platform,
        service_id,
        service_name
    from {{ ref('int_jdma_service') }}
    union all
    -- Reviews of an export whose name no service has, or two.
    select
        'jdma' as platform,
        'inconnu' as service_id,
        'Service non précisé' as service_name
    from {{ ref('fct_jdma_review') }}
    where service_id = 'inconnu'
    union all
    select
        'app_stores' as platform,
        app_id as service_id,
        app_name as service_name
    from {{ ref('fct_app_review') }}
    union all
    select
        'services_publics_plus' as platform,
        typology as service_id,
        typology as service_name
    from {{ ref('int_experience_structure') }}
    where typology is not null
)

select
    concat(platform, '|', service_id) as service_key,
    platform,
    service_id,
    max(service_name) as service_name
from told
group by platform, service_id
