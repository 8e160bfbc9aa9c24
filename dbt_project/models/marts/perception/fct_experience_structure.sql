select
    structures.experience_id,
    structures.structure_key,
    structures.structure_code,
    structures.structure_name,
    structures.typology,
    structures.is_gendarmerie,
    experiences.feeling,
    experiences.is_answered,
    experiences.territory_code,
    experiences.published_on,
    experiences.scope
from {{ ref('int_experience_structure') }} as structures
inner join {{ ref('fct_experience') }} as experiences on structures.experience_id = experiences.experience_id
