{# The archive cannot be made anew: what a chat export held is gone with its file. #}
{{ config(
    materialized=archived(),
    unique_key='contact_key',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

select
    contact_key,
    conversation_pseudonym,
    contacted_at,
    contacted_on,
    is_hour_repaired,
    parent_motive,
    motive,
    is_pnav,
    source_load_id
from {{ source('live_copy', 'live_chat_contact') }}
where contacted_on < {{ paris_today() }}
