with complaints as (
    select * from {{ ref('stg_reference__inspection') }}
    where measure = 'n_reclamations'
),

failings as (
    select * from {{ ref('stg_reference__inspection') }}
    where measure = 'pourcentage_manquements'
)

select
    complaints.measure_key as complaint_key,
    cast(concat(cast(complaints.year_number as string), '-01-01') as date) as year_start,
    cast(complaints.value as bigint) as complaints,
    failings.value as failing_share,
    complaints.source_load_id
from complaints
left join failings on complaints.year_number = failings.year_number
