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

counts as (
    select
        counts.statistic_id as record_key,
        cast(null as string) as review_id,
        counts.month_start_utc_on as occurred_on,
        counts.service_id,
        counts.service_name,
        'ZZ' as territory_code,
        counts.question,
        cast(null as string) as answer_item_id,
        counts.parent_answer,
        counts.intention,
        counts.mark,
        counts.feeling,
        counts.answers,
        months.origin,
        counts.source_load_id
    from {{ ref('int_jdma_statistic') }} as counts
    inner join months
        on
            counts.service_id = months.service_id
            and counts.month_start_utc_on = months.month_start_utc_on
)

select *
from answers
-- A review without satisfaction, as a bug report, has no month to be judged by, and no statistics that could double it.
where coalesce(origin, 'avis') = 'avis'
union all
select *
from counts
where origin = 'statistiques'
