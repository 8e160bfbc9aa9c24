"""Stand-in of Google Play (Developer API v3, one week of reviews) and of the App Store's feed (the latest 500).

Both serve the same app. Names, windows and paging are those of the vendors; Google's exchange of a signed assertion
for a token is served too, and looks at its form only.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import history_end
from sandbox.drift import drifted, fault_of, first_row
from sandbox.events import START, draw, french_name, poisson, pressure, weekday_share
from sandbox.periods import days

PREFIX = "/app_stores"
PLAY = f"{PREFIX}/play/androidpublisher/v3"
APP_STORE = f"{PREFIX}/apple/fr"
SETTINGS = {"CYBERIMPACT_APP_STORES_PLAY_URL": PLAY, "CYBERIMPACT_APP_STORES_APP_STORE_URL": APP_STORE}

PACKAGE, NUMBER = "fr.gouv.interieur.masecurite", "1606080425"

Record = dict[str, Any]

#: Format of the feed's times.
CUPERTINO = timezone(timedelta(hours=-7))

PLAY_WINDOW = timedelta(days=7)
SMALLEST_PAGE, LARGEST_PAGE = 10, 100
FEED_PAGES, FEED_ROWS = 10, 50

#: Few enough that the App Store's window of 500 goes back more than a year.
MEAN_PLAY, MEAN_APP_STORE = 4.0, 1.1
ANSWERED, WITH_IDENTIFIER, EDITED, ABOUT_A_TROUBLE = 0.35, 0.08, 0.12, 0.5
#: Pressure from which a trouble is written about, and stars from which somebody is satisfied.
TROUBLED, SATISFIED = 1.15, 4
LONGEST_EDIT = timedelta(days=20)

_STARS = (5, 4, 3, 2, 1)
_STARS_SHARES, _STARS_SHARES_IN_TROUBLE = (40, 16, 10, 9, 25), (12, 8, 10, 20, 50)
_PRAISE = ("Application utile", "Tchat rapide, très bon accueil", "Pratique pour trouver sa brigade")
_BLAME = ("Plante au démarrage", "Impossible de me connecter", "Le tchat ne répond jamais", "Localisation fausse")
_TROUBLES = {
    "phishing": "Signalé un SMS frauduleux, l'application tourne en rond.",
    "outage": "La pré-plainte ne s'ouvre plus depuis l'application.",
    "card_fraud": "Rien pour signaler une fraude à la carte.",
}
_DEVICES = ("panther", "a52q", "dm3q", "fairphone5")


@lru_cache(maxsize=8192)
def written_on(seed: int, store: str, day: date) -> tuple[Record, ...]:
    """Return the reviews written in a store on a day, each as it will be once edited and answered."""
    chance = draw(seed, f"app_stores/{store}", day)
    troubles = [kind for kind in _TROUBLES if pressure(seed, day, kind, lag_days=1) > TROUBLED]
    mean = (MEAN_PLAY if store == "play" else MEAN_APP_STORE) * weekday_share(day) * (1 + 0.4 * len(troubles))
    return tuple(_review(chance, day, troubles) | {"rank": rank} for rank in range(poisson(chance, mean)))


def _review(chance: Random, day: date, troubles: list[str]) -> Record:
    trouble = chance.choice(troubles) if troubles and chance.random() < ABOUT_A_TROUBLE else None
    stars = chance.choices(_STARS, _STARS_SHARES_IN_TROUBLE if trouble else _STARS_SHARES)[0]
    text = _TROUBLES[trouble] if trouble else chance.choice(_PRAISE if stars >= SATISFIED else _BLAME)
    first, last = french_name(chance)
    if chance.random() < WITH_IDENTIFIER:
        text += f" Contactez-moi : {first.lower()}.{last.lower().replace(' ', '')}@exemple.fr ou 06.12.34.56.78."
    written = datetime.combine(day, time(7), UTC) + timedelta(seconds=chance.randrange(14 * 3600))
    return {
        "day": day,
        "written": written,
        "edited": written + timedelta(days=chance.randint(2, LONGEST_EDIT.days)) if chance.random() < EDITED else None,
        "answered": written + timedelta(days=chance.randint(1, 5)) if chance.random() < ANSWERED else None,
        "author": f"{first} {last}",
        "stars": stars,
        "text": text,
        "language": chance.choices(("fr", "en", "de"), (92, 5, 3))[0],
        "device": chance.choice(_DEVICES),
        "version": f"2.{(day - START).days // 45}.0",
        "code": 200 + (day - START).days // 45,
        "up": chance.choices((0, 1, 4, 11), (80, 12, 6, 2))[0],
    }


def _reviews_of(seed: int, store: str, first: date, today: date) -> Iterator[Record]:
    """Yield the reviews written from a day on, without what has not happened yet."""
    end = history_end(today)
    for day in days(max(first, START), today):
        for review in written_on(seed, store, day):
            if review["written"] >= end:
                continue
            edited, answered = (
                moment if moment and moment < end else None for moment in (review["edited"], review["answered"])
            )
            yield {
                **review,
                "changed": edited or review["written"],
                "answered": answered,
                "is_edited": edited is not None,
            }


def play_reviews(seed: int, today: date) -> tuple[Record, ...]:
    """Return what Google Play shows on a day: what was written or changed during the last week, the latest first."""
    start = today - PLAY_WINDOW
    shown = [r for r in _reviews_of(seed, "play", start - LONGEST_EDIT, today) if r["changed"].date() > start]
    return tuple(_play(r) for r in sorted(shown, key=lambda r: (r["changed"], r["rank"]), reverse=True))


def _play(review: Record) -> Record:
    comments: list[Record] = [
        {
            "userComment": {
                "text": f"\t{review['text']}",
                "lastModified": _stamp(review["changed"]),
                "starRating": min(5, review["stars"] + review["is_edited"]),
                "reviewerLanguage": review["language"],
                "device": review["device"],
                "androidOsVersion": 33,
                "appVersionCode": review["code"],
                "appVersionName": review["version"],
                "thumbsUpCount": review["up"],
                "thumbsDownCount": 0,
                "deviceMetadata": {"productName": review["device"], "manufacturer": "Exemple", "ramMb": 4096},
            }
        }
    ]
    if review["answered"]:
        answer = {"text": "Bonjour, merci de votre retour.", "lastModified": _stamp(review["answered"])}
        comments.append({"developerComment": answer})
    return {
        "reviewId": f"gp:{review['day']:%Y%m%d}-{review['rank']:03d}",
        "authorName": review["author"],
        "comments": comments,
    }


def _stamp(moment: datetime) -> Record:
    return {"seconds": str(int(moment.timestamp())), "nanos": 0}


def app_store_reviews(seed: int, today: date) -> tuple[Record, ...]:
    """Return what the App Store shows on a day: the latest 500."""
    ordered = sorted(
        _reviews_of(seed, "app_store", START, today), key=lambda r: (r["changed"], r["rank"]), reverse=True
    )
    return tuple(_entry(review) for review in ordered[: FEED_PAGES * FEED_ROWS])


def _entry(review: Record) -> Record:
    number = 9_000_000_000 + (review["day"] - START).days * 1000 + review["rank"]
    return {
        "author": {
            "uri": {"label": f"https://exemple.fr/reviews/id{number}"},
            "name": {"label": review["author"]},
            "label": "",
        },
        "updated": {"label": review["changed"].astimezone(CUPERTINO).isoformat()},
        "im:rating": {"label": str(min(5, review["stars"] + review["is_edited"]))},
        "im:version": {"label": review["version"]},
        "id": {"label": str(number)},
        "title": {"label": " ".join(review["text"].split()[:3])},
        "content": {"label": review["text"], "attributes": {"type": "text"}},
        "link": {"attributes": {"rel": "related", "href": f"https://exemple.fr/reviews/{number}"}},
        "im:voteSum": {"label": str(review["up"])},
        "im:contentType": {"attributes": {"term": "Application", "label": "Application"}},
        "im:voteCount": {"label": str(review["up"])},
    }


#: The app itself, which opens the first page of the feed.
_THE_APP = {
    "im:name": {"label": "Ma Sécurité"},
    "im:image": [{"label": "https://exemple.fr/icone.png", "attributes": {"height": "53"}}],
    "title": {"label": "Ma Sécurité - Ministère de l'Intérieur"},
    "id": {"label": "https://exemple.fr/app", "attributes": {"im:id": NUMBER}},
    "im:artist": {"label": "Ministère de l'Intérieur"},
}


class Stores:
    """Both stores.

    Args:
        seed: Which history is generated.
        today: Returns the day up to which it is shown.
    """

    def __init__(self, seed: int, today: Callable[[], date]) -> None:
        self._seed = seed
        self._today = today

    def routes(self) -> list[Route]:
        feed = "/rss/customerreviews/page={page:int}/id={number}/sortby=mostrecent/json"
        return [
            Route(f"{PLAY}/applications/{{package}}/reviews", self._play),
            Route(f"{APP_STORE}{feed}", self._app_store),
            Route(f"{PREFIX}/token", _token, methods=["POST"]),
        ]

    async def _play(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token.strip():
            return _google_error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if request.path_params["package"] != PACKAGE:
            return _google_error(404, "NOT_FOUND", "Package not found.")
        query = request.query_params
        try:
            size = min(LARGEST_PAGE, int(query.get("maxResults", SMALLEST_PAGE)))
            start = int(base64.urlsafe_b64decode(query["token"])) if query.get("token") else 0
        except (ValueError, binascii.Error):
            return _google_error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        found, fault = play_reviews(self._seed, self._today()), fault_of(request)
        first = first_row(fault, start, moved=-1)
        body: Record = {"pageInfo": {"totalResults": len(found), "resultPerPage": size, "startIndex": start}}
        if found:
            body["reviews"] = [_drifted_review(review, fault) for review in found[first : first + size]]
        if start + size < len(found):
            body["tokenPagination"] = {"nextPageToken": base64.urlsafe_b64encode(str(start + size).encode()).decode()}
        return JSONResponse(body)

    async def _app_store(self, request: Request) -> Response:
        page, number = request.path_params["page"], request.path_params["number"]
        if not 1 <= page <= FEED_PAGES:
            return Response("CustomerReviews RSS page depth is limited to 10", 400)
        fault = fault_of(request)
        start = first_row(fault, (page - 1) * FEED_ROWS, moved=-1)
        found = app_store_reviews(self._seed, self._today()) if number == NUMBER else ()
        entries = [_drifted(entry, fault, "im:rating") for entry in found[start : start + FEED_ROWS]]
        if page == 1 and entries:
            entries = [_THE_APP, *entries]
        feed: Record = {"author": {"name": {"label": "iTunes Store"}}, "title": {"label": "iTunes Store : avis"}}
        if entries:
            feed["entry"] = entries[0] if len(entries) == 1 else entries
        return JSONResponse({"feed": feed})


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    return Stores(seed, today).routes()


def refuse(fault: str) -> Response | None:
    """Return Google's own answer to a refusing fault."""
    documented = {
        "unauthorized": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        "forbidden": (403, "PERMISSION_DENIED", "The caller does not have permission."),
        "quota": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Reviews'."),
    }
    return _google_error(*documented[fault]) if fault in documented else None


def _google_error(code: int, status: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "status": status}}, code)


async def _token(request: Request) -> Response:
    """Give a token for an assertion that has the form of a signed one."""
    form = dict(parse_qsl((await request.body()).decode()))
    parts = form.get("assertion", "").split(".")
    try:
        header, claims, _ = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        asked = {**json.loads(header), **json.loads(claims)}
    except (ValueError, binascii.Error):
        asked = {}
    is_right = asked.get("alg") == "RS256" and "androidpublisher" in asked.get("scope", "") and asked.get("iss")
    if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not is_right:
        return JSONResponse({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
    return JSONResponse({"access_token": "ya29.bac-a-sable", "expires_in": 3599, "token_type": "Bearer"})


def _drifted_review(review: Record, fault: str) -> Record:
    first, *others = review["comments"]
    return {
        **review,
        "comments": [{"userComment": _drifted(first["userComment"], fault, "starRating")}, *others],
    }


def _drifted(record: Record, fault: str, label: str) -> Record:
    return drifted(
        record,
        fault,
        renamed={label: f"{label}Value"},
        flipped={label: "plusieurs"},
        nested={label: "libelle"},
        edited={"text": "Avis corrigé", "content": {"label": "Avis corrigé"}},
    )
