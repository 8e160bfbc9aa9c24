{#
  A day is counted anew where the archive has other mentions of it than were counted: loads bring mentions of any day late,
  and may move one from a day to another. Every day is, where this file has changed.
#}
{{ config(
    materialized='incremental',
    on_schema_change='append_new_columns',
    **replaces_whole_days('published_on')
) }}
{% set code = "'" ~ local_md5(model.raw_code if execute else '') ~ "'" %}
{% set counted = ['territory_code', 'network', 'topics', 'potential_reach', code] %}
{% if returns_changed_days() %}
with archived as (
    select
        published_on,
        count(published_on) as mentions, -- reading the keys would cost more than all the rest
        {{ content_digest(counted) }} as content_digest
    from {{ ref('fct_mention') }}
    group by published_on
),

known as (
    select
        published_on,
        sum(mentions) as mentions,
        sum(content_digest) as content_digest
    from {{ this }}
    group by published_on
    having sum(mentions) > 0
),

changed as (
    select
        coalesce(archived.published_on, known.published_on) as published_on,
        archived.mentions is null as is_empty
    from archived
    full join known on archived.published_on = known.published_on
    where
        archived.mentions is distinct from known.mentions
        or archived.content_digest is distinct from known.content_digest
)
{% endif %}

select
    published_on,
    territory_code,
    network,
    topics,
    count(mention_id) as mentions,
    count(case when potential_reach is not null then mention_id end) as mentions_of_known_reach,
    cast(sum(potential_reach) as bigint) as potential_reach,
    {{ content_digest(counted) }} as content_digest
from {{ ref('fct_mention') }}
{% if returns_changed_days() %}
where published_on in (select changed.published_on from changed)
{% endif %}
group by
    published_on,
    territory_code,
    network,
    topics
{% if returns_changed_days() %}
union all
-- A row that counts nothing takes the place of those of a day that has no mention any more.
select
    published_on,
    'ZZ' as territory_code,
    'web' as network,
    cast(null as string) as topics,
    cast(0 as bigint) as mentions,
    cast(0 as bigint) as mentions_of_known_reach,
    cast(null as bigint) as potential_reach,
    cast(0 as decimal(38, 0)) as content_digest
from changed
where is_empty
{% endif %}
