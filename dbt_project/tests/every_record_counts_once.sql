-- The KPI equals the number of experiences, however one adds it up: by period, by place, by scope.
with values_of_kpi as (
    select * from {{ ref('kpi_experiences') }}
),

sums as (
    select
        'experiences' as counted_by,
        cast(count(experience_id) as decimal(38, 6)) as total
    from {{ ref('fct_experience') }}
    union all
    select
        concat('nation by ', period_type, ', ', breakdown_dimension) as counted_by,
        sum(value) as total
    from values_of_kpi
    where territory_level = 'nation'
    group by period_type, breakdown_dimension
    union all
    select
        concat('départements, abroad and unknown by ', period_type, ', ', breakdown_dimension) as counted_by,
        sum(value) as total
    from values_of_kpi
    where territory_level in ('departement', 'abroad', 'unknown')
    group by period_type, breakdown_dimension
    union all
    select
        concat('regions of gendarmerie, abroad and unknown by ', period_type, ', ', breakdown_dimension) as counted_by,
        sum(value) as total
    from values_of_kpi
    where territory_level in ('gendarmerie_region', 'abroad', 'unknown')
    group by period_type, breakdown_dimension
)

select
    sums.counted_by,
    sums.total
from sums
inner join sums as expected on expected.counted_by = 'experiences'
where sums.total <> expected.total
