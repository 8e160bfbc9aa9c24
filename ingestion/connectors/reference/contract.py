"""Contract of reference data: communes, units, headcounts, offences."""

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Dropped, Field, Row, Table
from ingestion.engine.parsers import (
    FIRST_YEAR,
    LAST_YEAR,
    choice,
    code,
    count,
    decimal_number,
    departement_code,
    number,
)
from ingestion.engine.parsers import postal_code as one_postal_code
from ingestion.engine.parsers import published as as_given

_COMMUNE = re.compile(r"\d{5}|2[AB]\d{3}")
_REGION = re.compile(r"\d{2}|9[78]\d")
_BETWEEN_CODES = re.compile(r"[\s,;|-]+")


def commune_code(value: str) -> str:
    """Return the INSEE code of a commune: `1281` becomes `01281`, `2a004` becomes `2A004`.

    Raises:
        ValueError: it does not have the shape of such a code.
    """
    repaired = code(value).upper().zfill(5)
    if not _COMMUNE.fullmatch(repaired):
        raise ValueError("is not the INSEE code of a commune")
    return repaired


def region_or_collectivity(value: str) -> str:
    """Return the INSEE code of a region, or of an overseas collectivity, which the COG lists in the same column.

    Raises:
        ValueError: it has the shape of neither.
    """
    repaired = code(value).zfill(2)
    if not _REGION.fullmatch(repaired):
        raise ValueError("is not the code of a region")
    return repaired


def postal_codes(value: str) -> str:
    """Return postal codes, once each and separated by spaces, however the list was joined.

    Raises:
        ValueError: one of them is not a French postal code.
    """
    return " ".join(dict.fromkeys(one_postal_code(found) for found in _BETWEEN_CODES.split(value.strip("-;,| "))))


def year(value: str) -> int:
    """Return a year of the calendar.

    Raises:
        ValueError: it is none, or lies outside 2000 to 2050.
    """
    found = count(value)
    if not FIRST_YEAR <= found <= LAST_YEAR:
        raise ValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


institution = choice({"GN": ("Gendarmerie nationale", "Gendarmerie"), "PN": ("Police nationale", "Police")})


def _needed(name: str, description: str, labels: tuple[str, ...] = (), parse: Callable = as_given) -> Field:
    return Field(name, description, labels, parse, required=True, nullable=False)


COMMUNES = Table(
    name="communes",
    key="code",
    description="A commune of the Code officiel géographique.",
    fields=(
        _needed("code", "INSEE code of the commune.", ("code_commune", "code_insee"), commune_code),
        _needed("name", "Name of the commune.", ("nom", "libelle_commune")),
        _needed(
            "departement_code", "INSEE code of its département.", ("departement", "code_departement"), departement_code
        ),
        Field("region_code", "INSEE code of its region.", ("region", "code_region"), region_or_collectivity),
        Field(
            "population", "Inhabitants; empty for the six villages that the war of 1914 erased.", (), count, "bigint"
        ),
        Field(
            "postal_codes", "Its postal codes, separated by spaces.", ("codesPostaux", "codes_postaux"), postal_codes
        ),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)


class Box(NamedTuple):
    """A rectangle of the Earth, in degrees (WGS 84)."""

    west: float
    east: float
    south: float
    north: float

    def holds(self, longitude: float, latitude: float) -> bool:
        return self.west <= longitude <= self.east and self.south <= latitude <= self.north


#: Where France is. No box holds a point of another one with its two coordinates swapped.
FRANCE = (
    Box(-5.6, 9.8, 41.2, 51.3),  # metropolitan France and Corsica
    Box(-63.3, -60.7, 14.2, 18.3),  # Guadeloupe, Martinique, Saint-Martin, Saint-Barthélemy
    Box(-54.8, -51.4, 2.0, 6.0),  # Guyane
    Box(-56.6, -56.0, 46.6, 47.3),  # Saint-Pierre-et-Miquelon
    Box(55.1, 55.9, -21.5, -20.8),  # La Réunion
    Box(44.9, 45.4, -13.1, -12.5),  # Mayotte
    Box(163.0, 172.5, -23.0, -17.5),  # Nouvelle-Calédonie
    Box(-155.0, -134.0, -28.0, -7.5),  # Polynésie française
    Box(-178.5, -176.0, -14.6, -13.0),  # Wallis-et-Futuna
)

_LONGITUDE, _LATITUDE, _COORDINATES = "geocodage_x_gps", "geocodage_y_gps", "etat_coordonnees"


def _located(row: Row) -> Row:
    """Repair swapped coordinates, and leave out those that are not in France: a wrong point is worse than none."""
    longitude, latitude = row.get(_LONGITUDE), row.get(_LATITUDE)
    if longitude is None or latitude is None:
        state, place = "absentes", (None, None)
    elif any(box.holds(longitude, latitude) for box in FRANCE):
        state, place = "données", (longitude, latitude)
    elif any(box.holds(latitude, longitude) for box in FRANCE):
        state, place = "échangées", (latitude, longitude)
    else:
        state, place = "hors de France", (None, None)
    row[_LONGITUDE], row[_LATITUDE] = place
    row[_COORDINATES] = state
    return row


def _identified(row: Row) -> Row:
    """Give a unit its key: the ministry's identifier, or a hash of its name and address where there is none."""
    if row.get("identifiant_public_unite") == "0":
        row["identifiant_public_unite"] = None
    named = f"{row['service']}|{row.get('adresse_geographique') or row.get('code_commune_insee') or ''}"
    row["cle_unite"] = row.get("identifiant_public_unite") or f"h_{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    return _located(row)


UNITS = Table(
    name="units",
    key="cle_unite",
    description="A unit of the Gendarmerie that receives the public.",
    fields=(
        Field("cle_unite", "Identifier of the unit, or `h_` and a hash of its name and address.", filled_by_load=True),
        Field(
            "identifiant_public_unite",
            "Identifier given by the ministry; empty where it says 0.",
            (),
            code,
            required=True,
        ),
        _needed("service", "Name of the unit, such as 'Gendarmerie - Brigade d'Ornex'."),
        Field("adresse_geographique", "Public address, on one line.", (), as_given),
        Field("telephone", "Public telephone of the unit; nobody's own.", (), as_given),
        Field("departement", "INSEE code of the département.", (), departement_code, required=True),
        Field("code_commune_insee", "INSEE code of the commune.", (), commune_code),
        Field("voie", "Number and street; often empty.", (), as_given),
        Field("code_postal", "Postal code.", (), one_postal_code),
        Field("commune", "Name of the commune."),
        Field("geocodage_epsg", "Reference system of `geocodage_x` and `geocodage_y`; often empty.", (), code),
        Field("geocodage_x", "Easting in that system.", (), number, "double"),
        Field("geocodage_y", "Northing in that system.", (), number, "double"),
        Field(_LONGITUDE, "Longitude in degrees (WGS 84), repaired.", ("geocodage_x_GPS",), number, "double"),
        Field(_LATITUDE, "Latitude in degrees (WGS 84), repaired.", ("geocodage_y_GPS",), number, "double"),
        Field(
            _COORDINATES,
            "'données', 'échangées' (they were swapped), 'hors de France' (left out) or 'absentes'.",
            filled_by_load=True,
        ),
        Field("horaires_accueil", "Opening hours, as running text.", (), as_given),
        Field("url", "Page of the unit in the directory of the administration.", (), as_given),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dropped=(Dropped(("__id",), "row number of the tabular API, which moves from day to day"),),
    rule=_identified,
)

COMPETENCES = Table(
    name="competences",
    key="cle_competence",
    key_parts=("code_commune", "institution", "id_service"),
    description="Which service, of the Gendarmerie or the Police, is competent in a commune.",
    fields=(
        Field("cle_competence", "Commune, institution and service.", filled_by_load=True),
        _needed("code_commune", "INSEE code of the commune.", (), commune_code),
        Field("libelle_commune", "Name of the commune."),
        _needed("institution", "'GN' or 'PN'.", (), institution),
        Field("id_service", "Identifier of the service; empty where it says 0.", (), code),
        Field("service", "Name of the service.", required=True),
        Field("code_postal", "Main postal code of the commune.", (), one_postal_code),
        Field("codes_postaux", "Its postal codes, separated by spaces.", (), postal_codes),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dropped=(Dropped(("__id",), "row number of the tabular API, which moves from day to day"),),
)

HEADCOUNTS = Table(
    name="headcounts",
    key="cle_effectif",
    key_parts=("annee", "categorie"),
    description="Members of the Gendarmerie in a year and category.",
    fields=(
        Field("cle_effectif", "Year and category.", filled_by_load=True),
        Field("annee", "Year.", (), year, "bigint", required=True, nullable=False),
        _needed("categorie", "Category of personnel, as the IGGN names it."),
        Field("effectifs_homme", "Men.", ("effectifs_hommes",), count, "bigint", required=True),
        Field("effectifs_femme", "Women.", ("effectifs_femmes",), count, "bigint", required=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

INSPECTIONS = Table(
    name="inspections",
    key="cle_mesure",
    key_parts=("annee", "measure"),
    description="A yearly figure of the Inspection générale de la Gendarmerie nationale.",
    fields=(
        Field("cle_mesure", "Year and measure.", filled_by_load=True),
        Field("annee", "Year.", (), year, "bigint", required=True, nullable=False),
        _needed(
            "measure", "'n_reclamations' (complaints received) or 'pourcentage_manquements' (share with a failing)."
        ),
        Field("value", "Value; a share lies between 0 and 1.", (), decimal_number, "decimal", required=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

CRIMES = Table(
    name="crimes",
    key="cle_fait",
    key_parts=("year", "institution", "departement", "service", "index_code"),
    description="Offences recorded by a service in a year, by index of the 'état 4001'.",
    fields=(
        Field("cle_fait", "Year, institution, département, service and index.", filled_by_load=True),
        Field("year", "Year.", (), year, "bigint", required=True, nullable=False),
        _needed("institution", "'GN' or 'PN'.", (), institution),
        _needed("departement", "INSEE code of the département of the service.", (), departement_code),
        _needed("service", "Name of the service: a company of the Gendarmerie, a district of the Police."),
        _needed("index_code", "Index of the 'état 4001', 1 to 107.", (), code),
        Field("label", "What the index counts."),
        Field("value", "Offences recorded; empty where the file is.", (), count, "bigint", required=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

CHAT_CATEGORY = Table(
    name="chat_category",
    key="label",
    description="The category that an installation gives to a motive or parent motive of the chat.",
    fields=(
        _needed("label", "Motive or parent motive, as the chat writes it.", ("motif", "libelle")),
        _needed(
            "category", "Its category: demande_info, victime, signalement, PNAV or one of its own.", ("categorie",)
        ),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

CONTRACT = (COMMUNES, UNITS, COMPETENCES, HEADCOUNTS, INSPECTIONS, CRIMES, CHAT_CATEGORY)
