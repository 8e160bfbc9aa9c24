with counts as (
    select
        *,
        max(generation) over (partition by service_id) as latest_generation
    from {{ ref('stg_jdma__statistic') }}
)

select
    counts.statistic_id,
    counts.service_id,
    coalesce(services.service_name, counts.service_name) as service_name,
    counts.month_start_utc_on,
    counts.question,
    counts.parent_answer,
    counts.intention,
    counts.answers,
    scales.mark,
    scales.feeling,
    counts.source_load_id
from counts
left join {{ ref('int_jdma_service') }} as services on counts.service_id = services.service_id
left join {{ ref('feedback_scales') }} as scales
    on
        counts.question = scales.scale
        and counts.intention = scales.answer
-- The second version of the API tells again, by form, what the first one had told.
where counts.generation = counts.latest_generation
