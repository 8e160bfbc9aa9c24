select
    departement_code,
    territory_code
from {{ ref('territories') }}
union
-- An undecided code (20, 97) has no row: another field may still tell, and where none does the territory is unknown.
select
    departement_code,
    territory_code
from {{ ref('territory_aliases') }}
where territory_code <> 'ZZ'
