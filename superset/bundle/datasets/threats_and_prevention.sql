-- The share of a threat among the victims, and of the actions of prevention whose theme bears its name among all actions. A
-- threat that no theme names has no action.
with readings as (
    select
        kpi_code,
        period_start,
        territory_code,
        territory_name,
        breakdown_dimension,
        case breakdown_label
            when 'Escroquerie à l''achat ou à l''annonce en ligne' then 'Escroqueries en ligne'
            else breakdown_label
        end as threat,
        numerator,
        is_suppressed
    from kpi.rpt_kpi
    where
        kpi_code in ('victims_assisted', 'prevention_actions')
        and period_type = 'quarter'
        and is_complete
        and territory_level = 'nation'
),

totals as (
    select
        kpi_code,
        period_start,
        numerator
    from readings
    where breakdown_dimension = 'total'
)

select
    victims.period_start,
    victims.territory_code,
    victims.territory_name,
    victims.threat,
    victims.numerator as victims,
    victims.is_suppressed,
    all_victims.numerator as all_victims,
    coalesce(actions.numerator, 0) as actions,
    all_actions.numerator as all_actions
from readings as victims
inner join totals as all_victims
    on
        victims.period_start = all_victims.period_start
        and all_victims.kpi_code = 'victims_assisted'
left join totals as all_actions
    on
        victims.period_start = all_actions.period_start
        and all_actions.kpi_code = 'prevention_actions'
left join readings as actions
    on
        victims.period_start = actions.period_start
        and victims.threat = actions.threat
        and actions.breakdown_dimension = 'theme'
where victims.breakdown_dimension = 'threat'
