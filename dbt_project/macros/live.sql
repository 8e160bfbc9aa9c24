{#
  What `live.duckdb` shows, and how it knows what the warehouse has archived. The daily publication tells, in
  `audit.archived_load`, how many rows of which load it has for each day; a load of which it has fewer or more is shown until
  it has them all.
#}


{# Whether a Paris day is one of the last seven, today included. #}
{% macro is_of_the_last_days(day) -%}
    {{ day }} > cast({{ dbt.dateadd('day', -7, paris_today()) }} as date)
{%- endmacro %}


{# Day and load of the rows that the published archive lacks, or has in another number. #}
{% macro days_to_archive(relation, key, day, entity) %}
    select
        present.day,
        present.source_load_id
    from (
        select
            {{ day }} as day,
            source_load_id,
            count({{ key }}) as rows
        from {{ relation }}
        group by {{ day }}, source_load_id
    ) as present
    left join {{ source('daily_copy', 'archived_load') }} as archived
        on
            archived.entity = '{{ entity }}'
            and present.day = archived.day
            and present.source_load_id = archived.source_load_id
            and present.rows = archived.rows
    where archived.entity is null
{% endmacro %}


{#
  Mentions with the territory of their source: that of its département where the code tells one, else abroad where its country
  is another, else unknown. Nothing else says where a mention comes from.
#}
{% macro placed_mentions(mentions) %}
    select
        mentions.*,
        coalesce(
            territories.territory_code,
            aliases.territory_code,
            case when coalesce(mentions.country_code, 'FR') <> 'FR' then 'XX' end,
            'ZZ'
        ) as territory_code
    from {{ mentions }} as mentions
    left join {{ ref('territories') }} as territories on mentions.departement_code = territories.departement_code
    left join {{ ref('territory_aliases') }} as aliases
        on
            mentions.departement_code = aliases.departement_code
            and aliases.territory_code <> 'ZZ'
{% endmacro %}
