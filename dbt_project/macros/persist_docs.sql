{#
  Writes the comments of a relation and of its columns in one statement. dbt writes two, and asks the database twice which
  columns there are: that is a quarter of what a model of this project sends. A contract has already said it.
#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {% set comments = [] %}
    {% if for_relation and config.persist_relation_docs() and model.description %}
        {% do comments.append(duckdb__alter_relation_comment(relation, model.description)) %}
    {% endif %}
    {% if for_columns and config.persist_column_docs() and model.columns %}
        {% if config.get('contract').enforced %}
            {% for column in model.columns.values() %}
                {% set name = adapter.quote(column.name) if column.quote else column.name %}
                {% set comment = duckdb_escape_comment(column.description) %}
                {% do comments.append('comment on column ' ~ relation ~ '.' ~ name ~ ' is ' ~ comment ~ ';') %}
            {% endfor %}
        {% else %}
            {% do comments.append(duckdb__alter_column_comment(relation, model.columns)) %}
        {% endif %}
    {% endif %}
    {% if comments %}
        {% do run_query(comments | join('\n')) %}
    {% endif %}
{% endmacro %}
