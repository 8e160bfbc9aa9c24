with listed as (
    select * from {{ ref('stg_social_accounts__account') }}
),

-- Figures may come before, or without, the list of accounts: each reading says where its account is declared.
unlisted as (
    select
        concat(readings.network, '|', readings.account) as account_key,
        readings.network,
        readings.account,
        max(readings.departement_code) as departement_code,
        max(readings.source_load_id) as source_load_id
    from {{ ref('stg_social_accounts__daily_metric') }} as readings
    left join listed
        on
            readings.network = listed.network
            and readings.account = listed.account
    where listed.account_key is null
    group by readings.network, readings.account
),

accounts as (
    select
        account_key,
        network,
        account,
        handle,
        displayed_name,
        address,
        departement_code,
        source_load_id
    from listed
    union all
    select
        account_key,
        network,
        account,
        null as handle,
        null as displayed_name,
        null as address,
        departement_code,
        source_load_id
    from unlisted
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
