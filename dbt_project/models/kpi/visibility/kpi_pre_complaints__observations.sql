select
    declaration_id as record_key,
    began_on as occurred_on,
    territory_code,
    person_type,
    outcome,
    cast(1 as bigint) as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_pre_complaint') }}
