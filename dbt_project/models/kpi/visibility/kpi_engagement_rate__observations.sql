select
    metric_key as record_key,
    counted_on as occurred_on,
    territory_code,
    network,
    account_scope,
    engagements as numerator,
    followers as denominator
from {{ ref('fct_social_account_day') }}
where engagements is not null
