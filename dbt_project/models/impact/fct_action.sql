with service_changes as (
    select
        changes.action_id,
        changes.theme,
        coalesce(codes.territory_code, 'ZZ') as territory_code,
        changes.departement_code is null as is_nationwide,
        changes.started_on,
        coalesce(changes.ended_on, changes.started_on) as ended_on,
        changes.targeted_kpi_codes,
        changes.working_hours,
        changes.cost_eur
    from {{ ref('stg_prevention_actions__action') }} as changes
    left join {{ ref('bridge_departement_territory') }} as codes on changes.departement_code = codes.departement_code
    where changes.action_type = {{ service_change() }}
)

select
    action_id,
    'Action de prévention' as action_kind,
    'prevention_actions' as platform,
    action_type,
    theme,
    territory_code,
    is_nationwide,
    started_on,
    ended_on,
    targeted_kpi_codes,
    cast(null as bigint) as items,
    working_hours,
    cost_eur
from {{ ref('fct_prevention_action') }}
union all
select
    action_id,
    {{ service_change() }} as action_kind,
    'prevention_actions' as platform,
    cast(null as string) as action_type,
    theme,
    territory_code,
    is_nationwide,
    started_on,
    ended_on,
    targeted_kpi_codes,
    cast(null as bigint) as items,
    working_hours,
    cost_eur
from service_changes
union all
select
    action_id,
    action_kind,
    platform,
    cast(null as string) as action_type,
    theme,
    territory_code,
    is_nationwide,
    started_on,
    ended_on,
    cast(null as string) as targeted_kpi_codes,
    items,
    cast(null as decimal(38, 6)) as working_hours,
    cast(null as decimal(38, 6)) as cost_eur
from {{ ref('int_publication_wave') }}
