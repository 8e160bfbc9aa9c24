with experiences as (
    select * from {{ ref('stg_services_publics_plus__experience') }}
),

structures as (
    select
        experience_id,
        {{ dbt.bool_or('is_gendarmerie') }} as is_gendarmerie
    from {{ ref('int_experience_structure') }}
    group by experience_id
),

answered as (
    select
        experiences.*,
        -- The state says whether there is an answer, with or without its date.
        case
            when experiences.state is not null then experiences.state = 'Traitée'
            else experiences.status = 'Expérience avec réponse'
        end as is_answered,
        cast(
            {{ dbt.datediff('experiences.published_on', 'experiences.first_answered_on', 'day') | trim }} as bigint
        ) as days_to_answer
    from experiences
)

select
    answered.experience_id,
    answered.written_on,
    answered.published_on,
    answered.first_answered_on,
    answered.is_answered,
    case when answered.days_to_answer >= 0 then answered.days_to_answer end as response_days,
    coalesce(answered.days_to_answer < 0, false) as has_impossible_response,
    answered.feeling,
    answered.posted_as,
    answered.country,
    territories.territory_code,
    coalesce(structures.is_gendarmerie, false) as is_gendarmerie,
    case when structures.is_gendarmerie then 'gendarmerie' else 'autres' end as scope,
    answered.typology_1 as main_typology,
    answered.structure_code_1 as main_structure_code,
    answered.structure_name_1 as main_structure_name,
    answered.generation,
    answered.source_load_id
from answered
inner join {{ ref('int_experience_territory') }} as territories on answered.experience_id = territories.experience_id
left join structures on answered.experience_id = structures.experience_id
