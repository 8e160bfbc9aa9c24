select
    alert_id,
    source,
    level as vigilance_level,
    source_level,
    phenomenon,
    territory_type,
    territory as source_territory_code,
    territory_name as source_territory_name,
    cast(valid_from as timestamp) as valid_from,
    cast(valid_until as timestamp) as valid_until,
    cast(issued_at as timestamp) as issued_at,
    title,
    url,
    generation,
    _dlt_load_id as source_load_id
from {{ source('official_alerts', 'alerts') }}
