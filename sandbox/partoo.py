"""Stand-in of Partoo's REST API v2: brigades as listings, groupements as groups, reviews, presence, listing states.

Paging, names, forms of dates and error bodies are those of the vendor's specification. A review changes when its author
edits it and when it is answered; the last five days of presence are not final, as at Google.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import history_end
from sandbox.drift import drifted, fault_of, first_row
from sandbox.events import START, active, draw, french_name, poisson, pressure, weekday_share
from sandbox.periods import days
from sandbox.places import Departement, departements

PREFIX = "/partoo"
BASE = f"{PREFIX}/v2"
SETTINGS = {"CYBERIMPACT_PARTOO_URL": BASE}

Record = dict[str, Any]

ORGANISATION = 42
PER_PAGE, PER_PAGE_GROUPS, LARGEST_PAGE = 30, 100, 100
BRIGADES, BRIGADES_SHARES = ("", "-Nord", "-Sud"), (6, 3, 1)
CLOSED, LINKED_TO_GOOGLE, WITH_BOOSTER = 0.01, 0.93, 0.2

#: Listings whose presence is counted: the first brigade of each of the most populated départements.
COUNTED_LISTINGS = 10
UNSTABLE_DAYS = 5

MEAN_REVIEWS_PER_DAY = 14
WITH_TEXT, WITH_IDENTIFIER, ABOUT_AN_EVENT, ON_FACEBOOK = 0.65, 0.07, 0.35, 0.06
#: Shares of the reviews that their author edits or withdraws, that are answered, and of the answers given at Google
#: itself, which do not move `update_date`.
EDITED, WITHDRAWN, ANSWERED, ANSWERED_ELSEWHERE = 0.04, 0.01, 0.72, 0.1
STARS, SATISFIED = (5, 4, 3, 2, 1), 4
STARS_SHARES = (56, 12, 6, 5, 21)
STARS_SHARES_IN_TROUBLE = (30, 10, 8, 12, 40)
STARS_SHARES_BY_CAUSE: dict[str | None, tuple[int, ...]] = {"flood": (90, 8, 2, 0, 0)}

#: How much of each metric there is, on an ordinary day, in an ordinary département.
METRICS = {
    "queries_direct": 20.0,
    "queries_indirect": 12.0,
    "queries_branded": 5.0,
    "queries_discovery": 7.0,
    "views_maps": 30.0,
    "views_search": 45.0,
    "actions_website": 4.0,
    "actions_phone": 6.0,
    "actions_driving_directions": 5.0,
    "business_impressions_desktop_maps": 6.0,
    "business_impressions_desktop_search": 15.0,
    "business_impressions_mobile_maps": 24.0,
    "business_impressions_mobile_search": 30.0,
    "business_direction_requests": 5.0,
    "call_clicks": 6.0,
    "website_clicks": 4.0,
}

#: Publisher to the shares of its listings that are in order, and that wait.
PUBLISHERS = {
    "google_my_business": (0.94, 0.03),
    "facebook": (0.71, 0.09),
    "apple": (0.83, 0.07),
    "pages_jaunes": (0.66, 0.12),
    "waze": (0.58, 0.10),
    "bing": (0.77, 0.05),
}

_PRAISE = (
    "Accueil très professionnel, merci à toute l'équipe.",
    "Une écoute rare, ma plainte a été prise en une heure.",
    "Gendarmes à l'écoute, ils ont rassuré ma mère après le cambriolage.",
    "Très bonne prise en charge, explications claires.",
)
_BLAME = (
    "Deux heures d'attente pour entendre qu'il faut revenir.",
    "Personne ne répond au téléphone.",
    "On m'a refusé ma plainte pour une escroquerie en ligne.",
    "Horaires affichés faux, porte close.",
)
#: Kind of event to what is written about it.
REVIEWED_KINDS = {
    "phishing": "J'ai cliqué sur un faux message de colis et personne ne peut m'aider.",
    "card_fraud": "Fraude à la carte bancaire, on me renvoie vers un formulaire.",
    "data_breach": "Mes données ont fuité et l'on me dit d'attendre.",
    "outage": "La pré-plainte en ligne est en panne, tout est à refaire sur place.",
    "rumour": "On parle d'enlèvements dans le secteur, aucune réponse de la brigade.",
    "flood": "Merci aux gendarmes venus nous évacuer pendant la crue, en pleine nuit.",
}


@lru_cache(maxsize=1)
def listings() -> tuple[Record, ...]:
    """Return every brigade as the platform shows it."""
    return tuple(
        _listing(rank, place, brigade) for rank, place in enumerate(departements()) for brigade in range(len(BRIGADES))
    )


@lru_cache(maxsize=1)
def counted() -> tuple[tuple[Record, Departement], ...]:
    """Return the listings whose presence is counted, and their départements."""
    largest = sorted(departements(), key=lambda place: -place.population)[:COUNTED_LISTINGS]
    first = {listing["group_id"]: listing for listing in reversed(listings())}
    ranks = {place.code: rank for rank, place in enumerate(departements())}
    return tuple((first[_group_id(ranks[place.code])], place) for place in largest)


def _group_id(rank: int) -> int:
    return 100 + rank


def _listing(rank: int, place: Departement, brigade: int) -> Record:
    identifier = hashlib.sha256(f"partoo/{place.code}/{brigade}".encode()).hexdigest()[:24]
    chance = Random(identifier)  # noqa: S311 (an invented listing, not a secret)
    first, last = french_name(chance)
    town = f"{place.town}{BRIGADES[brigade]}"
    created = 1_600_000_000 + chance.randrange(100_000_000) + 0.5
    return {
        "id": identifier,
        "code": f"BTA-{place.code}-{brigade + 1}",
        "status": "closed" if chance.random() < CLOSED else "open",
        "org_id": ORGANISATION,
        "group_id": _group_id(rank),
        "name": f"Brigade de gendarmerie de {town}",
        "address_details": {"number": "1", "street_type": "rue", "street_name": "de la Gare"},
        "address": "1 rue de la Gare",
        "address2": None,
        "city": place.town,
        "zipcode": place.postal_codes[brigade % len(place.postal_codes)],
        "region": None,
        "country": "FR",
        "categories": ["gcid:police_department"],
        "open_hours": {"monday": ["08:00-12:00", "14:00-18:00"], "sunday": ["09:00-12:00", "15:00-18:00"]},
        "specific_hours": {},
        "description_short": "Brigade territoriale.",
        "description_long": None,
        "website_url": "https://www.gendarmerie.interieur.gouv.fr",
        "facebook_url": None,
        "twitter_url": None,
        "google_location_id": f"accounts/1/locations/{chance.randrange(10**12)}"
        if chance.random() < LINKED_TO_GOOGLE
        else None,
        "facebook_page_id": None,
        "national_identification_number": f"1570{chance.randrange(10**10):010d}",
        "contacts": [
            {"name": f"{first} {last}", "email": "contact@exemple.fr", "phone_numbers": [f"0{chance.randrange(10**8)}"]}
        ],
        "photos": {"primary": None},
        "lat": None,
        "long": None,
        "subscriptions": {
            "presence_management": {"active": True},
            "review_management": {"active": True},
            "review_booster": {"active": chance.random() < WITH_BOOSTER},
        },
        "custom_fields": [],
        "created": created,
        "modified": created + chance.randrange(20_000_000),
    }


@lru_cache(maxsize=1)
def groups() -> tuple[Record, ...]:
    """Return every groupement; the first one has a subgroup."""
    return tuple(
        {
            "id": _group_id(rank),
            "org_id": ORGANISATION,
            "parent_id": None,
            "name": f"Groupement de gendarmerie départementale - {place.name}",
            "provider": "partoo",
            "created": "2022-01-10T09:00:00.120000+00:00",
            "updated": "2024-05-02T14:30:00.500000+00:00",
            "subgroups": [_subgroup(rank)] if rank == 0 else [],
        }
        for rank, place in enumerate(departements())
    )


def _subgroup(rank: int) -> Record:
    return {
        "id": 9000 + rank,
        "org_id": ORGANISATION,
        "parent_id": _group_id(rank),
        "name": "Compagnie du chef-lieu",
        "provider": "partoo",
        "created": "2023-03-01T08:00:00+00:00",
        "updated": "2023-03-01T08:00:00+00:00",
    }


@lru_cache(maxsize=4096)
def written_on(seed: int, day: date) -> tuple[Record, ...]:
    """Return the reviews written on a day, each as it will be when all that happens to it has happened."""
    chance = draw(seed, "partoo/reviews", day)
    places = departements()
    events = [event for event in active(seed, day) if event.kind in REVIEWED_KINDS]
    weights = [place.population * (1 + 2 * sum(place.code in e.departements for e in events)) for place in places]
    mean = MEAN_REVIEWS_PER_DAY * weekday_share(day) * (1 + 0.2 * len(events))
    ranks = chance.choices(range(len(places)), weights, k=poisson(chance, mean))
    causes = [[e.kind for e in events if not e.departements or places[rank].code in e.departements] for rank in ranks]
    first = 1_000_000 + (day - START).days * 1000
    return tuple(
        {"number": first + place, **_review(chance, day, rank, kinds)}
        for place, (rank, kinds) in enumerate(zip(ranks, causes, strict=True))
    )


def _review(chance: Random, day: date, rank: int, kinds: list[str]) -> Record:
    """Draw a review of a brigade of the département of a rank, which lives through events of these kinds."""
    cause = chance.choice(kinds) if kinds and chance.random() < ABOUT_AN_EVENT else None
    stars = chance.choices(STARS, STARS_SHARES_BY_CAUSE.get(cause, STARS_SHARES_IN_TROUBLE if cause else STARS_SHARES))
    brigade = chance.choices(range(len(BRIGADES)), BRIGADES_SHARES)[0]
    return {
        "listing": listings()[rank * len(BRIGADES) + brigade]["id"],
        "author": " ".join(french_name(chance)),
        "partner": "facebook" if chance.random() < ON_FACEBOOK else "google_my_business",
        "date": _moment(chance, day),
        "stars": stars[0],
        "content": _text(chance, stars[0], cause) if chance.random() < WITH_TEXT else None,
        "edited": _later(chance, day, 12) if chance.random() < EDITED else None,
        "answered": _later(chance, day, 6) if chance.random() < ANSWERED else None,
        "answered_elsewhere": chance.random() < ANSWERED_ELSEWHERE,
        "withdrawn": _later(chance, day, 30) if chance.random() < WITHDRAWN else None,
    }


def _moment(chance: Random, day: date) -> datetime:
    return datetime.combine(day, time(6), UTC) + timedelta(seconds=chance.randrange(14 * 3600))


def _later(chance: Random, day: date, typical_days: float) -> datetime:
    return _moment(chance, day + timedelta(days=1 + round(chance.lognormvariate(0, 0.9) * typical_days)))


def _text(chance: Random, stars: int, cause: str | None) -> str:
    text = REVIEWED_KINDS[cause] if cause else chance.choice(_PRAISE if stars >= SATISFIED else _BLAME)
    if chance.random() < WITH_IDENTIFIER:
        first, last = french_name(chance)
        phone = f"06 {chance.randrange(100):02d} {chance.randrange(100):02d} 45 67"
        text += chance.choice(
            (
                f" Rappelez-moi au {phone}.",
                f" Écrire à {last.lower().replace(' ', '')}@exemple.fr.",
                f" Signé Mme {first} {last}.",
            )
        )
    return text


def review(draft: Record, end: datetime) -> Record:
    """Return a review as the platform shows it at an instant: what comes later has not happened yet."""
    edited, answered, withdrawn = (
        draft[name] if draft[name] and draft[name] < end else None for name in ("edited", "answered", "withdrawn")
    )
    moved = [draft["date"], edited, withdrawn, None if draft["answered_elsewhere"] else answered]
    on_facebook = draft["partner"] == "facebook"
    stars = draft["stars"] + (1 if edited and draft["stars"] < max(STARS) else 0)
    return {
        "id": draft["number"],
        "key": f"review-{draft['number']}",
        "org_id": ORGANISATION,
        "business_id": draft["listing"],
        "partner": draft["partner"],
        "partner_id": f"accounts/1/locations/2/reviews/{draft['number']}",
        "author_name": draft["author"],
        "date": draft["date"].isoformat(),
        "update_date": max(moment for moment in moved if moment).isoformat(),
        "delete_date": withdrawn.isoformat() if withdrawn else None,
        "rating": None if on_facebook else stars,
        "recommended": stars >= SATISFIED if on_facebook else None,
        "title": None,
        "content": draft["content"],
        "state": "deleted" if withdrawn else "treated" if answered else "not_treated",
        "link": f"https://exemple.fr/avis/{draft['number']}",
        "comments": [_answer(draft, answered)] if answered else [],
        "tags": [{"label": "accueil"}] if draft["content"] else [],
    }


def _answer(draft: Record, answered: datetime) -> Record:
    return {
        "id": draft["number"] + 5_000_000,
        "partner_id": f"accounts/1/locations/2/reviews/{draft['number']}/reply",
        "created": answered.isoformat(),
        "author_name": None,
        "content": "Bonjour, merci de votre avis.",
        "date": answered.isoformat(),
        "can_edit": True,
        "review_id": draft["number"],
        "parent_id": None,
    }


def reviews(seed: int, today: date) -> tuple[Record, ...]:
    """Return all reviews as shown on a day, the last changed first; on the running one, as shown now."""
    return _reviews_until(seed, today, history_end(today))


@lru_cache(maxsize=2)
def _reviews_until(seed: int, today: date, end: datetime) -> tuple[Record, ...]:
    drafts = (draft for day in days(START, today) for draft in written_on(seed, day) if draft["date"] < end)
    shown = (review(draft, end) for draft in drafts)
    return tuple(sorted(shown, key=lambda record: (record["update_date"], record["id"]), reverse=True))


def _selected(seed: int, today: date, since: str, until: str, states: str) -> tuple[Record, ...]:
    wanted = set(states.split(",")) if states else None
    return tuple(
        record
        for record in reviews(seed, today)
        if since <= record["update_date"] <= (until or "9") and (wanted is None or record["state"] in wanted)
    )


def _instant(text: str) -> str:
    """Return a limit of `update_date` as the records write it, in UTC; nothing where there is none."""
    return text and datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat()


def presence(seed: int, rank: int, day: date, today: date) -> dict[str, int]:
    """Return what is known on a day of the presence of a counted listing on an earlier day."""
    _, place = counted()[rank]
    chance = draw(seed, f"partoo/presence/{place.code}", day)
    trouble = pressure(seed, day, "flood", place.code) + pressure(seed, day, "rumour", place.code) - 1
    scale = place.population / 650_000 * weekday_share(day) * trouble
    age = (today - day).days
    known = min(1.0, 0.4 + 0.12 * age) if age < UNSTABLE_DAYS else 1.0
    return {name: round(known * chance.gauss(1, 0.12) * scale * mean) for name, mean in METRICS.items()}


def _values(seed: int, rank: int, day: date, today: date, metrics: list[str]) -> Record:
    values = presence(seed, rank, day, today)
    return {
        **{name: values[name] for name in metrics},
        "date": day.isoformat(),
        "business_id": counted()[rank][0]["id"],
    }


class Platform:
    """The platform.

    Args:
        seed: Which history is generated.
        today: Returns the day up to which it is shown.
    """

    def __init__(self, seed: int, today: Callable[[], date]) -> None:
        self._seed = seed
        self._today = today

    def routes(self) -> list[Route]:
        return [
            Route(f"{BASE}/business/search", _guarded(self._businesses)),
            Route(f"{BASE}/groups", _guarded(self._groups)),
            Route(f"{BASE}/reviews", _guarded(self._reviews)),
            Route(f"{BASE}/presence_analytics", _guarded(self._presence)),
            Route(f"{BASE}/publisher_states/business_info", _guarded(self._publisher_states)),
        ]

    def _businesses(self, request: Request) -> Response:
        return _page(request, "businesses", listings(), PER_PAGE, "status")

    def _groups(self, request: Request) -> Response:
        return _page(request, "groups", groups(), PER_PAGE_GROUPS, "org_id")

    def _reviews(self, request: Request) -> Response:
        query = request.query_params
        try:
            since, until = (_instant(query.get(f"update_date__{limit}", "")) for limit in ("gte", "lte"))
            size = min(LARGEST_PAGE, int(query.get("per_page", PER_PAGE)))
        except ValueError:
            return _refuse({"json": {"update_date__gte": "Not a valid datetime."}}, 400)
        found = _selected(self._seed, self._today(), since, until, query.get("state__in", ""))
        return _page(request, "reviews", found, size, "rating")

    def _presence(self, request: Request) -> Response:
        query = request.query_params
        metrics = [name for name in query.get("metrics", "").split(",") if name]
        if not metrics or any(name not in METRICS for name in metrics):
            return _refuse({"json": {"metrics": f"Must be one of: {', '.join(METRICS)}."}}, 400)
        if query.get("dimensions") != "business,day":
            return _refuse({"json": {"dimensions": "Not served here."}}, 400)
        today = self._today()
        try:
            first = max(START, date.fromisoformat(query["filter_date__gte"][:10]))
            last = min(today - timedelta(days=1), date.fromisoformat(query["filter_date__lte"][:10]))
        except (KeyError, ValueError):
            return _refuse({"json": {"filter_date__gte": "Not a valid date."}}, 400)
        rows = [
            _drifted({**_values(self._seed, rank, day, today, metrics), "bucket": "day"}, request, metrics[0])
            for day in days(first, last)
            for rank in range(COUNTED_LISTINGS)
        ]
        return JSONResponse(rows)

    def _publisher_states(self, request: Request) -> Response:
        day = self._today()
        body = {}
        for publisher, (in_order, waiting) in PUBLISHERS.items():
            chance = draw(self._seed, f"partoo/{publisher}", day)
            total = len(listings())
            success = round(total * min(1.0, in_order + chance.uniform(-0.01, 0.01)))
            pending = min(total - success, round(total * waiting))
            counts = {"success": success, "pending": pending, "to_configure": total - success - pending}
            body[publisher] = {
                state: _drifted(
                    {
                        "count": count,
                        "page": 1,
                        "max_page": -(-count // PER_PAGE) or 1,
                        "publishers_business": _shown(count),
                    },
                    request,
                    "count",
                )
                for state, count in counts.items()
            }
        return JSONResponse(body)


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the platform answers."""
    return Platform(seed, today).routes()


def refuse(fault: str) -> Response | None:
    """Return the platform's own answer to a refusing fault, where it is documented."""
    documented = {
        "unauthorized": ({"authentication": "User not authenticated"}, 401),
        "forbidden": ({"authorization": "Operation not allowed"}, 403),
    }
    return _refuse(*documented[fault]) if fault in documented else None


def _refuse(errors: Record, status: int) -> Response:
    return JSONResponse({"errors": errors}, status)


def _guarded(handle: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        if not request.headers.get("x-apikey"):
            return _refuse({"authentication": "User not authenticated"}, 401)
        return handle(request)

    return endpoint


def _shown(count: int) -> list[Record]:
    return [
        {
            "business_name": listing["name"],
            "business_formatted_address": f"{listing['address']}, {listing['zipcode']} {listing['city']}",
            "business_url": None,
            "business_id": listing["id"],
            "error_type": None,
        }
        for listing in listings()[: min(count, PER_PAGE)]
    ]


def _page(request: Request, name: str, records: tuple[Record, ...], size: int, drifting: str) -> Response:
    try:
        number = max(1, int(request.query_params.get("page", "1")))
    except ValueError:
        return _refuse({"json": {"page": "Not a valid integer."}}, 400)
    start = first_row(fault_of(request), (number - 1) * size)
    shown = [_drifted(record, request, drifting) for record in records[start : start + size]]
    return JSONResponse({"page": number, "max_page": _pages(len(records), size), "count": len(records), name: shown})


def _pages(count: int, size: int) -> int:
    return max(1, -(-count // size))


def _drifted(record: Record, request: Request, label: str) -> Record:
    return drifted(
        record,
        fault_of(request),
        renamed={label: f"{label}_v3"},
        flipped={label: "plusieurs"},
        nested={label: "libelle"},
        edited={"content": "Avis corrigé"},
    )
