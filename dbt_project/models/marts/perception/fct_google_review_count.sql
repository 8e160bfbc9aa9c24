select
    containers.container_code as territory_code,
    containers.container_name as territory_name,
    reviews.written_on,
    reviews.rating,
    reviews.is_answered,
    reviews.unanswered_age,
    count(reviews.review_id) as reviews
from {{ ref('fct_google_review') }} as reviews
inner join {{ ref('bridge_territory_container') }} as containers on reviews.territory_code = containers.territory_code
group by
    containers.container_code,
    containers.container_name,
    reviews.written_on,
    reviews.rating,
    reviews.is_answered,
    reviews.unanswered_age
