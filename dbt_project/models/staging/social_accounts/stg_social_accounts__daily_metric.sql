select
    metric_key,
    network,
    account,
    department_code as departement_code,
    cast(day as date) as counted_on,
    followers,
    following as accounts_followed,
    posts,
    listed,
    engagements,
    _dlt_load_id as source_load_id
from {{ source('social_accounts', 'daily_metrics') }}
