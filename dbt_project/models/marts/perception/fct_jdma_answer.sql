with months as (
    select * from {{ ref('int_jdma_month') }}
),

answers as (
    select
        answers.answer_id as record_key,
        answers.review_id,
        reviews.begun_on as occurred_on,
        reviews.service_id,
        reviews.service_name,
        reviews.territory_code,
        answers.question,
        answers.answer_item_id,
        answers.parent_answer,
        answers.intention,
        answers.mark,
        answers.feeling,
        cast(1 as bigint) as answers,
        months.origin,
        answers.source_load_id
    from {{ ref('int_jdma_answer') }} as answers
    inner join {{ ref('fct_jdma_review') }} as reviews on answers.review_id = reviews.review_id
    left join months
        on
            reviews.service_id = months.service_id
            and reviews.month_start_utc_on = months.month_start_utc_on
),

statistics as (
    select
        statistics.statistic_id as record_key,
        cast(null as string) as review_id,
        statistics.month_start_utc_on as occurred_on,
        statistics.service_id,
        statistics.service_name,
        'ZZ' as territory_code,
        statistics.question,
        cast(null as string) as answer_item_id,
        statistics.parent_answer,
        statistics.intention,
        statistics.mark,
        statistics.feeling,
        statistics.answers,
        months.origin,
        statistics.source_load_id
    from {{ ref('int_jdma_statistic') }} as statistics
    inner join months
        on
            statistics.service_id = months.service_id
            and statistics.month_start_utc_on = months.month_start_utc_on
)

select *
from answers
-- A review without satisfaction, as a bug report, has no month to be judged by, and no statistics that could double it.
where coalesce(origin, 'avis') = 'avis'
union all
select *
from statistics
where origin = 'statistiques'
