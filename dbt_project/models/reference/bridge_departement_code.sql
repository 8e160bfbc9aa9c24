select
    departement_code,
    territory_code
from {{ ref('territories') }}
union all
select
    departement_code,
    territory_code
from {{ ref('territory_aliases') }}
