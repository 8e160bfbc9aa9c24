select
    act_id,
    done_at,
    author_role,
    account,
    act_kind,
    object_kind,
    object_id,
    detail
from {{ ref('stg_operations__act') }}
