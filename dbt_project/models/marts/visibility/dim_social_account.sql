with accounts as (
    select * from {{ ref('stg_social_accounts__account') }}
)

select
    accounts.account_key,
    accounts.network,
    accounts.account,
    accounts.handle,
    accounts.displayed_name,
    accounts.address,
    case when accounts.departement_code = 'gn' then 'national' else 'local' end as account_scope,
    coalesce(territories.territory_code, 'ZZ') as territory_code,
    accounts.source_load_id
from accounts
left join {{ ref('bridge_departement_territory') }} as territories
    on accounts.departement_code = territories.departement_code
