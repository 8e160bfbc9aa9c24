select
    act_id,
    cast(done_at as timestamp) as done_at,
    role as author_role,
    account,
    kind as act_kind,
    object_kind,
    object_id,
    detail,
    _dlt_load_id as source_load_id
from {{ source('operations', 'acts') }}
