with units as (
    select
        experience_id,
        structure_code,
        structure_name,
        typology,
        row_number() over (partition by experience_id order by is_gendarmerie desc, slot asc) as mention
    from {{ ref('int_experience_structure') }}
),

experiences as (
    select
        'services_publics_plus' as platform,
        experiences.experience_id as record_key,
        units.typology as service_id,
        units.typology as service_name,
        units.structure_code as unit_key,
        units.structure_name as unit_name,
        experiences.territory_code,
        experiences.scope,
        'site' as channel,
        'feeling' as original_scale,
        experiences.feeling as original_mark,
        experiences.experience_id as text_key,
        experiences.published_on as occurred_on,
        experiences.is_answered,
        cast(null as timestamp) as answered_at,
        experiences.first_answered_on as answered_on,
        experiences.source_load_id
    from {{ ref('fct_experience') }} as experiences
    left join units on experiences.experience_id = units.experience_id and units.mention = 1
),

service_reviews as (
    select
        'jdma' as platform,
        review_id as record_key,
        service_id,
        service_name,
        cast(null as string) as unit_key,
        cast(null as string) as unit_name,
        territory_code,
        'gendarmerie' as scope,
        'fin_de_demarche' as channel,
        'satisfaction' as original_scale,
        satisfaction as original_mark,
        verbatim_answer_id as text_key,
        begun_on as occurred_on,
        cast(null as boolean) as is_answered,
        cast(null as timestamp) as answered_at,
        cast(null as date) as answered_on,
        source_load_id
    from {{ ref('fct_jdma_review') }}
),

unit_reviews as (
    select
        'partoo' as platform,
        review_id as record_key,
        cast(null as string) as service_id,
        cast(null as string) as service_name,
        business_id as unit_key,
        unit_name,
        territory_code,
        'gendarmerie' as scope,
        case partner when 'google_my_business' then 'google' else partner end as channel,
        case
            when rating is null and is_recommended is not null then 'recommendation'
            else 'stars'
        end as original_scale,
        coalesce(cast(rating as string), cast(is_recommended as string)) as original_mark,
        case when has_text then review_id end as text_key,
        written_on as occurred_on,
        is_answered,
        answered_at,
        answered_on,
        source_load_id
    from {{ ref('int_partoo_review') }}
),

app_reviews as (
    select
        'app_stores' as platform,
        review_key as record_key,
        app_id as service_id,
        app_name as service_name,
        cast(null as string) as unit_key,
        cast(null as string) as unit_name,
        territory_code,
        'gendarmerie' as scope,
        case store when 'play' then 'google_play' else store end as channel,
        'stars' as original_scale,
        cast(rating as string) as original_mark,
        case when has_text then review_key end as text_key,
        written_on as occurred_on,
        is_answered,
        answered_at,
        answered_on,
        source_load_id
    from {{ ref('fct_app_review') }}
),

feedback as (
    select * from experiences
    union all
    select * from service_reviews
    union all
    select * from unit_reviews
    union all
    select * from app_reviews
)

select
    concat(feedback.platform, '|', feedback.record_key) as feedback_key,
    feedback.platform,
    case
        when feedback.service_id is not null then concat(feedback.platform, '|', feedback.service_id)
    end as service_key,
    feedback.service_name,
    feedback.unit_key,
    feedback.unit_name,
    feedback.territory_code,
    feedback.scope,
    feedback.channel,
    scales.feeling,
    scales.mark as normalised_score,
    feedback.original_mark,
    feedback.original_scale,
    case
        when feedback.text_key is not null then concat(feedback.platform, '|', feedback.text_key)
    end as verbatim_id,
    feedback.occurred_on,
    feedback.is_answered,
    feedback.answered_at,
    feedback.answered_on,
    feedback.source_load_id
from feedback
left join {{ ref('feedback_scales') }} as scales
    on
        feedback.original_scale = scales.scale
        and feedback.original_mark = scales.answer
