"""Stand-in of data.gouv.fr for the reference data: its tabular API, and the files that are downloaded by hand.

Page sizes, links and row numbers are those of the API's own code; units and competences have the columns of §8.2, with
the oddities of the real file. Names, telephones and figures are invented; communes are those of the COG.
"""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.drift import drifted, fault_of, first_row
from sandbox.events import START, draw
from sandbox.files import xlsx_bytes

PREFIX = "/tabular"
BASE = f"{PREFIX}/api/resources"
SETTINGS = {"CYBERIMPACT_REFERENCE_URL": BASE}

UNITS = "061a5736-8fc2-4388-9e55-8cc31be87fa0"
COMPETENCES = "c53cd4d4-4623-4772-9b8c-bc72a9cdf4c2"

PAGE_ROWS, LARGEST_PAGE = 20, 50

#: A commune of this size has a unit of its own, or a service of the Police from the second size on.
SMALLEST_TOWN, SMALLEST_CITY = 3_000, 20_000

HOURS = " ".join(
    f"{name} : 8h00-12h00 14h00-18h00" for name in ("Lundi", "Mardi", "Mercredi", "Jeudi", "Vendredi", "Samedi")
)

#: Where the départements beyond the sea lie: west, east, south, north.
_BOXES = {
    "971": (-61.8, -61.2, 15.9, 16.5),
    "972": (-61.2, -60.8, 14.4, 14.9),
    "973": (-54.0, -51.7, 3.0, 5.8),
    "974": (55.2, 55.8, -21.3, -20.9),
    "975": (-56.4, -56.1, 46.7, 47.1),
    "976": (45.0, 45.3, -13.0, -12.6),
    "977": (-62.9, -62.8, 17.8, 18.0),
    "978": (-63.2, -63.0, 18.0, 18.2),
    "986": (-178.2, -176.1, -14.4, -13.2),
    "987": (-152.0, -149.0, -17.9, -16.4),
    "988": (164.0, 167.0, -22.4, -20.1),
    "2A": (8.6, 9.4, 41.4, 42.3),
    "2B": (8.7, 9.5, 42.0, 43.0),
}
_MAINLAND = (-1.0, 6.5, 43.4, 49.8)

Row = dict[str, Any]


class Commune(NamedTuple):
    """A commune of the COG."""

    code: str
    name: str
    departement: str
    population: int
    postal_codes: tuple[str, ...]


@lru_cache(maxsize=1)
def _cog() -> bytes:
    return (Path(__file__).parent / "communes.csv").read_bytes()


@lru_cache(maxsize=1)
def towns() -> tuple[Commune, ...]:
    """Return the communes that have a unit or a service of their own."""
    rows = csv.DictReader(io.StringIO(_cog().decode()))
    return tuple(
        Commune(
            row["code"],
            row["name"],
            row["departement_code"],
            int(row["population"]),
            tuple(row["postal_codes"].split()),
        )
        for row in rows
        if int(row["population"] or 0) >= SMALLEST_TOWN and row["postal_codes"]
    )


def _place(chance: Random, departement: str) -> tuple[float, float]:
    """Draw a longitude and a latitude in a département, or at least on its side of the sea."""
    west, east, south, north = _BOXES.get(departement, _MAINLAND)
    return round(chance.uniform(west, east), 5), round(chance.uniform(south, north), 5)


def _unit(chance: Random, number: int, commune: Commune) -> Row:
    """Return a unit with the oddities of the real file: no identifier, no street, swapped or no coordinates."""
    longitude, latitude = _place(chance, commune.departement)
    street = (
        f"{chance.randint(1, 180)} rue {chance.choice(('de la République', 'du Stade', 'de Verdun', 'des Écoles'))}"
    )
    postal_code = commune.postal_codes[0]
    oddity = chance.random()
    if oddity < 0.02:  # noqa: PLR2004 (swapped)
        longitude, latitude = latitude, longitude
    located = not 0.02 <= oddity < 0.03  # noqa: PLR2004 (without coordinates)
    return {
        "identifiant_public_unite": chance.choice(("0", "")) if oddity > 0.96 else str(1_000_000 + number),  # noqa: PLR2004
        "service": f"Gendarmerie - Brigade de {commune.name}",
        "adresse_geographique": f"{street} {postal_code} {commune.name.upper()}",
        "telephone": f"+33 4 {chance.randint(10, 99)} {chance.randint(10, 99)} {chance.randint(10, 99)} 00",
        "departement": commune.departement,
        "code_commune_insee": commune.code,
        "voie": "" if 0.5 < oddity < 0.6 else street,  # noqa: PLR2004
        "code_postal": postal_code,
        "commune": commune.name,
        "geocodage_epsg": "",
        "geocodage_x": "",
        "geocodage_y": "",
        "geocodage_x_GPS": longitude if located else "",
        "geocodage_y_GPS": latitude if located else "",
        "horaires_accueil": f" {HOURS} Dimanche : 9h00-12h00 15h00-18h00",
        "url": f"https://lannuaire.service-public.fr/gendarmerie-{commune.code}-01",
    }


@lru_cache(maxsize=4)
def units(seed: int) -> tuple[Row, ...]:
    """Return the units that receive the public."""
    chance = draw(seed, "reference/units", START)
    small = (commune for commune in towns() if commune.population < SMALLEST_CITY)
    return tuple({"__id": rank, **_unit(chance, rank, commune)} for rank, commune in enumerate(small, start=1))


@lru_cache(maxsize=1)
def competences() -> tuple[Row, ...]:
    """Return who is competent in each town."""
    return tuple(
        {
            "__id": rank,
            "code_commune": commune.code,
            "libelle_commune": commune.name,
            "institution": "GN" if commune.population < SMALLEST_CITY else "PN",
            "id_service": str(1_000_000 + rank) if commune.population < SMALLEST_CITY else f"PN{commune.code}",
            "service": ("Brigade de " if commune.population < SMALLEST_CITY else "Commissariat de ") + commune.name,
            "code_postal": commune.postal_codes[0],
            "codes_postaux": "-".join(commune.postal_codes),
        }
        for rank, commune in enumerate(towns(), start=1)
    )


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the tabular API answers; the files are converted again every night."""

    def rows(request: Request) -> tuple[Row, ...] | None:
        return {UNITS: units(seed), COMPETENCES: competences()}.get(request.path_params["resource"])

    async def describe(request: Request) -> Response:
        if rows(request) is None:
            return _unknown()
        converted_at = datetime.combine(today(), time(2, 30), UTC).isoformat()
        path = f"{BASE}/{request.path_params['resource']}"
        links = [{"href": f"{path}/{name}/", "type": "GET", "rel": name} for name in ("profile", "data", "swagger")]
        return JSONResponse({"created_at": converted_at, "url": "https://www.data.gouv.fr/export.csv", "links": links})

    async def data(request: Request) -> Response:
        found = rows(request)
        return _unknown() if found is None else _page(request, found)

    return [Route(f"{BASE}/{{resource}}/", describe), Route(f"{BASE}/{{resource}}/data/", data)]


def refuse(fault: str) -> Response | None:
    """Return the API's own words for a refusal."""
    statuses = {"unauthorized": 401, "forbidden": 403, "quota": 429, "server_error": 500}
    return _error(statuses[fault], fault) if fault in statuses else None


def _error(status: int, title: str) -> Response:
    return JSONResponse({"errors": [{"code": None, "title": title, "detail": "The request was refused."}]}, status)


def _unknown() -> Response:
    return _error(404, "Not found")


def _page(request: Request, rows: tuple[Row, ...]) -> Response:
    try:
        page = int(request.query_params.get("page", "1"))
        size = int(request.query_params.get("page_size", str(PAGE_ROWS)))
    except ValueError:
        return _error(400, "Invalid query string")
    if size > LARGEST_PAGE:
        return _error(400, f"Page size exceeds allowed maximum: {LARGEST_PAGE}")
    fault = fault_of(request)
    first = first_row(fault, (page - 1) * size)
    last = page * size >= len(rows)
    following = f"{str(request.base_url).rstrip('/')}{request.url.path}?page={page + 1}&page_size={size}"
    body = {
        "data": [_drifted(row, fault) for row in rows[first : first + size]],
        "links": {"next": None if last else following, "prev": None},
        "meta": {"page": page, "page_size": size, "total": len(rows)},
    }
    return JSONResponse(body)


def _drifted(row: Row, fault: str) -> Row:
    return drifted(
        row,
        fault,
        renamed={"service": "denomination"},
        flipped={"code_postal": "inconnu"},
        nested={"service": "libelle"},
        edited={"horaires_accueil": "Horaires modifiés", "libelle_commune": "Commune renommée"},
    )


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the files that are downloaded once a year: the COG, the headcounts and the offences per service."""
    yield f"communes_{START.year}.csv", _cog()
    yield f"iggn_effectifs_{until.year - 1}.csv", _headcounts(seed, until.year - 1)
    yield "crimes-et-delits-par-service-2020-2021.xlsx", _crimes(seed, (2020, 2021))


_CATEGORIES = {"Officiers": (5600, 700), "Sous-officiers de gendarmerie": (59000, 14500), "Volontaires": (7800, 4300)}


def _headcounts(seed: int, last: int) -> bytes:
    lines = ["annee,categorie,effectifs_homme,effectifs_femme"]
    for year in range(2016, last + 1):
        chance = draw(seed, "reference/headcounts", date(year, 1, 1))
        for category, (men, women) in _CATEGORIES.items():
            lines.append(f"{year},{category},{men + chance.randint(-300, 300)},{women + 40 * (year - 2016)}")
    return ("\n".join(lines) + "\n").encode()


#: Indices of the 'état 4001' and how many offences a company records in a year.
_INDICES: dict[int, tuple[str, int]] = {
    1: ("Règlements de compte entre malfaiteurs", 0),
    3: ("Homicides pour d'autres motifs", 1),
    7: ("Coups et blessures volontaires criminels ou correctionnels", 180),
    12: ("Menaces ou chantages dans un autre but", 95),
    27: ("Cambriolages de locaux d'habitations principales", 140),
    28: ("Cambriolages de résidences secondaires", 35),
    35: ("Vols d'automobiles", 70),
    37: ("Vols à la roulotte", 120),
    43: ("Autres vols simples contre des particuliers dans des locaux publics ou privés", 150),
    67: ("Destructions et dégradations de biens privés", 90),
    89: ("Falsification et usages de chèques volés", 12),
    90: ("Falsification et usages de cartes de crédit", 160),
    91: ("Escroqueries et abus de confiance", 310),
    96: ("Index non utilisé", 0),
    97: ("Index non utilisé", 0),
    107: ("Autres délits", 220),
}


@lru_cache(maxsize=2)
def _crimes(seed: int, years: tuple[int, ...]) -> bytes:
    """Return the workbook: row 1 the départements, row 2 the services, then one row per index."""
    sheets: dict[str, list[list[object]]] = {}
    towns_by_departement: dict[str, list[Commune]] = {}
    for commune in sorted(towns(), key=lambda commune: -commune.population):
        towns_by_departement.setdefault(commune.departement, []).append(commune)
    for institution, prefix, taken in (("GN", "CGD", slice(1, 4)), ("PN", "CSP", slice(0, 1))):
        services = [town for found in sorted(towns_by_departement.items()) for town in found[1][taken]]
        for year in years:
            chance = draw(seed, f"reference/crimes/{institution}", date(year, 1, 1))
            rows: list[list[object]] = [
                ["Département", None, *(town.departement for town in services)],
                ["Index", "Libellé", *(f"{prefix} {town.name.upper()}" for town in services)],
            ]
            for index, (label, mean) in _INDICES.items():
                counts = (max(0, round(chance.gauss(mean, mean**0.5 * 2))) for _ in services)
                rows.append([index, label, *counts])
            sheets[f"Services {institution} {year}"] = rows
    return xlsx_bytes(sheets)
