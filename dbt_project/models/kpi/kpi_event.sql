-- What began in a month and may have moved a figure: actions, for the KPIs that they aim at, and crises, for all.
with begun as (
    select
        effects.kpi_code,
        case when effects.is_nationwide then 'FR' else effects.territory_code end as territory_code,
        cast({{ dbt.date_trunc('month', 'effects.started_on') }} as date) as period_start,
        effects.action_id as event_id,
        lower(effects.action_kind) as event_kind
    from {{ ref('fct_action_effect') }} as effects
    where effects.kpi_code is not null

    union all

    select
        catalogue.kpi_code,
        territories.territory_code,
        cast({{ dbt.date_trunc('month', 'crises.opened_on') }} as date) as period_start,
        crises.crisis_id as event_id,
        concat('crise (', crises.crisis_kind, ')') as event_kind
    from {{ ref('fct_crisis') }} as crises
    inner join {{ ref('dim_territory') }} as territories
        on
            concat(',', coalesce(nullif(crises.territories, ''), 'FR'), ',')
            like concat('%,', territories.territory_code, ',%')
    cross join {{ ref('kpi_catalogue') }} as catalogue
),

counted as (
    select
        kpi_code,
        territory_code,
        period_start,
        event_kind,
        count(distinct event_id) as events
    from begun
    group by kpi_code, territory_code, period_start, event_kind
)

select
    kpi_code,
    'month' as period_type,
    period_start,
    territory_code,
    {{ dbt.listagg(
        "concat(event_kind, case when events > 1 then concat(' × ', events) else '' end)", "', '", "order by event_kind"
    ) }} as event_label
from counted
group by kpi_code, period_start, territory_code
