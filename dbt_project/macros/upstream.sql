{# Names of the sources that a model is made of, through the models in between, those of the live copy too. #}
{% macro platforms_upstream(unique_id) %}
    {% set waiting, seen, found = [unique_id], [], [] %}
    {% for _ in graph.nodes if waiting %}
        {% for parent in graph.nodes[waiting.pop()].depends_on.nodes if parent not in seen %}
            {% do seen.append(parent) %}
            {% if parent.startswith('source.') %}
                {% set source = graph.sources[parent] %}
                {% if source.source_name == 'live_copy' %}
                    {% do waiting.append('model.' ~ project_name ~ '.' ~ source.name) %}
                {% elif source.source_name not in found %}
                    {% do found.append(source.source_name) %}
                {% endif %}
            {% elif parent.startswith('model.') and graph.nodes[parent].fqn[1] != 'audit' %}
                {% do waiting.append(parent) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(found | sort) }}
{% endmacro %}
