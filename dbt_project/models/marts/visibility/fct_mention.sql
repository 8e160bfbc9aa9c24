{# The archive cannot be made anew: the live file keeps sixty days. #}
{{ config(
    materialized=archived(),
    unique_key='mention_id',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

select
    mention_id,
    published_at,
    published_on,
    network,
    topics,
    territory_code,
    potential_reach,
    engagement,
    sentiment,
    is_share,
    source_load_id
from {{ source('live_copy', 'live_mention') }}
where published_on < {{ paris_today() }}
