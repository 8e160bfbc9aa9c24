-- Additive KPIs equal their records, however one adds them up: by period, by place, by breakdown.
{{ config(group='visibility') }}
with records as (
    select
        'visits' as kpi_code,
        'total' as breakdown_dimension,
        sum(visits) as total
    from {{ ref('stg_audience__hourly_visit') }}
    union all
    select
        'visits' as kpi_code,
        'source' as breakdown_dimension,
        sum(visits) as total
    from {{ ref('stg_audience__source_visit') }}
    union all
    select
        'visits' as kpi_code,
        'device' as breakdown_dimension,
        sum(visits) as total
    from {{ ref('stg_audience__device_visit') }}
    union all
    select
        'regional_visits' as kpi_code,
        'total' as breakdown_dimension,
        sum(visits) as total
    from {{ ref('stg_audience__geo_visit') }}
    union all
    select
        'pre_complaints' as kpi_code,
        'total' as breakdown_dimension,
        count(declaration_id) as total
    from {{ ref('stg_pre_plainte__declaration') }}
    union all
    select
        'listing_actions' as kpi_code,
        'total' as breakdown_dimension,
        sum(metric_count) as total
    from {{ ref('fct_listing_presence') }}
    where kind = 'action'
),

values_of_kpis as (
    select * from {{ ref('kpi_visits') }}
    union all
    select * from {{ ref('kpi_regional_visits') }}
    union all
    select * from {{ ref('kpi_pre_complaints') }}
    union all
    select * from {{ ref('kpi_listing_actions') }}
),

-- A collectivity overseas has no region, so that regions alone do not make the nation; regions of gendarmerie do.
sums as (
    {% for counted_by, levels in {
        'nation': ['nation'],
        'regions of gendarmerie, abroad and unknown': ['gendarmerie_region', 'abroad', 'unknown'],
        'départements, abroad and unknown': ['departement', 'abroad', 'unknown'],
    }.items() %}
    select
        kpi_code,
        breakdown_dimension,
        period_type,
        '{{ counted_by }}' as counted_by,
        sum(value) as total
    from values_of_kpis
    where
        territory_level in ({{ quoted_list(levels) }})
        {% if 'departement' in levels %}
        and kpi_code in ('pre_complaints', 'listing_actions')
        {% elif 'nation' not in levels %}
        and kpi_code <> 'visits'
        {% endif %}
    group by kpi_code, breakdown_dimension, period_type
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    sums.*,
    coalesce(own.total, whole.total) as records
from sums
inner join records as whole on sums.kpi_code = whole.kpi_code and whole.breakdown_dimension = 'total'
left join records as own on sums.kpi_code = own.kpi_code and sums.breakdown_dimension = own.breakdown_dimension
where sums.total <> coalesce(own.total, whole.total)
