with postal_codes as (
    select
        postal_codes.postal_code,
        territories.territory_code
    from {{ ref('postal_codes') }} as postal_codes
    inner join {{ ref('territories') }} as territories on postal_codes.departement_code = territories.departement_code
)

select
    postal_code,
    territory_code
from postal_codes
union all
-- Software that reads 06600 as a number gives 6600. No postal code of the list has four digits, so the two never meet.
select
    substring(postal_code, 2) as postal_code,
    territory_code
from postal_codes
where postal_code like '0%'
