-- A code that is neither a département nor declared in territory_aliases counts as unknown until it is declared.
{{ config(group='actors') }}
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
left join {{ ref('territories') }} as territories on written.departement_code = territories.departement_code
left join {{ ref('territory_aliases') }} as aliases on written.departement_code = aliases.departement_code
where
    written.departement_code is not null
    and territories.territory_code is null
    and aliases.territory_code is null
group by written.platform, written.departement_code
