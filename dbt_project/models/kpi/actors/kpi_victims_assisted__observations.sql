select
    assistance.assistance_key as record_key,
    assistance.diagnosed_on as occurred_on,
    assistance.territory_code,
    assistance.victim_type,
    threats.threat_label as threat,
    assistance.victims as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_assistance') }} as assistance
inner join {{ ref('dim_threat') }} as threats on assistance.threat_code = threats.threat_code
