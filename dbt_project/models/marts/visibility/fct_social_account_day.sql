select
    metrics.metric_key,
    accounts.account_key,
    accounts.network,
    accounts.account_scope,
    accounts.territory_code,
    metrics.counted_on,
    metrics.followers,
    metrics.following,
    metrics.posts,
    metrics.engagements,
    metrics.source_load_id
from {{ ref('stg_social_accounts__daily_metric') }} as metrics
inner join {{ ref('dim_social_account') }} as accounts
    on
        metrics.network = accounts.network
        and metrics.account = accounts.account
