-- A code that is neither a département nor declared in territory_aliases counts as unknown until it is declared.
{{ config(severity='warn', group='actors') }}
with written as (
    select
        'cybermalveillance' as platform,
        departement_code
    from {{ ref('stg_cybermalveillance__case_count') }}
    union all
    select
        'perceval' as platform,
        departement_code
    from {{ ref('stg_perceval__monthly_departement') }}
    union all
    select
        'prevention_actions' as platform,
        departement_code
    from {{ ref('stg_prevention_actions__action') }}
)

select
    written.platform,
    written.departement_code,
    count(written.departement_code) as records
from written
left join {{ ref('bridge_departement_code') }} as codes on written.departement_code = codes.departement_code
where
    written.departement_code is not null
    and codes.territory_code is null
group by written.platform, written.departement_code
