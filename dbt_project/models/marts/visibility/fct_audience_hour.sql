select
    audience_key,
    tool,
    site,
    coalesce(sub_site, 'non précisé') as sub_site,
    visited_on,
    case when is_hour_known then visit_hour end as hour_of_day,
    is_hour_known,
    visits,
    bounces,
    time_spent_seconds,
    source_load_id
from {{ ref('stg_audience__hourly_visit') }}
