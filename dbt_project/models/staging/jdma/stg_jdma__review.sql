select
    review_id,
    id as platform_number,
    cast(created_at as timestamp) as begun_at,
    {{ paris_day('created_at') }} as begun_on,
    product_id as service_id,
    product_title as exported_service_name,
    form_id,
    form_title as form_name,
    button_id,
    button_title as button_name,
    form_template_slug as form_template,
    has_verbatim,
    generation,
    _dlt_load_id as source_load_id
from {{ source('jdma', 'reviews') }}
