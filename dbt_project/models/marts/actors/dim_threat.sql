select
    threat_code,
    threat_label,
    threat_group
from {{ ref('threats') }}
