select
    verdicts.signal_id as record_key,
    verdicts.opened_on as occurred_on,
    -- A signal of a region or of the nation lies in no département.
    case when territories.territory_level = 'departement' then verdicts.territory_code else 'ZZ' end as territory_code,
    coalesce(verdicts.crisis_kind, 'non précisé') as crisis_kind,
    cast(case when verdicts.is_confirmed then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_signal_verdict') }} as verdicts
left join {{ ref('dim_territory') }} as territories on verdicts.territory_code = territories.territory_code
