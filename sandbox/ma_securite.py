"""Stand-in of the news API of Ma Sécurité: a Spring page of news, with a key in a header. Its names are inferred."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import history_end, local
from sandbox.drift import drifted, fault_of, first_row
from sandbox.events import START, Event, active, draw, poisson, weekday_share
from sandbox.periods import days
from sandbox.places import departement, home

PREFIX = "/ma_securite"
SETTINGS = {"CYBERIMPACT_MA_SECURITE_URL": PREFIX}

Record = dict[str, Any]

USUAL_PAGE, LARGEST_PAGE = 20, 200
MEAN_PER_DAY = 9
NATIONAL, WITH_PHONE, WITH_URL = 0.12, 0.05, 0.3
#: Share of the news that are shown some days after their creation.
HELD_BACK, LONGEST_HOLD_DAYS = 0.06, 4

#: Theme, as written by those who publish, to the titles of its news. The last one is a brigade's own.
TOPICS = {
    "Sécurité routière": ("Contrôles de vitesse ce week-end", "Départs en vacances : nos conseils"),
    "Aide aux victimes": ("Violences : à qui parler", "Permanence d'une association d'aide aux victimes"),
    "Numérique": ("Faux conseillers bancaires : les réflexes", "Reconnaître un message frauduleux"),
    "Entreprises et commerces": ("Rançongiciel : protéger son entreprise", "Opération tranquillité entreprises"),
    "Famille": ("Vacances : opération tranquillité", "Seniors : se protéger des démarcheurs"),
    "Jeunesse": ("Harcèlement en ligne : en parler", "Intervention au collège"),
    "Vie pratique": ("Horaires d'accueil de la brigade", "Perte de papiers : que faire"),
    "Recrutement": ("La gendarmerie recrute près de chez vous", "Devenir réserviste"),
    "Vie de la brigade": ("Portes ouvertes à la brigade", "Cérémonie de la compagnie"),
}
SHARES = (20, 10, 18, 8, 10, 8, 16, 6, 4)

#: Kind of event to the theme and the title of the news that it brings.
_NEWS_OF = {
    "phishing": ("Numérique", "Alerte : vague de faux messages de livraison"),
    "card_fraud": ("NUMERIQUE", "Fraude à la carte : signalez sur Perceval"),
    "data_breach": ("Numérique", "Fuite de données : changez vos mots de passe"),
    "flood": ("Vie pratique", "Crue : suivez les consignes"),
    "heatwave": ("Vie pratique", "Canicule : prenez soin de vos proches"),
    "rumour": ("Vie pratique", "Rumeur d'enlèvements : aucune disparition n'est signalée"),
    "prevention": ("Numérique", "Campagne de prévention : rencontrez nos référents"),
}


@lru_cache(maxsize=4096)
def created_on(seed: int, day: date) -> tuple[Record, ...]:
    """Return the news created on a day, with the day from which they are shown."""
    chance = draw(seed, "ma_securite", day)
    reported = [event for event in active(seed, day - timedelta(days=1)) if event.kind in _NEWS_OF]
    number = poisson(chance, MEAN_PER_DAY * weekday_share(day))
    news = [_ordinary(chance) for _ in range(number)]
    news += [
        _about(chance, event) for event in reported for _ in range(poisson(chance, min(4.0, event.intensity(day))))
    ]
    return tuple(_published(chance, day, rank, item) for rank, item in enumerate(news))


def _ordinary(chance: Random) -> Record:
    theme = chance.choices(tuple(TOPICS), SHARES)[0]
    return {"thematique": theme, "titre": chance.choice(TOPICS[theme]), "localite": _place(chance)}


def _about(chance: Random, event: Event) -> Record:
    theme, title = _NEWS_OF[event.kind]
    code = chance.choice(event.departements) if event.departements else None
    return {"thematique": theme, "titre": title, "localite": f"{departement(code).name} ({code})" if code else None}


def _place(chance: Random) -> str | None:
    if chance.random() < NATIONAL:
        return None
    place = home(chance)
    return chance.choice((f"{place.name} ({place.code})", f"{place.postal_codes[0]} {place.town}", place.name))


def _published(chance: Random, day: date, rank: int, item: Record) -> Record:
    number = 100_000 + (day - START).days * 100 + rank
    message = f"{item['titre']}. Retrouvez nos conseils dans l'application."
    if chance.random() < WITH_PHONE:
        message += f" Renseignements au 05 57 {chance.randrange(100):02d} 12 34 ou brigade@exemple.fr."
    moment = datetime.combine(day, time(7)) + timedelta(seconds=chance.randrange(12 * 3600))
    held = chance.randint(1, LONGEST_HOLD_DAYS) if chance.random() < HELD_BACK else 0
    return {
        "id": number,
        **item,
        "message": message,
        "dateCreation": moment.isoformat(),
        "url": f"https://exemple.fr/actualites/{number}" if chance.random() < WITH_URL else None,
        "image": f"https://exemple.fr/images/{number}.jpg",
        "shown_on": day + timedelta(days=held),
    }


def news(seed: int, today: date) -> tuple[Record, ...]:
    """Return what is shown on a day, the latest created first; on the running one, what was created so far."""
    return _news_until(seed, today, local(history_end(today)).isoformat())


@lru_cache(maxsize=4)
def _news_until(seed: int, today: date, end: str) -> tuple[Record, ...]:
    created = (item for day in days(START, today) for item in created_on(seed, day) if item["dateCreation"] < end)
    shown = (item for item in created if item["shown_on"] <= today)
    ordered = sorted(shown, key=lambda item: (item["dateCreation"], item["id"]), reverse=True)
    return tuple({name: value for name, value in item.items() if name != "shown_on"} for item in ordered)


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the platform answers."""

    async def answer(request: Request) -> Response:
        if not request.headers.get("x-api-key"):
            return _problem(401, "Unauthorized")
        try:
            number = max(0, int(request.query_params.get("page", "0")))
            size = min(LARGEST_PAGE, int(request.query_params.get("size", USUAL_PAGE)))
        except ValueError:
            return _problem(400, "Bad Request")
        return JSONResponse(_page(request, news(seed, today()), number, size))

    return [Route(f"{PREFIX}/api/actualites", answer)]


def refuse(fault: str) -> Response | None:
    """Return the platform's own answer to a refusing fault, in the form that its kind of server gives."""
    reasons = {
        "unauthorized": (401, "Unauthorized"),
        "forbidden": (403, "Forbidden"),
        "quota": (429, "Too Many Requests"),
    }
    return _problem(*reasons[fault]) if fault in reasons else None


def _problem(status: int, reason: str) -> Response:
    return JSONResponse({"status": status, "error": reason, "path": "/api/actualites"}, status)


def _page(request: Request, found: tuple[Record, ...], number: int, size: int) -> Record:
    if request.query_params.get("sort", "").lower() != "datecreation,desc":
        found = tuple(reversed(found))
    fault = fault_of(request)
    start = first_row(fault, number * size, moved=-2)
    pages = -(-len(found) // size)
    return {
        "content": [_drifted(item, fault) for item in found[start : start + size]],
        "number": number,
        "size": size,
        "totalElements": len(found),
        "totalPages": pages,
        "first": number == 0,
        "last": number + 1 >= pages,
    }


def _drifted(item: Record, fault: str) -> Record:
    return drifted(
        item,
        fault,
        renamed={"thematique": "rubrique"},
        flipped={"dateCreation": "hier"},
        nested={"titre": "texte"},
        edited={"titre": "Titre corrigé"},
        added="nouvelleColonne",
    )
