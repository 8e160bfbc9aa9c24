-- What platforms have sent, what the marts hold and what the KPIs count are the same records.
{{ config(group='perception') }}
with marks as (
    select
        question,
        sum(answers) as answers
    from {{ ref('fct_jdma_answer') }}
    where mark is not null
    group by question
),

expected as (
    select
        'services_publics_plus' as counted,
        count(experience_id) as records
    from {{ ref('stg_services_publics_plus__experience') }}
    union all
    select
        'jdma' as counted,
        count(review_id) as records
    from {{ ref('stg_jdma__review') }}
    union all
    select
        'partoo' as counted,
        count(review_id) as records
    from {{ ref('stg_partoo__review') }}
    where
        withdrawn_at is null
        and coalesce(state, '') <> 'deleted'
    union all
    select
        'app_stores' as counted,
        count(review_key) as records
    from {{ ref('stg_app_stores__review') }}
    union all
    select
        'google_answer_rate' as counted,
        count(review_id) as records
    from {{ ref('fct_google_review') }}
    union all
    select
        'google_rating' as counted,
        count(rating) as records
    from {{ ref('fct_google_review') }}
    union all
    select
        'app_rating' as counted,
        count(rating) as records
    from {{ ref('fct_app_review') }}
    union all
    select
        'negative_reviews_share' as counted,
        count(original_mark) as records
    from {{ ref('fct_feedback') }}
    where channel in ('google', 'google_play', 'app_store')
    union all
    select
        'feedback_index' as counted,
        count(normalised_score) as records
    from {{ ref('fct_feedback') }}
    where scope = 'gendarmerie'
    union all
    select
        case question
            when 'satisfaction' then 'satisfaction_score'
            when 'comprehension' then 'clarity_score'
            when 'contact_satisfaction' then 'help_quality_score'
            when 'contact_reached' then 'reachability_share'
        end as counted,
        answers as records
    from marks
    where question <> 'contact_tried'
),

found as (
    select
        platform as counted,
        count(feedback_key) as records
    from {{ ref('fct_feedback') }}
    group by platform
    {% for code in [
        'google_answer_rate', 'google_rating', 'app_rating', 'negative_reviews_share', 'feedback_index',
        'satisfaction_score', 'clarity_score', 'help_quality_score', 'reachability_share',
    ] %}
    union all
    select
        kpi_code as counted,
        sum(denominator) as records
    from {{ ref('kpi_' ~ code) }}
    where
        period_type = 'year'
        and territory_level = 'nation'
        and breakdown_dimension = 'total'
    group by kpi_code
    {% endfor %}
)

select
    expected.counted,
    case
        when expected.counted not in ('services_publics_plus', 'jdma', 'partoo', 'app_stores') then expected.counted
    end as kpi_code,
    expected.records,
    found.records as found_records
from expected
left join found on expected.counted = found.counted
where expected.records <> coalesce(found.records, 0)
