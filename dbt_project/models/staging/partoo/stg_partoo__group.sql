select
    id as group_id,
    parent_id as parent_group_id,
    name as group_name,
    provider,
    cast(created as timestamp) as created_at,
    cast(updated as timestamp) as modified_at,
    _dlt_load_id as source_load_id
from {{ source('partoo', 'groups') }}
