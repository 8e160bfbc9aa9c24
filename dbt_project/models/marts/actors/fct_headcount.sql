{% set sexes = {'Femmes': 'women', 'Hommes': 'men'} %}
{% for sex, column in sexes.items() %}
select
    concat(headcount_key, '|', '{{ sex }}') as headcount_key,
    cast({{ dbt.dateadd('year', 'year_number - 2000', "cast('2000-01-01' as date)") }} as date) as year_start,
    category,
    '{{ sex }}' as sex,
    cast({{ column }} as bigint) as people,
    source_load_id
from {{ ref('stg_reference__headcount') }}
where {{ column }} is not null
{{ 'union all' if not loop.last }}
{% endfor %}
