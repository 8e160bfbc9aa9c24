select
    answer_id,
    review_id,
    cast(created_at as timestamp) as begun_at,
    field_code as question,
    answer_item_id,
    parent_field_code as parent_question,
    parent_answer,
    field_label as question_wording,
    answer_text,
    intention,
    kind,
    generation,
    _dlt_load_id as source_load_id
from {{ source('jdma', 'answers') }}
