select
    cle_effectif as headcount_key,
    annee as year_number,
    categorie as category,
    effectifs_homme as men,
    effectifs_femme as women,
    -- A count that is empty is not told: those that are told make up the whole.
    case
        when coalesce(effectifs_homme, effectifs_femme) is not null
            then coalesce(effectifs_homme, 0) + coalesce(effectifs_femme, 0)
    end as people,
    _dlt_load_id as source_load_id
from {{ source('reference', 'headcounts') }}
