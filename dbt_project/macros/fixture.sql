{#- A table that is built, for the rows of a unit test: a fixture may not `ref` what its model does not read. -#}
{% macro built(schema, name) -%}
    {{ api.Relation.create(schema=schema, identifier=name) }}
{%- endmacro %}
