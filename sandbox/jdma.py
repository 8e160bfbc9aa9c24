"""Stand-in of Je donne mon avis: its open API in both versions, and its exports, over invented reviews.

Any key opens the organisation; one that begins with `service-3` opens service 3 only. `/avis` can be closed.
"""

import base64
import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import history_end
from sandbox.drift import drifted, fault_of
from sandbox.events import START, draw, french_name, poisson, pressure, weekday_share
from sandbox.periods import days
from sandbox.places import PARIS

PREFIX = "/jdma/api/open-api"
SETTINGS = {"CYBERIMPACT_JDMA_URL": PREFIX}

MOST_SERVICES = 10
LARGEST_PAGE = 100
ENTITY = "Ministère de l'Intérieur"

#: Days after an event on which the services feel it.
DELAY_DAYS = 1

#: Share of the reviews of today that their authors are still writing: they have their first answer only.
UNFINISHED_SHARE = 0.4


@dataclass(frozen=True)
class Service:
    """A service that asks its users for their opinion.

    Attributes:
        number: Identifier.
        title: Name.
        forms: Number and title of each form; a review belongs to the last one.
        per_day: Reviews on an ordinary day.
        satisfaction: Share of bad, medium and good.
        suffers_from: Kind of event that brings more reviews, and worse ones.
    """

    number: int
    title: str
    forms: tuple[tuple[int, str], ...]
    per_day: float
    satisfaction: tuple[float, float, float]
    suffers_from: str = ""


_FORM = "Évaluation de la satisfaction usager"

SERVICES = (
    Service(3, "Percev@l", ((12, _FORM),), 1.7, (0.12, 0.18, 0.70), "card_fraud"),
    Service(4, "Pré-plainte en ligne", ((13, _FORM),), 1.8, (0.14, 0.16, 0.70), "outage"),
    Service(5, "Brigade numérique", ((14, _FORM),), 1.2, (0.08, 0.12, 0.80), "phishing"),
    Service(6, "THESEE", ((15, _FORM),), 0.9, (0.20, 0.20, 0.60), "phishing"),
    Service(7, "Opération tranquillité vacances", ((1, "Formulaire historique"),), 0.6, (0.05, 0.10, 0.85)),
    Service(8, "Signalement de points de vente de stupéfiants", ((1, "Formulaire historique"),), 0.3, (0.2, 0.2, 0.6)),
    Service(9, "PHAROS", ((16, _FORM),), 0.8, (0.20, 0.25, 0.55), "rumour"),
    Service(11, "Ma Sécurité", ((17, _FORM), (18, "Remontées d'informations")), 0.6, (0.10, 0.20, 0.70)),
    Service(15, "Devenir gendarme", ((19, _FORM),), 0.7, (0.06, 0.14, 0.80)),
    Service(16, "Rendez-vous en brigade", ((20, _FORM),), 0.6, (0.10, 0.15, 0.75)),
    Service(21, "Demande de dossier d'arme", ((21, _FORM),), 0.5, (0.25, 0.25, 0.50)),
    Service(22, "Procuration de vote", ((22, _FORM),), 0.4, (0.10, 0.15, 0.75)),
)
_BY_NUMBER = {service.number: service for service in SERVICES}

#: Form whose template is `bug`.
_BUG_FORM = 18

#: Wording of each question; the platform mixes both apostrophes.
QUESTIONS = {
    "satisfaction": "De façon générale, comment ça s’est passé ?",
    "comprehension": "Qu'avez-vous pensé des informations et des instructions fournies ?",
    "contact_tried": "Durant votre parcours, avez-vous tenté d’obtenir de l’aide par l’un des moyens suivants ?",
    "contact_reached": "Quand vous avez cherché de l'aide, avez-vous réussi à joindre l'administration ?",
    "contact_satisfaction": "Comment évaluez-vous la qualité de l'aide que vous avez obtenue de la part de"
    " l'administration ?",
    "verbatim": "Souhaitez-vous nous en dire plus ?",
    "contact_email": "Adresse mail",
    "bug_kind": "Quel est l'objet de votre message ?",
}
_QUALITIES = ("very_bad", "bad", "medium", "good", "very_good")
ITEMS: dict[str, dict[int, tuple[str, str]]] = {
    "satisfaction": {1: ("Pas bien", "bad"), 2: ("Moyen", "medium"), 3: ("Très bien", "good")},
    "comprehension": {3 + mark: (str(mark), _QUALITIES[mark - 1]) for mark in range(1, 6)},
    "contact_tried": {
        9: ("Au guichet avec l’administration", "neutral"),
        10: ("Par téléphone avec l’administration", "neutral"),
        11: ("Par e-mail avec l’administration", "neutral"),
        12: ("Par chat avec l’administration", "neutral"),
        13: ("Une personne proche", "neutral"),
        14: ("Une association", "neutral"),
        15: ("Des sites internet", "neutral"),
        17: ("Je n'ai pas eu besoin d'aide", "good"),
    },
    "contact_reached": {17: ("Oui", "good"), 18: ("Non", "bad")},
    "contact_satisfaction": {
        19: ("Très mauvaise", "very_bad"),
        20: ("Mauvaise", "bad"),
        21: ("Ni bonne, ni mauvaise", "medium"),
        22: ("Bonne", "good"),
        23: ("Excellente", "very_good"),
    },
    "bug_kind": {1: ("BUG", "bad"), 2: ("SITUATION", "neutral"), 3: ("AMÉLIORATION", "neutral")},
}
_ADMINISTRATION = (9, 10, 11, 12)

_VERBATIMS = {
    "bad": (
        "Le site se bloque à la dernière étape et il faut tout ressaisir.",
        "Aucune nouvelle depuis ma déclaration, je ne sais pas si elle a été lue.",
        "Impossible de joindre une pièce de plus de deux mégaoctets.",
    ),
    "medium": (
        "La démarche fonctionne, mais les questions se répètent.",
        "Il manque une confirmation par message à la fin.",
    ),
    "good": (
        "Rapide et clair, merci aux gendarmes pour leur réponse.",
        "J'ai pu tout faire depuis chez moi, un dimanche soir.",
        "Les explications m'ont rassuré.",
    ),
}

Answer = dict[str, Any]
Record = dict[str, Any]


@dataclass(frozen=True)
class Review:
    """A review, as it is once its author has finished."""

    number: int
    created_at: datetime
    service: Service
    form: int
    answers: tuple[Answer, ...]
    is_unfinished_on_its_day: bool

    def shown(self, today: date) -> tuple[Answer, ...]:
        """Return its answers as of a day: they come step by step."""
        is_begun_only = self.is_unfinished_on_its_day and self.created_at.date() == today
        return self.answers[:1] if is_begun_only else self.answers


@lru_cache(maxsize=4096)
def reviews_of(seed: int, day: date) -> tuple[Review, ...]:
    """Return the reviews that are begun on a day of UTC, oldest first."""
    chance = draw(seed, "jdma", day)
    found = []
    for service in SERVICES:
        push = pressure(seed, day, service.suffers_from, lag_days=DELAY_DAYS) if service.suffers_from else 1.0
        for _ in range(poisson(chance, 0.85 * service.per_day * push * weekday_share(day))):
            minute = 0 if chance.random() < 0.02 else chance.randint(5 * 60, 23 * 60 + 50)  # noqa: PLR2004
            at = datetime.combine(day, time(minute // 60, minute % 60, chance.randrange(60)), UTC)
            found.append((at + timedelta(milliseconds=chance.randrange(1000)), service, push))
    found.sort(key=lambda drawn: drawn[0])
    first = 80_000 + (day - START).days * 200
    return tuple(_review(chance, first + rank, *drawn) for rank, drawn in enumerate(found))


def _review(chance: Random, number: int, at: datetime, service: Service, push: float) -> Review:
    form = chance.choice(service.forms)[0]
    bad, medium, good = service.satisfaction
    mood = chance.choices(("bad", "medium", "good"), (bad * push**2, medium, good))[0]
    answers = tuple(_of_bug(chance) if form == _BUG_FORM else _of_root(chance, mood, number))
    return Review(number, at, service, form, answers, chance.random() < UNFINISHED_SHARE)


def _of_root(chance: Random, mood: str, number: int) -> Iterator[Answer]:
    """Yield the answers to the questionnaire `root`: only its first question must be answered."""
    level = {"bad": 1, "medium": 3, "good": 5}[mood]
    yield _ticked("satisfaction", {"bad": 1, "medium": 2, "good": 3}[mood])
    if chance.random() < 0.75:  # noqa: PLR2004
        yield _ticked("comprehension", 3 + min(5, max(1, level + chance.choice((-1, 0, 0, 1)))))
    if chance.random() < 0.70:  # noqa: PLR2004
        if chance.random() < (0.35 if mood == "bad" else 0.75):
            yield _ticked("contact_tried", 17)
        else:
            for rank, means in enumerate(sorted(chance.sample((9, 10, 11, 12, 13, 14, 15), chance.choice((1, 1, 2))))):
                yield from _contact(chance, means, level, number * 10 + rank)
    if chance.random() < 0.30:  # noqa: PLR2004
        yield _written("verbatim", _verbatim(chance, mood))
    if chance.random() < 0.05:  # noqa: PLR2004
        first, last = french_name(chance)
        yield _written("contact_email", f"{first}.{last}@exemple.fr".lower().replace(" ", "-"))


def _contact(chance: Random, means: int, level: int, answer_id: int) -> Iterator[Answer]:
    yield _ticked("contact_tried", means)
    if means not in _ADMINISTRATION:
        return
    parent = {
        "parent_answer_id": answer_id,
        "parent": {"field_code": "contact_tried", "answer_text": ITEMS["contact_tried"][means][0]},
    }
    reached = chance.random() < 0.15 * level + 0.15
    yield _ticked("contact_reached", 17 if reached else 18) | parent
    if reached:
        yield _ticked("contact_satisfaction", 18 + min(5, max(1, level + chance.choice((-1, 0, 1))))) | parent


def _of_bug(chance: Random) -> Iterator[Answer]:
    kind = chance.choice((1, 2, 3))
    yield _ticked("bug_kind", kind)
    yield _written("verbatim", _verbatim(chance, "bad" if kind == 1 else "medium"))


def _verbatim(chance: Random, mood: str) -> str:
    """Draw what a citizen writes, now and then with what should not be written."""
    said = chance.choice(_VERBATIMS[mood])
    first, last = french_name(chance)
    number = f"06 {chance.randint(10, 99)} {chance.randint(10, 99)} {chance.randint(10, 99)} {chance.randint(10, 99)}"
    if chance.random() > 0.15:  # noqa: PLR2004
        return said
    return chance.choice(
        (
            f"{said} Rappelez-moi au {number}.",
            f"{said} Je m'appelle {first} {last}.",
            f"{said} Écrivez à {last.lower().replace(' ', '')}@exemple.fr, merci.",
            f"{said} L'adjudant {last} m'a bien aidé.",
        )
    )


def _ticked(code: str, item: int) -> Answer:
    text, intention = ITEMS[code][item]
    kind = "checkbox" if code == "contact_tried" else "radio"
    return _answer(code, text, item, intention, kind)


def _written(code: str, text: str) -> Answer:
    return _answer(code, text, 0, "neutral", "text")


def _answer(code: str, text: str, item: int, intention: str, kind: str) -> Answer:
    return {
        "field_code": code,
        "field_label": QUESTIONS[code],
        "answer_text": text,
        "answer_item_id": item,
        "intention": intention,
        "kind": kind,
        "parent_answer_id": None,
        "parent": None,
    }


def history(seed: int, until: date) -> Iterator[Review]:
    """Yield all reviews begun up to a day of Paris, oldest first; of the running day, those begun so far."""
    end = history_end(until)
    for day in days(START, until):
        yield from (review for review in reviews_of(seed, day) if review.created_at < end)


def record(review: Review, today: date) -> Record:
    """Return a review as `/avis` shows it on a day."""
    answers = review.shown(today)
    return {
        "id": review.number,
        "created_at": _iso(review.created_at),
        "form_id": review.form,
        "product_id": review.service.number,
        "button_id": review.service.number + 28,
        "form_template_slug": "bug" if review.form == _BUG_FORM else "root",
        "xwiki_id": None,
        "has_verbatim": any(answer["field_code"] == "verbatim" for answer in answers),
        "answers": list(answers),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---- statistics


def _month_counts(seed: int, number: int, first: date, last: date, today: date) -> dict[int, Counter[tuple]]:
    """Return, per form of a service, how often each answer was given between two days of UTC."""
    return _counts_until(seed, number, first, last, today, history_end(today))


@lru_cache(maxsize=512)
def _counts_until(  # noqa: PLR0917
    seed: int, number: int, first: date, last: date, today: date, end: datetime
) -> dict[int, Counter[tuple]]:
    counts: dict[int, Counter[tuple]] = defaultdict(Counter)
    for day in days(first, min(last, today)):
        for review in reviews_of(seed, day):
            if review.service.number == number and review.created_at < end:
                for answer in review.shown(today):
                    if answer["kind"] != "text":
                        parent = (answer["parent"] or {}).get("answer_text")
                        counts[review.form][answer["field_code"], answer["answer_item_id"], parent] += 1
    return counts


def _questions(counts: Counter[tuple], parent: str | None) -> list[Record]:
    """Return the questions below an answer, with their counts, and the questions below those."""
    found: dict[str, list[Record]] = defaultdict(list)
    for (code, item, above), count in sorted(counts.items(), key=lambda item: item[0][:2]):
        if above != parent:
            continue
        text, intention = ITEMS[code][item]
        hit: Record = {"intention": intention, "label": text, "count": count}
        if parent is None and (children := _questions(counts, text)):
            hit["children"] = children
        found[code].append(hit)
    return [{"category": code, "label": QUESTIONS[code], "number_hits": hits} for code, hits in found.items()]


def _intervals(asked: Mapping[str, Any], today: date) -> Iterator[tuple[str, date, date]]:
    """Yield name, first and last day of each interval that the stand-in knows: months, days, or the whole."""
    first = max(START, date.fromisoformat(asked["start_date"]))
    last = min(today, date.fromisoformat(asked["end_date"]))
    length = asked.get("interval", "none")
    while first <= last:
        if length == "none":
            end, name = last, "all_time"
        elif length == "day":
            end, name = first, f"{first}T00:00:00.000Z"
        else:
            end = min(last, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1))
            name = f"{first.replace(day=1)}T00:00:00.000Z"
        yield name, first, end
        first = end + timedelta(days=1)


# ---- answers of the API


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = JSONResponse({"message": message, "code": code}, status)


def refuse(fault: str) -> Response | None:
    """Return the platform's own words for a fault."""
    words = {
        "unauthorized": (401, "UNAUTHORIZED", "Please provide a valid API key"),
        "forbidden": (403, "FORBIDDEN", "Forbidden"),
        "server_error": (500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    }
    return _RefusedError(*words[fault]).response if fault in words else None


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the platform answers, in both versions of its API."""
    return _Platform(seed, today).routes()


class _Platform:
    def __init__(self, seed: int, today: Callable[[], date]) -> None:
        self._seed = seed
        self._today = today
        self._cache: tuple[datetime, dict[tuple[int, int], list[Review]]] | None = None

    def routes(self) -> list[Route]:
        return [
            Route(f"{PREFIX}/health", _health),
            Route(f"{PREFIX}/services", self._answer(self._services)),
            Route(f"{PREFIX}/demarches", self._answer(self._demarches)),
            Route(f"{PREFIX}/statistiques", self._answer(self._statistics), methods=["POST"]),
            Route(f"{PREFIX}/stats", self._answer(self._stats), methods=["POST"]),
            Route(f"{PREFIX}/avis", self._answer(self._reviews)),
        ]

    def _answer(self, handle: Callable[[Request, Mapping[str, Any]], Response]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if fault_of(request) == "closed_route":
                return JSONResponse({"message": "Not found", "code": "NOT_FOUND"}, 404)
            try:
                _scope(request)
                return handle(request, await request.json() if request.method == "POST" else {})
            except _RefusedError as refused:
                return refused.response

        return endpoint

    def _services(self, request: Request, _: Mapping[str, Any]) -> Response:
        found = [
            {
                "id": service.number,
                "title": service.title,
                "entity": ENTITY,
                "forms": [{"id": number, "title": title} for number, title in service.forms],
            }
            for service in _scope(request)
        ]
        return JSONResponse({"data": [_drifted(record, request) for record in found]})

    def _demarches(self, request: Request, _: Mapping[str, Any]) -> Response:
        found = [{"id": s.number, "title": s.title, "entity": ENTITY} for s in _scope(request)]
        return JSONResponse({"data": found})

    def _statistics(self, request: Request, asked: Mapping[str, Any]) -> Response:
        found = []
        for service in _asked(request, asked):
            forms = [
                {"form_id": str(number), "form_name": title, "intervals": self._counted(service, number, asked)}
                for number, title in service.forms
            ]
            found.append({"product_id": str(service.number), "product_name": service.title, "forms": forms})
        return JSONResponse({"data": [_drifted(record, request) for record in found]})

    def _stats(self, request: Request, asked: Mapping[str, Any]) -> Response:
        if missing := {"start_date", "end_date", "product_ids", "field_codes", "interval"} - asked.keys():
            raise _RefusedError(400, "BAD_REQUEST", f"Input validation failed: {', '.join(sorted(missing))}")
        found = [
            {
                "product_id": str(service.number),
                "product_name": service.title,
                "intervals": self._counted(service, service.forms[0][0], asked),
            }
            for service in _asked(request, asked)
        ]
        return JSONResponse({"data": found})

    def _counted(self, service: Service, form: int, asked: Mapping[str, Any]) -> list[Record]:
        found = []
        for name, first, last in _intervals(asked, self._today()):
            counts = _month_counts(self._seed, service.number, first, last, self._today())[form]
            if data := [q for q in _questions(counts, None) if q["category"] in (asked["field_codes"] or QUESTIONS)]:
                found.append({"date": name, "length_interval": asked.get("interval", "none"), "data": data})
        return found

    def _by_form(self) -> dict[tuple[int, int], list[Review]]:
        """Return the reviews of each form of each service, latest first."""
        today = self._today()
        if self._cache is None or self._cache[0] != history_end(today):
            found: dict[tuple[int, int], list[Review]] = defaultdict(list)
            end = history_end(today)
            for review in reversed(list(history(self._seed, today))):
                found[review.service.number, review.form].append(review)
            self._cache = end, found
        return self._cache[1]

    def _reviews(self, request: Request, _: Mapping[str, Any]) -> Response:
        query = request.query_params
        form = int(query.get("form_id", "0"))
        allowed = [s for s in _scope(request) if form in dict(s.forms)]
        if not allowed:
            raise _RefusedError(404, "NOT_FOUND", "Formulaire introuvable ou inaccessible")
        if "product_id" in query and int(query["product_id"]) not in {s.number for s in allowed}:
            raise _RefusedError(400, "BAD_REQUEST", "Le formulaire n'appartient pas au produit demandé")
        numbers = [int(query["product_id"])] if "product_id" in query else [s.number for s in allowed]
        limit = int(query.get("limit", "50"))
        if not 1 <= limit <= LARGEST_PAGE:
            raise _RefusedError(400, "BAD_REQUEST", "Input validation failed")
        found = [review for number in numbers for review in self._by_form()[number, form]]
        found = sorted(filter(_between(query), found), key=lambda r: (_iso(r.created_at), r.number), reverse=True)
        if "cursor" in query and fault_of(request) != "duplicated_page":
            place = _cursor(query["cursor"])
            found = [review for review in found if (_iso(review.created_at), review.number) < place]
        return JSONResponse(self._page(found, limit, request))

    def _page(self, found: list[Review], limit: int, request: Request) -> Record:
        page, has_more = found[:limit], len(found) > limit
        shown = [_drifted(record(review, self._today()), request) for review in page]
        if request.query_params.get("include_answers", "true") == "false":
            shown = [{name: value for name, value in review.items() if name != "answers"} for review in shown]
        following = _encoded(page[-1]) if has_more else None
        return {"data": shown, "metadata": {"next_cursor": following, "has_more": has_more, "limit": limit}}


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "database": "ok", "elk": "ok"})


def _scope(request: Request) -> list[Service]:
    """Return the services that the key of a request opens."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        raise _RefusedError(401, "UNAUTHORIZED", "Please provide your API key")
    if scheme != "Bearer" or not key.strip():
        raise _RefusedError(401, "UNAUTHORIZED", "Please provide a valid API key")
    own = [service for service in SERVICES if key.startswith(f"service-{service.number}")]
    return own or list(SERVICES)


def _asked(request: Request, asked: Mapping[str, Any]) -> list[Service]:
    """Return the services that statistics are asked of."""
    numbers = asked.get("product_ids") or [service.number for service in _scope(request)]
    if unknown := [str(number) for number in numbers if number not in _BY_NUMBER]:
        said = f"Les product_ids suivants n'existent pas en base : {', '.join(unknown)}"
        raise _RefusedError(400, "BAD_REQUEST", said)
    if len(numbers) > MOST_SERVICES:
        raise _RefusedError(400, "BAD_REQUEST", "Veuillez réduire le nombre de services requêtés (max 10)")
    if not {*numbers} <= {service.number for service in _scope(request)}:
        said = "Les services demandés (product_ids / form_ids) ne sont pas accessibles avec cette clé"
        raise _RefusedError(400, "BAD_REQUEST", said)
    return [_BY_NUMBER[number] for number in numbers]


def _between(query: Mapping[str, str]) -> Callable[[Review], bool]:
    """Return the filter on days of Paris, the last one included."""
    first, last = query.get("start_date", "0"), query.get("end_date", "9")
    return lambda review: first <= review.created_at.astimezone(PARIS).date().isoformat() <= last


def _encoded(review: Review) -> str:
    place = json.dumps({"ts": _iso(review.created_at), "id": review.number})
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _cursor(text: str) -> tuple[str, int]:
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return str(place["ts"]), int(place["id"])
    except (ValueError, KeyError, TypeError):
        raise _RefusedError(400, "BAD_REQUEST", "Cursor invalide") from None


def _drifted(found: Record, request: Request) -> Record:
    first, *_ = found
    return drifted(
        found,
        fault_of(request),
        renamed={first: f"{first}_v3"},
        flipped={"created_at": "inconnu"},
        nested={first: "valeur"},
        edited={"title": "Démarche renommée", "answers": [_corrected(answer) for answer in found.get("answers", ())]},
    )


def _corrected(answer: Record) -> Record:
    """Return an answer whose author, while the form was open still, wrote another text."""
    return {**answer, "answer_text": "Texte corrigé"} if answer["kind"] == "text" else answer


# ---- exports


#: Services whose export somebody asks for, at the end of each half-year.
EXPORTED = (3, 4)
_FIXED = ("Date de l'avis", "Nom du formulaire", "Lien d'intégration", "Identifiant Avis")
_ASKED = (
    "satisfaction",
    "comprehension",
    "contact_tried",
    "contact_reached",
    "contact_satisfaction",
    "verbatim",
    "contact_email",
)


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the exports of two services: one of each year that is over, one of what the present year has so far."""
    for number in EXPORTED:
        for year in range(START.year, until.year + 1):
            last = min(until, date(year, 12, 31))
            found = [
                review
                for review in history(seed, last)
                if review.service.number == number and review.created_at.year == year
            ]
            title = "".join(c if c.isalnum() else "_" for c in _BY_NUMBER[number].title)
            yield f"Avis_{title}_{last}_23-59-59.csv", export(found, last)


def export(reviews: Iterable[Review], today: date) -> bytes:
    """Return reviews as the platform exports them: comma, no byte-order mark, one column per question."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([*_FIXED, *(QUESTIONS[code] for code in _ASKED)])
    for review in reviews:
        cells: dict[str, list[str]] = defaultdict(list)
        for answer in review.shown(today):
            above = f"{answer['parent']['answer_text']} : " if answer["parent"] else ""
            cells[answer["field_code"]].append(f"{above}{answer['answer_text']}")
        fixed = (f"{review.created_at:%Y-%m-%d %H:%M:%S}", dict(review.service.forms)[review.form], "Site")
        answers = (" / ".join(cells[code]) for code in _ASKED)
        writer.writerow([*fixed, f"{review.number:07x}"[-7:], *answers])
    return buffer.getvalue().encode()
