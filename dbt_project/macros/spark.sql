{#
  What Spark does otherwise than the `default__` macros of this project say, which are written in Spark's SQL, and otherwise
  than dbt-spark has it. A literal of Spark reads a backslash as an escape: here they are doubled.
#}

{# The books of a build are kept in the target's DuckDB file, whatever builds (`warehouse/spark/adapter.py`). #}
{% macro spark__replace_build_status(rows, tracked) %}
    {% set built = [] %}
    {% for row in rows if row.status == 'success' and row.resource_type in ('model', 'seed') %}
        {% do built.append(graph.nodes[row.unique_id]) %}
    {% endfor %}
    {% do adapter.keep_books(duckdb__replace_build_status(rows, tracked), built) %}
{% endmacro %}


{# Sources that models of the target read, and the books that they read beside. #}
{% macro spark__take_in_sources(tracked) %}
    {% set tables, archives = [[none, 'audit', 'held_back'], [none, 'archive', 'kpi_value']], [] %}
    {% for source in graph.sources.values() %}
        {% do tables.append([source.database, source.schema, source.identifier]) %}
    {% endfor %}
    {% for node in tracked.values() if node.config.materialized == 'archive' %}
        {% do archives.append(node) %}
    {% endfor %}
    {% do adapter.take_in(tables, archives) %}
{% endmacro %}


{% macro spark__drop_former_tables(nodes) %}
    {% for node in nodes %}
        {% set former = api.Relation.create(schema=node.schema, identifier=node.config.meta.formerly, type='table') %}
        {% do run_query('drop table if exists ' ~ former) %}
    {% endfor %}
{% endmacro %}


{% macro spark__create_schema(relation) %}
    {% call statement('create_schema') %}
        create schema if not exists {{ relation }} location '{{ adapter.folder_of(relation) }}'
    {% endcall %}
{% endmacro %}


{#
  A table is dropped, then made: readers read what is published. A Python model reads what its own table holds by now, and
  writes in place of it.
#}
{% materialization table, adapter='lake', supported_languages=['sql', 'python'] %}
    {% set former = adapter.get_relation(database=database, schema=schema, identifier=model.alias) %}
    {% set relation = api.Relation.create(schema=schema, identifier=model.alias, type='table') %}
    {{ run_hooks(pre_hooks) }}
    {% if former is not none and (former.is_view or model.language == 'sql') %}
        {% do adapter.drop_relation(former) %}
    {% endif %}
    {% call statement('main', language=model.language) %}
        {{ create_table_as(false, relation, compiled_code, model.language) }}
    {% endcall %}
    {% do persist_constraints(relation, model) %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}


{# What Databricks would run is left out: `PythonModel` of the adapter runs the model. #}
{% macro lake__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language == 'python' -%}
        {{- compiled_code -}}
    {%- else -%}
        {{ spark__create_table_as(temporary, relation, compiled_code, language) }}
    {%- endif -%}
{%- endmacro %}


{# Parquet knows no constraint: one query over what was written holds all those of a contract. #}
{% macro spark__persist_constraints(relation, model) %}
    {% set counts = [] %}
    {% for column in model.columns.values() if config.get('contract').enforced %}
        {% for constraint in column.constraints %}
            {% if constraint.type == 'not_null' %}
                {% do counts.append('count_if(' ~ column.name ~ ' is null) as ' ~ column.name) %}
            {% elif constraint.type == 'primary_key' %}
                {% do counts.append('count(1) - count(distinct ' ~ column.name ~ ') as ' ~ column.name) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% if counts %}
        {% set broken = run_query('select ' ~ counts | join(', ') ~ ' from ' ~ relation).rows[0] %}
        {% for name, rows in broken.items() if rows %}
            {% set problem = model.name ~ '.' ~ name ~ ': ' ~ rows ~ ' rows break the constraint of its contract' %}
            {{ exceptions.raise_compiler_error(problem) }}
        {% endfor %}
    {% endif %}
{% endmacro %}


{# dbt-spark binds the values of a seed without care for their apostrophes. #}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types, statements = model.config.column_types or {}, [] %}
    {% for chunk in agate_table.rows | batch(1000) %}
        {% set statement %}
            insert into {{ this }} values
            {% for row in chunk %}
            (
                {%- for name in agate_table.column_names -%}
                {%- set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
                cast({{ spark_text(row[name]) }} as {{ type }}){{ ', ' if not loop.last }}
                {%- endfor -%}
            ){{ ',' if not loop.last }}
            {% endfor %}
        {% endset %}
        {% do adapter.add_query(statement, abridge_sql_log=True) %}
        {% do statements.append(statement) if loop.first %}
    {% endfor %}
    {{ return(statements[0]) }}
{% endmacro %}

{% macro spark_text(value) -%}
    {%- if value is none -%} null {%- else -%} '{{ value | string | replace("\\", "\\\\") | replace("'", "\\'") }}' {%- endif -%}
{%- endmacro %}


{# Spark's own: keeps microseconds and nulls, where dbt-spark's loses the first and fails at the second. #}
{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    timestampadd({{ datepart }}, cast({{ interval }} as int), {{ from_date_or_timestamp }})
{%- endmacro %}


{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    listagg({{ measure }}, {{ delimiter_text }}) {{ 'within group (' ~ order_by_clause ~ ')' if order_by_clause }}
{%- endmacro %}


{% macro spark__weekly_minutes(text) -%}
    {%- set week -%} regexp_replace({{ text }}, '(?i)Jours? fériés?.*', '') {%- endset -%}
    {%- set span -%} '(\\d{1,2})h(\\d{2})\\s*-\\s*(\\d{1,2})h(\\d{2})' {%- endset -%}
    case when regexp_count({{ week }}, {{ span }}) > 0 then
        aggregate(
            sequence(0, regexp_count({{ week }}, {{ span }}) - 1),
            cast(0 as bigint),
            (total, i) -> total
                + 60 * cast(regexp_extract_all({{ week }}, {{ span }}, 3)[i] as bigint)
                + cast(regexp_extract_all({{ week }}, {{ span }}, 4)[i] as bigint)
                - 60 * cast(regexp_extract_all({{ week }}, {{ span }}, 1)[i] as bigint)
                - cast(regexp_extract_all({{ week }}, {{ span }}, 2)[i] as bigint)
        )
    end
{%- endmacro %}
