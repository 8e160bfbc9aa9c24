with reviews as (
    select
        *,
        {{ folded_title('exported_service_name') }} as folded_name
    from {{ ref('stg_jdma__review') }}
),

services as (
    select * from {{ ref('int_jdma_service') }}
),

-- An export names its service in the file name only; a name that two services share tells neither.
names as (
    select
        folded_name,
        min(service_id) as service_id
    from services
    group by folded_name
    having count(service_id) = 1
),

texts as (
    select
        review_id,
        min(answer_id) as answer_id
    from {{ ref('stg_jdma__answer') }}
    where question = 'verbatim'
    group by review_id
),

identified as (
    select
        reviews.*,
        coalesce(reviews.service_id, names.service_id, 'inconnu') as known_service_id
    from reviews
    left join names on reviews.folded_name = names.folded_name
)

select
    identified.review_id,
    identified.begun_at,
    identified.begun_on,
    cast({{ dbt.date_trunc('month', 'identified.begun_at') }} as date) as month_start_utc_on,
    identified.known_service_id as service_id,
    coalesce(services.service_name, identified.exported_service_name, 'Service non précisé') as service_name,
    identified.form_id,
    identified.form_template,
    'ZZ' as territory_code,
    satisfaction.intention as satisfaction,
    satisfaction.mark as satisfaction_score,
    satisfaction.feeling,
    texts.answer_id as verbatim_answer_id,
    identified.generation,
    identified.source_load_id
from identified
left join services on identified.known_service_id = services.service_id
left join {{ ref('int_jdma_answer') }} as satisfaction
    on
        identified.review_id = satisfaction.review_id
        and satisfaction.question = 'satisfaction'
left join texts on identified.review_id = texts.review_id
