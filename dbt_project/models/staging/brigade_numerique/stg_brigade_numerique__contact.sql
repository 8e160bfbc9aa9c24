select
    contact_key,
    reference as conversation_pseudonym,
    date as written_local_time,
    cast(contacted_at as timestamp) as contacted_at,
    heure_reparee as is_hour_repaired,
    motif_parent as parent_motive,
    motif as motive,
    pnav as is_pnav,
    generation,
    _dlt_load_id as source_load_id
from {{ source('brigade_numerique', 'contacts') }}
