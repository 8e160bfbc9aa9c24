with businesses as (
    select
        businesses.business_id,
        businesses.unit_code,
        businesses.unit_name,
        coalesce(by_postal_code.territory_code, by_departement.territory_code, 'ZZ') as territory_code
    from {{ ref('stg_partoo__business') }} as businesses
    left join {{ ref('bridge_postal_code_territory') }} as by_postal_code
        on businesses.postal_code = by_postal_code.postal_code
    left join {{ ref('bridge_departement_territory') }} as by_departement
        on businesses.departement_code = by_departement.departement_code
)

select
    reviews.review_id,
    reviews.partner,
    reviews.business_id,
    businesses.unit_code,
    businesses.unit_name,
    coalesce(businesses.territory_code, 'ZZ') as territory_code,
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
left join businesses on reviews.business_id = businesses.business_id
where
    reviews.withdrawn_at is null
    and coalesce(reviews.state, '') <> 'deleted'
