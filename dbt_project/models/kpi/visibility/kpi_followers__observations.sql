select
    metric_key as record_key,
    counted_on as occurred_on,
    territory_code,
    account_key as entity_key,
    network,
    account_scope,
    followers as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_social_account_day') }}
