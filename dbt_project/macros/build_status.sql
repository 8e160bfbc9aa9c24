{#
  `audit.build_status`: what the last builds left in this target's file, one row per seed, model, snapshot and data test of
  the target.
  A build that dies leaves its nodes 'running', and 'pending' the checks of what it rebuilds without checking; publication
  wants every row to be 'success', 'pass', 'warn' or 'held_back'. Unit tests have no row: their failure skips the model.
  Called by on-run-start and on-run-end: by build, run, test, seed and snapshot, not by parse, list, compile or docs.
#}

{% macro build_status_start() %}
    {% if execute %}
        {% set tracked, rows = tracked_nodes(), [] %}
        {% do refuse_nodes_of_the_other_target(tracked) %}
        {% do refuse_grains_that_lose_records() %}
        {% for node in tracked.values() %}
            {% if node.unique_id in selected_resources %}
                {% do rows.append(build_status_row(node, 'running')) %}
            {% elif node.resource_type == 'test' and reads_any(node, selected_resources) %}
                {% do rows.append(build_status_row(node, 'pending')) %}
            {% endif %}
        {% endfor %}
        {% set statements = replace_build_status(rows, tracked) %}
        {% do adapter.dispatch('take_in_sources')(tracked) %}
        {{ return(statements) }}
    {% endif %}
{% endmacro %}


{# Hands the engine what it reads of files that are not its own. DuckDB has its plugins for it. #}
{% macro default__take_in_sources(tracked) %}
{% endmacro %}


{% macro build_status_finish(results) %}
    {% if execute %}
        {% set tracked, rows = tracked_nodes(), [] %}
        {% for result in results if result.node.unique_id in tracked %}
            {% do rows.append(build_status_row(result.node, end_of(result))) %}
        {% endfor %}
        {{ return(replace_build_status(rows, tracked)) }}
    {% endif %}
{% endmacro %}


{#
  A check that holds back only warns in dbt, so that what reads its model is built all the same; it has failed nevertheless.
  Which KPIs are held back is settled by `warehouse/held_back.py`.
#}
{% macro end_of(result) %}
    {% set status = result.status | string %}
    {{ return('fail' if status == 'warn' and result.node.config.meta.on_failure == 'hold_back' else status) }}
{% endmacro %}


{#
  The nodes of the target. `live` has the models tagged so, the seeds that they read, and the checks that read nothing else;
  `daily` has all but those models and their checks.
#}
{% macro tracked_nodes() %}
    {% set tracked, nodes = {}, built_nodes() %}
    {% set of_live = nodes_of_live(nodes, with_seeds=target.name == 'live') %}
    {% for node in nodes %}
        {% set judged = node.depends_on.nodes if node.resource_type == 'test' else [node.unique_id] %}
        {% set judged = judged | reject('in', graph.sources) | list %}
        {% set found = judged | select('in', of_live) | list %}
        {% if (target.name == 'live' and found == judged) or (target.name != 'live' and not found) %}
            {% do tracked.update({node.unique_id: node}) %}
        {% endif %}
    {% endfor %}
    {{ return(tracked) }}
{% endmacro %}


{% macro built_types() %}
    {{ return(['seed', 'model', 'snapshot', 'test']) }}
{% endmacro %}


{% macro built_nodes() %}
    {{ return(graph.nodes.values() | selectattr('resource_type', 'in', built_types()) | list) }}
{% endmacro %}


{% macro nodes_of_live(nodes, with_seeds) %}
    {% set found = [] %}
    {% for node in nodes if node.resource_type == 'model' and 'live' in node.tags %}
        {% do found.append(node.unique_id) %}
        {% for parent in node.depends_on.nodes if with_seeds and parent.startswith('seed.') %}
            {% do found.append(parent) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# A model built into the other file would be found there by nobody, or by the wrong reader. Compiling builds none. #}
{% macro refuse_nodes_of_the_other_target(tracked) %}
    {% set selected = [] if flags.WHICH == 'compile' else selected_resources %}
    {% for unique_id in selected if unique_id not in tracked and unique_id in graph.nodes %}
        {% set node, other = graph.nodes[unique_id], 'daily' if target.name == 'live' else 'live' %}
        {% if node.resource_type in built_types() %}
            {% set remedy = 'give --target ' ~ other ~ ', or leave it out.' %}
            {{ exceptions.raise_compiler_error(node.name ~ ' is not built by the target ' ~ target.name ~ ': ' ~ remedy) }}
        {% endif %}
    {% endfor %}
{% endmacro %}


{% macro reads_any(node, unique_ids) %}
    {{ return(node.depends_on.nodes | select('in', unique_ids) | list | length > 0) }}
{% endmacro %}


{# A model that was renamed leaves no table of its former name (`meta.formerly`) in the file. #}
{% macro drop_former_tables() %}
    {% if execute %}
        {% set renamed = tracked_nodes().values() | selectattr('config.meta.formerly', 'defined') | list %}
        {{ return(adapter.dispatch('drop_former_tables')(renamed)) }}
    {% endif %}
{% endmacro %}

{% macro duckdb__drop_former_tables(nodes) %}
    {% for node in nodes %}
        drop table if exists {{ node.schema }}.{{ node.config.meta.formerly }};
    {% endfor %}
{% endmacro %}


{% macro build_status_row(node, status) %}
    {{ return({
        'unique_id': node.unique_id,
        'resource_type': node.resource_type,
        'name': node.name,
        'status': status,
        'is_finished': status not in ('running', 'pending'),
    }) }}
{% endmacro %}


{# Replaces rows and forgets nodes that the project no longer has, in one step for whoever reads or dies meanwhile. #}
{% macro replace_build_status(rows, tracked) %}
    {{ return(adapter.dispatch('replace_build_status')(rows, tracked)) }}
{% endmacro %}

{% macro duckdb__replace_build_status(rows, tracked) %}
    begin;
    create schema if not exists audit;
    alter table if exists audit.build_node rename to build_status; -- its name in 0.1.0
    create table if not exists audit.build_status (
        unique_id varchar primary key,
        resource_type varchar not null,
        name varchar not null,
        status varchar not null,
        invocation_id varchar not null,
        finished_at timestamp
    );
    create table if not exists audit.held_back (
        kpi_code varchar not null,
        kpi_id varchar not null,
        check_id varchar not null,
        check_name varchar not null,
        subject varchar not null,
        rows bigint,
        values_of timestamp
    );
    create table if not exists audit.build_fingerprint (unique_id varchar not null, fingerprint varchar not null);
    create schema if not exists archive;
    create table if not exists archive.kpi_value (
        {% for column, type in archive_columns().items() %}
        {{ column }} {{ type }}{{ ',' if not loop.last }}
        {% endfor %}
    );
    delete from audit.build_status where unique_id not in ({{ quoted_list(tracked) }});
    {% set begun = rows | rejectattr('is_finished') | map(attribute='unique_id') | list + [''] %}
    -- A KPI that is built anew has other values than those that readers keep: what holds it back is to be asked again.
    update audit.build_status
    set status = 'pending'
    where
        status = 'held_back'
        and unique_id in (
            select check_id from audit.held_back where kpi_id in ({{ quoted_list(begun) }})
        );
    -- What is begun is not what its fingerprint says; `warehouse/staleness.py` writes those of what ended well.
    delete from audit.build_fingerprint
    where unique_id in ({{ quoted_list(begun) }}) or unique_id not in ({{ quoted_list(tracked) }});
    delete from audit.held_back
    where check_id in ({{ quoted_list(begun) }}) or check_id not in ({{ quoted_list(tracked) }});
    {% if rows %}
    insert or replace into audit.build_status values
    {% for row in rows %}
    (
        '{{ row.unique_id }}',
        '{{ row.resource_type }}',
        '{{ row.name }}',
        '{{ row.status }}',
        '{{ invocation_id }}',
        {{ 'cast(now() as timestamp)' if row.is_finished else 'null' }}
    ){{ ',' if not loop.last else ';' }}
    {% endfor %}
    {% endif %}
    commit;
{% endmacro %}


{# `audit.held_back`: which KPI is held back by which check. It is no model: `warehouse/held_back.py` writes it. #}
{% macro held_back_kpis() -%}
    {{ api.Relation.create(database=target.database or none, schema='audit', identifier='held_back') }}
{%- endmacro %}


{# `archive.kpi_value`: final figures of periods whose records a purge has taken. It is no model: `audit/archive.py` fills it. #}
{% macro archived_kpis() -%}
    {{ api.Relation.create(database=target.database or none, schema='archive', identifier='kpi_value') }}
{%- endmacro %}

{% macro archive_columns() %}
    {{ return({
        'kpi_code': 'varchar',
        'period_type': 'varchar',
        'period_start': 'date',
        'territory_level': 'varchar',
        'territory_code': 'varchar',
        'breakdown_dimension': 'varchar',
        'breakdown_value': 'varchar',
        'numerator': 'decimal(38, 6)',
        'denominator': 'decimal(38, 6)',
        'value': 'decimal(18, 6)',
        'observations': 'bigint',
        'is_suppressed': 'boolean',
        'archived_at': 'timestamp',
    }) }}
{% endmacro %}
