select
    action_id,
    case when is_service_change then {{ service_change() }} else 'Action de prévention' end as action_kind,
    'prevention_actions' as platform,
    case when not is_service_change then action_type end as action_type,
    theme,
    audience,
    territory_code,
    is_nationwide,
    started_on,
    ended_on,
    targeted_kpi_codes,
    cast(null as bigint) as items,
    working_hours,
    cost_eur
from {{ ref('int_declared_action') }}
union all
select
    action_id,
    action_kind,
    platform,
    cast(null as string) as action_type,
    theme,
    cast(null as string) as audience,
    territory_code,
    is_nationwide,
    started_on,
    ended_on,
    cast(null as string) as targeted_kpi_codes,
    items,
    cast(null as decimal(38, 6)) as working_hours,
    cast(null as decimal(38, 6)) as cost_eur
from {{ ref('int_publication_wave') }}
