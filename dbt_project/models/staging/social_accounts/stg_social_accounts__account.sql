select
    account_key,
    network,
    account,
    handle,
    name as displayed_name,
    url as address,
    department_code as departement_code,
    cast(created_at as timestamp) as created_at,
    _dlt_load_id as source_load_id
from {{ source('social_accounts', 'accounts') }}
