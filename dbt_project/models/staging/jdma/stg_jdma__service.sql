select
    service_form_id,
    product_id as service_id,
    product_title as service_name,
    entity,
    form_id,
    form_title as form_name,
    generation,
    _dlt_load_id as source_load_id
from {{ source('jdma', 'services') }}
