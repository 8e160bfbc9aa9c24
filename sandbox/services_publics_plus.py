"""Stand-in of the Services Publics+ portal: Opendatasoft Explore API v2.1 over invented experiences and results.

Limits, error bodies and headers are those of the vendor's contract; the fields are those seen in public code that reads
the portal. The paging window is refused as on the real one.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox import odsql, opendatasoft
from sandbox.drift import drifted, fault_of
from sandbox.events import START, draw
from sandbox.experiences import THEMES, Experience, history
from sandbox.places import departements

PREFIX = "/api/explore/v2.1"
SETTINGS = {"CYBERIMPACT_SERVICES_PUBLICS_PLUS_URL": PREFIX}
DATASETS = f"{PREFIX}/catalog/datasets/{{dataset}}"
DATASET = "export-experiences"
RESULTS = "resultats-de-qualite"

CALLS_PER_DAY = 10_000
CHUNK_LINES = 500

_NUMBERS = {"experiences_similaires": "int", "valeur": "double"}
FIELDS = (
    "id_experience",
    "titre",
    "description",
    "ressenti_usager",
    "etat_experience",
    "ecrit_le",
    "date_de_publication",
    "date_de_premiere_reponse",
    "pays",
    "code_postal_usager",
    "intitule_typologie_1",
    "intitule_structure_1",
    "reponse_structure_1",
    "intitule_typologie_2",
    "intitule_structure_2",
    *THEMES,
    "experiences_similaires",
    "amelioration_de_service_a_considerer",
    "action",
)

#: Of the quality results: the mandatory columns of the programme, as the portal would name them.
RESULT_FIELDS = (
    "code_sp_de_la_structure",
    "intitule_de_la_typologie",
    "intitule_de_la_structure",
    "code_postal",
    "ville",
    "code_sp_de_l_indicateur",
    "valeur",
    "frequence",
    "date_de_mise_a_jour",
)
#: Indicator to its mean and spread, and to the number of months that each result covers.
INDICATORS = {"IND-ACCUEIL": (88, 5, 1), "IND-DELAI": (74, 9, 1), "IND-TELEPHONE": (81, 7, 3), "IND-CLARTE": (79, 4, 3)}

ANSWERS = (
    "Bonjour, nous vous remercions de votre témoignage.",
    "Bonjour, votre message a été transmis au service concerné, qui reviendra vers vous.",
    "Bonjour, nous regrettons ces difficultés et corrigeons la page en cause. Cordialement, Sandrine Rousseau",
)

FIELDS_OF = {DATASET: FIELDS, RESULTS: RESULT_FIELDS}
TITLES = {DATASET: "Expériences Services Publics+", RESULTS: "Résultats de qualité"}

Record = dict[str, Any]


def record(experience: Experience, today: date) -> Record:
    """Return an experience as the portal shows it on a day: without the answer that comes later."""
    answered_on = experience.answered_on
    is_answered = answered_on is not None and max(answered_on, experience.published_on) <= today
    also = experience.also
    return {
        "id_experience": str(experience.number),
        "titre": experience.title,
        "description": experience.description,
        "ressenti_usager": experience.feeling,
        "etat_experience": "Traitée" if is_answered else "A traiter",
        "ecrit_le": experience.written_on.isoformat() if experience.written_on else None,
        "date_de_publication": experience.published_on.isoformat(),
        "date_de_premiere_reponse": answered_on.isoformat() if answered_on and is_answered else None,
        "pays": experience.country,
        "code_postal_usager": experience.postal_code,
        "intitule_typologie_1": experience.service.typology,
        "intitule_structure_1": experience.structure,
        "reponse_structure_1": ANSWERS[experience.number % len(ANSWERS)] if is_answered else None,
        "intitule_typologie_2": also.typology if also else None,
        "intitule_structure_2": also.structure.format(town="Paris") if also else None,
        **{theme: experience.themes.get(theme) for theme in THEMES},
        "experiences_similaires": experience.similar,
        "amelioration_de_service_a_considerer": "Non",
        "action": None,
    }


def results(seed: int, today: date) -> Iterator[Record]:
    """Yield the quality results that the groups of the Gendarmerie have published up to a day, month by month."""
    months = (date(year, month, 1) for year in range(START.year, today.year + 1) for month in range(1, 13))
    for month in months:
        if START < month <= today:
            yield from _results_of(seed, month)


def _results_of(seed: int, month: date) -> Iterator[Record]:
    chance = draw(seed, RESULTS, month)
    for place in departements():
        for code, (mean, spread, covered) in INDICATORS.items():
            value = round(min(100.0, max(0.0, chance.gauss(mean, spread))), 1)
            if (month.month - 1) % covered == 0:
                yield {
                    "code_sp_de_la_structure": f"GGD-{place.code}",
                    "intitule_de_la_typologie": "Groupement de gendarmerie départementale",
                    "intitule_de_la_structure": f"Groupement de gendarmerie départementale : {place.name}",
                    "code_postal": place.postal_codes[0],
                    "ville": place.town,
                    "code_sp_de_l_indicateur": code,
                    "valeur": value,
                    "frequence": "Mensuelle" if covered == 1 else "Trimestrielle",
                    "date_de_mise_a_jour": month.isoformat(),
                }


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the portal answers."""
    return Portal(seed, today).routes()


class Portal:
    """The portal.

    Args:
        seed: Which history is generated.
        today: Returns the day up to which it is shown.
    """

    def __init__(self, seed: int, today: Callable[[], date]) -> None:
        self._seed = seed
        self._today = today
        self._calls = 0
        self._cache: dict[str, tuple[date, list[Record]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route(DATASETS, self._answer(self._describe)),
            Route(f"{DATASETS}/", self._answer(self._describe)),
            Route(f"{DATASETS}/records", self._answer(self._records)),
            Route(f"{DATASETS}/exports/jsonl", self._answer(self._jsonl)),
            Route(f"{DATASETS}/exports/csv", self._answer(self._csv)),
        ]

    def _answer(self, handle: Callable[[Request], Response]) -> Callable[[Request], Any]:
        """Wrap a handler with what every answer of the portal has: its errors and its rate headers."""

        async def endpoint(request: Request) -> Response:
            self._calls += 1
            if request.path_params["dataset"] not in FIELDS_OF or fault_of(request) == "closed_route":
                message = f"The requested dataset {request.path_params['dataset']} does not exist."
                return JSONResponse({"error_code": "DatasetNotFoundError", "message": message}, 404)
            try:
                response = handle(request)
            except odsql.ODSQLError as refusal:
                response = opendatasoft.refused("ODSQLError", str(refusal))
            midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            response.headers["X-RateLimit-Limit"] = str(CALLS_PER_DAY)
            response.headers["X-RateLimit-Remaining"] = str(max(0, CALLS_PER_DAY - self._calls))
            response.headers["X-RateLimit-Reset"] = str(int(midnight.timestamp()))
            return response

        return endpoint

    def _all(self, dataset: str) -> list[Record]:
        today = self._today()
        if dataset not in self._cache or self._cache[dataset][0] != today:
            served = (
                results(self._seed, today)
                if dataset == RESULTS
                else (record(experience, today) for experience in history(self._seed, today))
            )
            self._cache[dataset] = today, list(served)
        return self._cache[dataset][1]

    def _describe(self, request: Request) -> Response:
        dataset = request.path_params["dataset"]
        names = _drifted(dict.fromkeys(FIELDS_OF[dataset]), fault_of(request))
        fields = [
            {"name": name, "label": name, "type": _type(name), "description": None, "annotations": {}} for name in names
        ]
        metas = {"default": {"title": TITLES[dataset], "records_count": len(self._all(dataset))}}
        body = {"dataset_id": dataset, "has_records": True, "metas": metas, "features": ["timeserie"], "fields": fields}
        return JSONResponse(body)

    def _selected(self, request: Request) -> list[Record]:
        dataset = request.path_params["dataset"]
        return opendatasoft.selected(request, self._all(dataset), FIELDS_OF[dataset])

    def _records(self, request: Request) -> Response:
        dataset = request.path_params["dataset"]
        return opendatasoft.page(request, self._all(dataset), FIELDS_OF[dataset], _drifted)

    def _jsonl(self, request: Request) -> Response:
        selected, fault = self._selected(request), fault_of(request)
        lines = (json.dumps(_drifted(found, fault), ensure_ascii=False) + "\n" for found in selected)
        return StreamingResponse(_chunks(lines), media_type="application/x-ndjson")

    def _csv(self, request: Request) -> Response:
        parameters = request.query_params
        delimiter = parameters.get("delimiter", ";")
        bom = "" if parameters.get("with_bom", "true").lower() == "false" else "\ufeff"
        fields = FIELDS_OF[request.path_params["dataset"]]
        lines = _csv_lines(self._selected(request), fields, delimiter, bom)
        return StreamingResponse(_chunks(lines), media_type="text/csv")


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    """Join lines: each piece that is streamed costs a change of thread."""
    while chunk := "".join(islice(lines, CHUNK_LINES)):
        yield chunk


def _csv_lines(records: list[Record], fields: Sequence[str], delimiter: str, bom: str) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, fields, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    yield bom + buffer.getvalue()
    for found in records:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(found)
        yield buffer.getvalue()


def _type(name: str) -> str:
    if name in _NUMBERS:
        return _NUMBERS[name]
    return "date" if name.startswith(("date_", "ecrit_")) else "text"


def _drifted(found: Record, fault: str) -> Record:
    return drifted(
        found,
        fault,
        renamed={"ressenti_usager": "sentiment_exprime", "valeur": "mesure"},
        flipped=dict.fromkeys(_NUMBERS, "plusieurs"),
        nested={"ressenti_usager": "libelle", "valeur": "libelle"},
        edited={"reponse_structure_1": "Réponse corrigée", "valeur": 50.5},
    )
