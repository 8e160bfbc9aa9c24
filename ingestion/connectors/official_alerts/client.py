"""Clients of Météo-France, Vigicrues and Santé publique France."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from dlt.sources.helpers.rest_client.paginators import OffsetPaginator
from requests import JSONDecodeError, Response

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.official_alerts.contract import METEO_FRANCE, SANTE_PUBLIQUE_FRANCE, VIGICRUES
from ingestion.engine.contract import CHANGED_FORMAT
from ingestion.engine.http import Api, without_query

PLATFORM = "official_alerts"
SETTING = "CYBERIMPACT_OFFICIAL_ALERTS"
KEY_SETTING = f"{SETTING}_METEO_FRANCE_API_KEY"

Page = list[dict[str, Any]]

#: Codes of the vigilance product, version 6 [REPORTED: Météo-France's technical description, cited in public code].
PHENOMENA = {
    "1": "vent violent",
    "2": "pluie-inondation",
    "3": "orages",
    "4": "crues",
    "5": "neige-verglas",
    "6": "canicule",
    "7": "grand froid",
    "8": "avalanches",
    "9": "vagues-submersion",
}
COLOURS = {"1": "verte", "2": "jaune", "3": "orange", "4": "rouge"}

#: The file of the archive that equals the live product; a bulletin of texts alone does not have it.
MAP_FILE = "CDP_CARTE_EXTERNE.json"

#: A département is written with this many characters in the vigilance product, its coast with `10` after them.
_DEPARTEMENT_LENGTH = 2


class Vigilance:
    """Weather warnings of the mainland: the map in force with a key, and the archived maps without one.

    Source: `GET /cartevigilance/encours`, header `apikey` [REPORTED by several public clients]; archive on
    data.gouv.fr [REPORTED by one].
    """

    def __init__(self) -> None:
        base = get(f"{SETTING}_METEO_FRANCE_URL", "https://public-api.meteofrance.fr/public/DPVigilance/v1")
        archive = get(
            f"{SETTING}_METEO_FRANCE_ARCHIVE_URL",
            "https://console.object.files.data.gouv.fr/api/v1/buckets/meteofrance/objects",
        )
        key = get(KEY_SETTING)
        self._live = Api(PLATFORM, base.rstrip("/"), KEY_SETTING, {"apikey": key} if key else {})
        self._archive = Api(PLATFORM, archive.rstrip("/"), KEY_SETTING)

    @property
    def address(self) -> str:
        return self._live.base_url

    def in_force(self) -> Page:
        """Return the map in force, one record per period, domain and phenomenon.

        Raises:
            ExpectedFailure: it cannot be read.
        """
        path = "cartevigilance/encours"
        return _statements(self._live.get(path), self._live.where(path))

    def archived(self, since: date, before: date) -> Iterator[Page]:
        """Yield the archived maps of the days from `since` to the day before `before`, oldest first.

        Raises:
            ExpectedFailure: the archive cannot be read.
        """
        if since >= before:
            return
        tree = self._archive.get("download", {"prefix": "data/vigilance/vigilance-hexagone-tree.json"})
        for day in (since + timedelta(days=offset) for offset in range((before - since).days)):
            stamps = tree.get(f"{day:%Y}", {}).get(f"{day:%m}", {}).get(f"{day:%d}", {})
            for stamp in sorted(stamp for stamp, files in stamps.items() if MAP_FILE in files):
                path = f"data/vigilance/metropole/{day:%Y/%m/%d}/{stamp}/{MAP_FILE}"
                answer = self._archive.get("download", {"prefix": path})
                yield _statements(answer, f"{self._archive.where('download')}, map of {day} {stamp}")


def _statements(carte: Any, where: str) -> Page:
    product = _of(carte, "product", where)
    issued_at = _of(product, "update_time", where)
    return [
        _statement(item, _of(domain, "domain_id", where), period, issued_at, where)
        for period in _of(product, "periods", where)
        for domain in _of(_of(period, "timelaps", where), "domain_ids", where)
        for item in _of(domain, "phenomenon_items", where)
    ]


def _statement(item: Any, domain: str, period: Any, issued_at: str, where: str) -> dict[str, Any]:
    """Return one colour of the map.

    The greatest colour of the period is read, and not its chronology, which the product leaves empty for floods.
    """
    colour = _of(item, "phenomenon_max_color_id", where)
    number = str(_of(item, "phenomenon_id", where))
    phenomenon = PHENOMENA.get(number, f"phénomène {number}")
    territory_type, place = _place(domain)
    return {
        "source": METEO_FRANCE,
        "level": colour,
        "source_level": colour,
        "phenomenon": phenomenon,
        "territory_type": territory_type,
        "territory": domain,
        "valid_from": _of(period, "begin_validity_time", where),
        "valid_until": _of(period, "end_validity_time", where),
        "issued_at": issued_at,
        "title": f"Vigilance {_colour_name(colour)} {phenomenon}, {place}",
        "url": "https://vigilance.meteofrance.fr",
    }


def _place(domain: str) -> tuple[str, str]:
    """Return the type of a domain and how a reader calls it."""
    if len(domain) == _DEPARTEMENT_LENGTH:
        return "departement", f"département {domain}"
    if domain[:1].isdigit():
        return "littoral", f"littoral du département {domain[:_DEPARTEMENT_LENGTH]}"
    return ("pays", "France") if domain == "FRA" else ("zone", f"zone {domain}")


class Rivers:
    """Flood warnings by section of a watched river.

    Source: `GET /services/InfoVigiCru.geojson`, no key [REPORTED by many public clients; the documented
    `/services/1/…` redirects to it].
    """

    PATH = "InfoVigiCru.geojson"

    def __init__(self) -> None:
        base = get(f"{SETTING}_VIGICRUES_URL", "https://www.vigicrues.gouv.fr/services")
        self._api = Api(PLATFORM, base.rstrip("/"), f"{SETTING}_VIGICRUES_URL")

    @property
    def address(self) -> str:
        return self._api.base_url

    def in_force(self) -> Page:
        """Return the level of every section; their geometry is left out.

        Raises:
            ExpectedFailure: they cannot be read.
        """
        where = self._api.where(self.PATH)
        answer = self._api.get(self.PATH)
        issued_at = _of(answer, "DtHrInfoVigiCru", where)
        return [
            self._statement(_of(feature, "properties", where), issued_at, where)
            for feature in _of(answer, "features", where)
        ]

    @staticmethod
    def _statement(properties: Any, issued_at: str, where: str) -> dict[str, Any]:
        # The case of the names changed between 2023 and 2026 (`LbEntCru`, `lbentcru`).
        named = {name.lower(): value for name, value in properties.items()}
        section, level = _of(named, "cdentcru", where), _of(named, "nivinfvicr", where)
        name = named.get("lbentcru")
        return {
            "source": VIGICRUES,
            "level": level,
            "source_level": level,
            "phenomenon": "crues",
            "territory_type": "troncon",
            "territory": section,
            "territory_name": name,
            "valid_from": issued_at,
            "issued_at": issued_at,
            "title": f"Vigilance {_colour_name(level)} crues, {name or section}",
            "url": "https://www.vigicrues.gouv.fr",
        }


class HealthAlerts:
    """Weekly alert levels of winter epidemics by region, from Odissé, the open data portal of Santé publique France.

    Source: Opendatasoft Explore API v2.1 [CERTAIN, platform-contracts.md §2.3]; dataset and its columns [REPORTED by
    several public clients].
    """

    PATH = "catalog/datasets/ma_region_epidemies_hivernales_alertes/records"
    PAGE_ROWS = 100
    MOST_PAGES = 99

    #: Levels of a week are revised while late reports come in.
    LAG = timedelta(days=28)

    def __init__(self) -> None:
        base = get(f"{SETTING}_ODISSE_URL", "https://odisse.santepubliquefrance.fr/api/explore/v2.1")
        self._api = Api(PLATFORM, base.rstrip("/"), f"{SETTING}_ODISSE_URL", check=_is_listing)

    @property
    def address(self) -> str:
        return self._api.base_url

    def weeks(self, first: date, last: date = date.max) -> Iterator[Page]:
        """Yield the levels of the weeks that end on one of the days from the first to the last.

        Raises:
            ExpectedFailure: they cannot be read.
        """
        where = self._api.where(self.PATH)
        query = {"where": f"date >= date'{first}' and date <= date'{last}'", "order_by": "date, reg, theme"}
        announced = self._api.get(self.PATH, {**query, "limit": 1})["total_count"]
        pages = self._api.pages(
            self.PATH,
            query,
            paginator=OffsetPaginator(limit=self.PAGE_ROWS, total_path="total_count"),
            most=self.MOST_PAGES,
            selector="results",
        )
        found: set[tuple[str, ...]] = set()
        for page in pages:
            statements = [self._statement(row, where) for row in page]
            found |= {(each["valid_from"], *subject(each)) for each in statements}
            yield statements
        if len(found) < announced:
            raise ExpectedFailure(
                f"{where}: {len(found)} levels came, and the portal counted {announced}: a page came twice.",
                "Nothing was loaded, the data loaded before stays: load again later.",
            )

    @staticmethod
    def _statement(row: Any, where: str) -> dict[str, Any]:
        week, region, theme = (_of(row, name, where) for name in ("date", "reg", "theme"))
        level = _of(row, "valeur", where)
        return {
            "source": SANTE_PUBLIQUE_FRANCE,
            "level": None,
            "source_level": level,
            "phenomenon": theme,
            "territory_type": "region",
            "territory": region,
            "valid_from": week,
            "issued_at": week,
            "title": f"{theme} : niveau {level} sur 4 dans la région {region}, semaine {row.get('date_lib') or week}",
            "url": "https://odisse.santepubliquefrance.fr",
        } | {name: value for name, value in row.items() if name not in {"date", "date_lib", "reg", "theme", "valeur"}}


def _is_listing(response: Response) -> ExpectedFailure | None:
    """Refuse an answer without records: a paginator would take it for the end of the listing."""
    try:
        answer = response.json()
    except JSONDecodeError:
        return None
    is_listing = isinstance(answer, dict) and isinstance(answer.get("total_count"), int) and "results" in answer
    if not response.ok or is_listing:
        return None
    where = f"{PLATFORM}, address {without_query(response.url)}"
    return ExpectedFailure(f"{where}: the answer has no 'results' where the contract has them.", CHANGED_FORMAT)


def subject(statement: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what a statement is about: source, territory and phenomenon."""
    return statement["source"], str(statement["territory"]), str(statement["phenomenon"])


def _colour_name(colour: Any) -> str:
    return COLOURS.get(str(colour), str(colour))


def _of(answer: Any, name: str, where: str) -> Any:
    """Return what an answer holds under a name.

    Raises:
        ExpectedFailure: it has no such name.
    """
    if not isinstance(answer, Mapping) or answer.get(name) is None:
        raise ExpectedFailure(f"{where}: the answer has no {name!r} where the contract has one.", CHANGED_FORMAT)
    return answer[name]
