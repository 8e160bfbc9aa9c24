with visits as (
    select * from {{ ref('stg_audience__device_visit') }}
)

select
    visits.audience_key,
    visits.tool,
    visits.site,
    visits.month_start,
    case
        when visits.device_kind is null then 'non précisé'
        else coalesce(labels.device, 'autres')
    end as device,
    visits.operating_system,
    visits.browser,
    visits.browser_language,
    visits.visits,
    visits.unique_visitors,
    visits.bounces,
    visits.time_spent_seconds,
    visits.source_load_id
from visits
left join {{ ref('audience_devices') }} as labels on visits.device_kind = labels.device_kind
