-- Reviews of an export that names no known service are not weighed against its statistics: they could count twice.
{{ config(group='perception') }}
select
    service_name,
    count(review_id) as reviews
from {{ ref('fct_jdma_review') }}
where service_id = 'inconnu'
group by service_name
