select
    assistance_key as record_key,
    diagnosed_on as occurred_on,
    territory_code,
    victims as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_assistance') }}
