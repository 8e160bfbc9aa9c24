with visits as (
    select * from {{ ref('stg_audience__source_visit') }}
)

select
    visits.audience_key,
    visits.tool,
    visits.site,
    visits.month_start,
    case
        when visits.source_kind is null then 'non précisé'
        else coalesce(labels.traffic_source, 'autres')
    end as traffic_source,
    visits.source_name,
    visits.referrer_address,
    visits.visits,
    visits.unique_visitors,
    visits.bounces,
    visits.time_spent_seconds,
    visits.source_load_id
from visits
left join {{ ref('audience_sources') }} as labels on visits.source_kind = labels.source_kind
