select
    readings.metric_key,
    social_accounts.account_key,
    social_accounts.network,
    social_accounts.account_scope,
    social_accounts.territory_code,
    readings.counted_on,
    readings.followers,
    readings.accounts_followed,
    readings.posts,
    readings.engagements,
    readings.source_load_id
from {{ ref('stg_social_accounts__daily_metric') }} as readings
inner join {{ ref('dim_social_account') }} as social_accounts
    on
        readings.network = social_accounts.network
        and readings.account = social_accounts.account
