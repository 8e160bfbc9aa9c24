-- Which platforms the figures of each KPI come from, as the models say it.
{% set nodes = graph.nodes.values() if execute else [] %}
with read as (
    {% for node in nodes if node.config.meta.kpi is defined %}
    {% for platform in platforms_upstream(node.unique_id) %}
    select
        '{{ node.config.meta.kpi.code }}' as kpi_code,
        '{{ platform }}' as platform
    union all
    {% endfor %}
    {% endfor %}
    select
        null as kpi_code,
        null as platform
)

select
    read.kpi_code,
    read.platform
from read
inner join {{ ref('platforms') }} as platforms on read.platform = platforms.platform
-- Reference data are behind every figure.
where platforms.pillar <> 'reference'
