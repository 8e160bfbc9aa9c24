select
    id as business_id,
    code as unit_code,
    status,
    name as unit_name,
    org_id,
    group_id,
    city,
    zipcode as postal_code,
    country,
    department_code as departement_code,
    google_location_id,
    presence_management_active as is_presence_managed,
    review_management_active as is_review_managed,
    review_booster_active as is_review_boosted,
    cast(created as timestamp) as created_at,
    cast(modified as timestamp) as modified_at,
    _dlt_load_id as source_load_id
from {{ source('partoo', 'businesses') }}
