{# The codes of départements of a relation that neither the COG nor `territory_aliases` knows, with their volume. #}
{% macro unknown_departements(relation, platform, key, day, volume) %}
    select
        '{{ platform }}' as platform,
        'departement' as field,
        written.departement_code as label,
        count(written.{{ key }}) as records,
        cast(sum({{ volume }}) as bigint) as volume,
        min({{ day }}) as first_seen,
        max({{ day }}) as last_seen
    from {{ relation }} as written
    left join {{ ref('territories') }} as territories on written.departement_code = territories.departement_code
    left join {{ ref('territory_aliases') }} as aliases on written.departement_code = aliases.departement_code
    where
        written.departement_code is not null
        and territories.territory_code is null
        and aliases.territory_code is null
    group by written.departement_code
{% endmacro %}
