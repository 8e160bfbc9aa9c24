with case_counts as (
    select * from {{ ref('stg_cybermalveillance__case_count') }}
),

threat_labels as (
    select * from {{ ref('threat_labels') }}
    where platform = 'cybermalveillance'
)

select
    case_counts.case_key as assistance_key,
    case_counts.diagnosed_on,
    case case_counts.victim_type_code
        when 'particulier' then 'Particuliers'
        when 'entreprise_association' then 'Entreprises et associations'
        when 'collectivite_administration' then 'Collectivités et administrations'
    end as victim_type,
    case_counts.threat_name,
    coalesce(threat_labels.threat_code, 'unclassified') as threat_code,
    coalesce(codes.territory_code, 'ZZ') as territory_code,
    case_counts.outcome,
    case_counts.victims,
    case_counts.provider_handovers,
    case_counts.chat_handovers,
    case_counts.complaint_handovers,
    case_counts.source_load_id
from case_counts
left join threat_labels on case_counts.threat_name = threat_labels.label
left join {{ ref('bridge_departement_territory') }} as codes on case_counts.departement_code = codes.departement_code
