select
    cle_effectif as headcount_key,
    annee as year_number,
    categorie as category,
    effectifs_homme + effectifs_femme as people,
    _dlt_load_id as source_load_id
from {{ source('reference', 'headcounts') }}
