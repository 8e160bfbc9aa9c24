with answered as (
    select
        service_id,
        month_start_utc_on,
        count(review_id) as reviews
    from {{ ref('fct_jdma_review') }}
    where satisfaction is not null
    group by service_id, month_start_utc_on
),

counted as (
    select
        service_id,
        month_start_utc_on,
        sum(case when question = 'satisfaction' then answers else 0 end) as reviews
    from {{ ref('int_jdma_statistic') }}
    group by service_id, month_start_utc_on
),

compared as (
    select
        coalesce(answered.service_id, counted.service_id) as service_id,
        coalesce(answered.month_start_utc_on, counted.month_start_utc_on) as month_start_utc_on,
        coalesce(answered.reviews, 0) as answered_reviews,
        coalesce(counted.reviews, 0) as counted_reviews
    from answered
    full outer join counted
        on
            answered.service_id = counted.service_id
            and answered.month_start_utc_on = counted.month_start_utc_on
)

select
    service_id,
    month_start_utc_on,
    cast(answered_reviews as bigint) as answered_reviews,
    cast(counted_reviews as bigint) as counted_reviews,
    -- An export may cover a part of a month, and old reviews are purged day by day: what is incomplete is not used.
    case
        when answered_reviews > 0 and answered_reviews >= counted_reviews then 'avis'
        else 'statistiques'
    end as origin
from compared
