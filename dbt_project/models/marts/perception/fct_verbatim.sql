with feedback as (
    select * from {{ ref('fct_feedback') }}
    where verbatim_id is not null
),

texts as (
    select
        concat('services_publics_plus|', experience_id) as verbatim_id,
        concat_ws('. ', title, description) as text
    from {{ ref('stg_services_publics_plus__experience') }}
    union all
    select
        concat('jdma|', answer_id) as verbatim_id,
        answer_text as text
    from {{ ref('stg_jdma__answer') }}
    where question = 'verbatim'
    union all
    select
        concat('partoo|', review_id) as verbatim_id,
        concat_ws('. ', title, content) as text
    from {{ ref('stg_partoo__review') }}
    union all
    select
        concat('app_stores|', review_key) as verbatim_id,
        concat_ws('. ', title, text) as text
    from {{ ref('stg_app_stores__review') }}
)

select
    feedback.verbatim_id,
    feedback.platform,
    feedback.service_name,
    feedback.unit_name,
    feedback.territory_code,
    feedback.scope,
    feedback.channel,
    feedback.feeling as told_feeling,
    feedback.occurred_on as written_on,
    texts.text,
    feedback.source_load_id
from feedback
inner join texts on feedback.verbatim_id = texts.verbatim_id
where trim(texts.text) <> ''
