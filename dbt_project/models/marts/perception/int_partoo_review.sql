with listings as (
    select * from {{ ref('dim_listing') }}
)

select
    reviews.review_id,
    reviews.partner,
    reviews.business_id,
    listings.unit_code,
    listings.listing_name as unit_name,
    coalesce(listings.territory_code, 'ZZ') as territory_code,
    reviews.written_at,
    reviews.written_on,
    reviews.changed_at,
    reviews.rating,
    reviews.is_recommended,
    reviews.has_text,
    coalesce(reviews.answers, 0) > 0 or reviews.answered_at is not null as is_answered,
    reviews.answered_at,
    reviews.answered_on,
    reviews.source_load_id
from {{ ref('stg_partoo__review') }} as reviews
left join listings on reviews.business_id = listings.listing_id
where
    reviews.withdrawn_at is null
    and coalesce(reviews.state, '') <> 'deleted'
