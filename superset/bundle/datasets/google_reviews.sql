-- One row per territory in which a review counts: the filters reach it as they reach the KPIs.
select
    reviews.review_id,
    reviews.written_on,
    reviews.rating,
    reviews.is_answered,
    reviews.unanswered_age,
    seen.territory_code,
    seen.territory_name
from perception.fct_google_review as reviews
inner join reference.dim_territory as own on reviews.territory_code = own.territory_code
inner join reference.dim_territory as seen
    on seen.territory_code in ('FR', own.territory_code, own.region_code, own.gendarmerie_region_code)
