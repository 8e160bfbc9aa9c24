with statistics as (
    select
        *,
        max(generation) over (partition by service_id) as latest_generation
    from {{ ref('stg_jdma__statistic') }}
)

select
    statistics.statistic_id,
    statistics.service_id,
    coalesce(services.service_name, statistics.service_name) as service_name,
    statistics.month_start_utc_on,
    statistics.question,
    statistics.parent_answer,
    statistics.intention,
    statistics.answers,
    scales.mark,
    scales.feeling,
    statistics.source_load_id
from statistics
left join {{ ref('int_jdma_service') }} as services on statistics.service_id = services.service_id
left join {{ ref('feedback_scales') }} as scales
    on
        statistics.question = scales.scale
        and statistics.intention = scales.answer
-- The second version of the API tells again, by form, what the first one had told.
where statistics.generation = statistics.latest_generation
