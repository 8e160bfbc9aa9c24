{# Names of the sources that a model is made of, through the models in between. #}
{% macro platforms_upstream(unique_id) %}
    {% set waiting, seen, found = [unique_id], [], [] %}
    {% for _ in graph.nodes if waiting %}
        {% for parent in graph.nodes[waiting.pop()].depends_on.nodes if parent not in seen %}
            {% do seen.append(parent) %}
            {% if parent.startswith('source.') %}
                {% set name = graph.sources[parent].source_name %}
                {% if name not in found %}{% do found.append(name) %}{% endif %}
            {% elif parent.startswith('model.') and graph.nodes[parent].fqn[1] != 'audit' %}
                {% do waiting.append(parent) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(found | sort) }}
{% endmacro %}
