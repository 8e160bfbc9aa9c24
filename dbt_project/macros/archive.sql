{#
  How what cannot be remade is kept: each build adds the rows that its query returns. A row that comes again takes the place of
  the former one of its `unique_key`; nothing else is ever removed, not even by `--full-refresh`. Engine-specific parts
  dispatched.
#}

{# The materialization. DuckDB replaces the rows of a key in one transaction: a build that is killed has changed nothing. #}
{% macro archived() -%}
    {{ return(adapter.dispatch('archived')()) }}
{%- endmacro %}

{% macro default__archived() -%}
    {{ return('archive') }}
{%- endmacro %}

{% macro duckdb__archived() -%}
    {{ return('incremental') }}
{%- endmacro %}


{#
  For engines without transactions over several files, which must not replace anything. Rows are appended to
  `<model>__versions` with the number of the build that brought them, and the model is a view of the newest row of each key.
  A build that was killed may have appended some of its rows: the next one appends those that are missing.
#}
{% materialization archive, default %}
    {%- set newest = this.incorporate(type='view') -%}
    {%- set versions = api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '__versions', type='table'
    ) -%}
    {%- set key, columns = config.require('unique_key'), model.columns.keys() | list -%}
    {{ run_hooks(pre_hooks) }}
    {{ get_assert_columns_equivalent(compiled_code) }}

    {% if load_cached_relation(versions) is none %}
        {% call statement('create_versions') %}
            create table {{ versions }} as
            select {{ columns | join(', ') }}, cast(0 as bigint) as archived_by_build
            from ({{ compiled_code }}) as brought
            where false
        {% endcall %}
    {% endif %}
    {% do add_new_columns(versions, model.columns) %}

    {% call statement('main') %}
        insert into {{ versions }} ({{ columns | join(', ') }}, archived_by_build)
        with brought as (
            {{ compiled_code }}
        ),

        known as (
            {{ newest_of_each_key(versions, key, columns, 'where ' ~ key ~ ' in (select ' ~ key ~ ' from brought)') }}
        ),

        new as (
            select {{ columns | join(', ') }} from brought
            except
            select {{ columns | join(', ') }} from known
        )

        select
            {{ columns | join(', ') }},
            (select coalesce(max(archived_by_build), 0) + 1 from {{ versions }}) as archived_by_build
        from new
    {% endcall %}

    {% call statement('newest') %}
        create or replace view {{ newest }} as
        {{ newest_of_each_key(versions, key, columns) }}
    {% endcall %}

    {% do persist_docs(newest, model) %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [newest]}) }}
{% endmaterialization %}


{% macro newest_of_each_key(versions, key, columns, condition='') %}
    select {{ columns | join(', ') }}
    from (
        select
            {{ columns | join(', ') }},
            row_number() over (partition by {{ key }} order by archived_by_build desc) as recency
        from {{ versions }}
        {{ condition }}
    ) as ranked
    where recency = 1
{% endmacro %}


{# Adds the columns of a contract that a table does not have yet. #}
{% macro add_new_columns(relation, columns) %}
    {% set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
    {% set added = [] %}
    {% for column in columns.values() if column.name not in present %}
        {% do added.append(api.Column(column.name, column.data_type)) %}
    {% endfor %}
    {% if added %}
        {% do alter_relation_add_remove_columns(relation, added, none) %}
    {% endif %}
{% endmacro %}
