select
    cle_unite as unit_key,
    identifiant_public_unite as public_identifier,
    service as unit_name,
    adresse_geographique as address,
    telephone as phone,
    departement as departement_code,
    code_commune_insee as commune_code,
    commune as commune_name,
    code_postal as postal_code,
    geocodage_x_gps as longitude_degrees,
    geocodage_y_gps as latitude_degrees,
    etat_coordonnees as coordinates_state,
    horaires_accueil as opening_hours,
    url as website,
    _dlt_load_id as source_load_id
from {{ source('reference', 'units') }}
