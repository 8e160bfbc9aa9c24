with declarations as (
    select
        *,
        cast({{ dbt.datediff('began_at', 'sent_at', 'second') | trim }} as bigint) as seconds_to_send
    from {{ ref('stg_pre_plainte__declaration') }}
),

judged as (
    select
        *,
        coalesce(seconds_to_send not between 0 and 86400, false) as has_impossible_duration
    from declarations
)

select
    judged.declaration_id,
    {{ paris_day('judged.began_at') }} as began_on,
    coalesce(territories.territory_code, 'ZZ') as territory_code,
    case
        when judged.is_natural_person and not judged.is_legal_person then 'physique'
        when judged.is_legal_person and not judged.is_natural_person then 'morale'
        else 'inconnu'
    end as person_type,
    case when judged.sent_at is null then 'abandonnée' else 'envoyée' end as outcome,
    case when not judged.has_impossible_duration then judged.seconds_to_send end as duration_seconds,
    judged.has_impossible_duration,
    judged.source_load_id
from judged
left join {{ ref('bridge_departement_territory') }} as territories
    on judged.departement_code = territories.departement_code
