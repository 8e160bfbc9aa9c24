select
    platform,
    title,
    pillar,
    owner,
    late_after_minutes
from {{ ref('platforms') }}
