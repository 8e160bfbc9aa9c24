-- What has no territory counts under 'Territoire non précisé'; national accounts belong there.
{{ config(group='visibility') }}
select
    'fct_pre_complaint' as relation_name,
    declaration_id as record_key
from {{ ref('fct_pre_complaint') }}
where territory_code = 'ZZ'
union all
select
    'dim_social_account' as relation_name,
    account_key as record_key
from {{ ref('dim_social_account') }}
where
    territory_code = 'ZZ'
    and account_scope = 'local'
union all
select
    'dim_listing' as relation_name,
    listing_id as record_key
from {{ ref('dim_listing') }}
where territory_code = 'ZZ'
