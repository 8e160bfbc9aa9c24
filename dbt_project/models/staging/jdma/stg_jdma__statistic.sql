select
    statistic_id,
    product_id as service_id,
    product_title as service_name,
    form_id,
    form_title as form_name,
    cast(interval_start as date) as month_start_utc_on,
    interval_length,
    category as question,
    parent_category as parent_question,
    parent_answer,
    intention,
    label as answer,
    count as answers,
    generation,
    _dlt_load_id as source_load_id
from {{ source('jdma', 'statistics') }}
