{% set parts = ['int_unknown_visibility_place', 'int_unknown_citizen_place', 'int_unknown_actor_place'] %}
{% for part in parts %}
select
    concat(platform, '|', field, '|', label) as unknown_place_key,
    platform,
    field,
    label,
    records,
    volume,
    first_seen,
    last_seen
from {{ ref(part) }}
{{ 'union all' if not loop.last }}
{% endfor %}
