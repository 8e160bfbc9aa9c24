with texts as (
    select * from {{ ref('int_irritant_text') }}
),

latest as (
    select max(month_start_on) as month_start_on
    from texts
),

-- The last twelve months of the data, the current one included.
recent as (
    select texts.*
    from texts
    inner join latest on texts.month_start_on > {{ dbt.dateadd('month', -12, 'latest.month_start_on') }}
)

{% for service in ["'total'", 'recent.service_name'] %}
select
    recent.verbatim_id,
    verbatims.text,
    kinds.copy_of,
    themes.theme,
    {{ service }} as service_name,
    coalesce(recent.feeling = 'négatif', false) as is_negative,
    recent.written_on
from recent
inner join {{ ref('fct_verbatim') }} as verbatims on recent.verbatim_id = verbatims.verbatim_id
inner join {{ ref('fct_verbatim_kind') }} as kinds on recent.verbatim_id = kinds.verbatim_id
inner join {{ ref('fct_verbatim_theme') }} as themes on recent.verbatim_id = themes.verbatim_id
{{ 'union all' if not loop.last }}
{% endfor %}
