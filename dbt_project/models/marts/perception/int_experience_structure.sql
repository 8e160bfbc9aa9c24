with experiences as (
    select
        *,
        coalesce(is_outside_structures, false) as is_left_outside,
        coalesce(structure_code_1, structure_code_2, structure_code_3) is not null as is_filed_by_structure
    from {{ ref('stg_services_publics_plus__experience') }}
),

slots as (
    {% for slot in [1, 2, 3] %}
    select
        experience_id,
        {{ slot }} as slot,
        is_filed_by_structure,
        is_left_outside,
        structure_code_{{ slot }} as structure_code,
        coalesce(structure_name_{{ slot }}, typology_{{ slot }}) as structure_name,
        typology_{{ slot }} as typology,
        coalesce(structure_code_{{ slot }}, structure_name_{{ slot }}, typology_{{ slot }}) as structure_key
    from experiences
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        *,
        row_number() over (partition by experience_id, structure_key order by slot) as mention
    from slots
    where structure_key is not null
)

select
    ranked.experience_id,
    ranked.structure_key,
    ranked.structure_code,
    ranked.structure_name,
    ranked.typology,
    ranked.slot,
    -- A typology decides only where the producer names no structure: beside one, it is what the citizen had ticked.
    -- What the platform itself left outside all structures concerns none.
    coalesce(
        units.structure_code is not null
        or (not ranked.is_filed_by_structure and not ranked.is_left_outside and typologies.typology is not null),
        false
    ) as is_gendarmerie
from ranked
left join {{ ref('gendarmerie_units') }} as units on ranked.structure_code = units.structure_code
left join {{ ref('gendarmerie_typologies') }} as typologies on ranked.typology = typologies.typology
where ranked.mention = 1
