-- A company has a handful of some offences in a year: what is shown is the département, where an index says something.
with offences as (
    select * from {{ ref('stg_reference__offence') }}
    where offences is not null
),

placed as (
    select
        offences.*,
        coalesce(codes.territory_code, 'ZZ') as territory_code
    from offences
    left join {{ ref('bridge_departement_territory') }} as codes on offences.departement_code = codes.departement_code
)

select
    concat(
        cast(year_number as string), '|', institution_code, '|', territory_code, '|', index_code
    ) as recorded_offence_key,
    cast(concat(cast(year_number as string), '-01-01') as date) as year_start,
    territory_code,
    case institution_code when 'GN' then 'Gendarmerie nationale' when 'PN' then 'Police nationale' end as institution,
    index_code as offence_index_code,
    max(index_label) as offence_index,
    count(offence_key) as recording_services,
    cast(sum(offences) as bigint) as recorded_offences,
    max(source_load_id) as source_load_id
from placed
group by year_number, institution_code, territory_code, index_code
