select
    service_id,
    max(service_name) as service_name,
    max({{ folded_title('service_name') }}) as folded_name
from {{ ref('stg_jdma__service') }}
group by service_id
