{# Fails with the combinations of columns that occur more than once. #}
{% test unique_combination(model, columns) %}
    select {{ columns | join(', ') }}, count({{ columns[0] }}) as occurrences
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count({{ columns[0] }}) > 1
{% endtest %}
