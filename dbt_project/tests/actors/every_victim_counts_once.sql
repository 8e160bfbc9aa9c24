-- The victims of the platform are those of the mart, however one adds them up: by day, type of victim, threat, place.
{{ config(group='actors') }}
with sums as (
    select
        'platform' as counted_by,
        sum(victims) as total
    from {{ ref('stg_cybermalveillance__case_count') }}
    union all
    select
        'day' as counted_by,
        sum(assistance.victims) as total
    from {{ ref('fct_assistance') }} as assistance
    inner join {{ ref('dim_calendar') }} as calendar on assistance.diagnosed_on = calendar.date_day
    union all
    select
        'type of victim' as counted_by,
        sum(victims) as total
    from {{ ref('fct_assistance') }}
    where victim_type in ('Particuliers', 'Entreprises et associations', 'Collectivités et administrations')
    union all
    select
        'threat' as counted_by,
        sum(assistance.victims) as total
    from {{ ref('fct_assistance') }} as assistance
    inner join {{ ref('dim_threat') }} as threats on assistance.threat_code = threats.threat_code
    union all
    select
        'place' as counted_by,
        sum(assistance.victims) as total
    from {{ ref('fct_assistance') }} as assistance
    inner join {{ ref('dim_territory') }} as territories
        on
            assistance.territory_code = territories.territory_code
            and territories.territory_level in ('departement', 'abroad', 'unknown')
)

select
    sums.counted_by,
    sums.total,
    expected.total as expected_total
from sums
inner join sums as expected on expected.counted_by = 'platform'
where coalesce(sums.total, 0) <> coalesce(expected.total, 0)
