"""Stand-in of X's users lookup (API v2), and of the drops that hold what the other networks count.

Followers grow with what people live through: a rumour, a flood or a campaign brings some to the account of the place.
While a campaign runs, the accounts of its place post more.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.drift import drifted, fault_of
from sandbox.events import START, draw, poisson, pressure, weekday_share
from sandbox.files import csv_bytes
from sandbox.periods import days, half_years
from sandbox.places import departements

PREFIX = "/social_accounts"
BASE = f"{PREFIX}/x/2"
SETTINGS = {"CYBERIMPACT_SOCIAL_ACCOUNTS_X_URL": BASE}

MOST_USERS = 100
LARGEST_ID = 1_000_000_000

DROP_HEADER = ("network", "account", "day", "followers", "following", "posts", "engagements")

#: Followers on the first day of the national accounts.
NATIONAL = {
    ("x", "Gendarmerie"): 610_000,
    ("x", "GIGN_"): 98_000,
    ("x", "CyberGEND"): 21_000,
    ("facebook", "gendarmerienationale"): 1_150_000,
    ("instagram", "gendarmerienationale"): 720_000,
    ("youtube", "gendarmerienationale"): 160_000,
    ("linkedin", "gendarmerie-nationale"): 340_000,
    ("tiktok", "gendarmerienationale"): 510_000,
    ("bluesky", "gendarmerie.interieur.gouv.fr"): 9_000,
    ("mastodon", "gendarmerie@social.numerique.gouv.fr"): 4_000,
}

#: An account of a département that was closed, as happens: the network does not know it any more.
CLOSED = ("x", "Gendarmerie_976")

#: What brings followers to the account of a place.
ATTRACTING = ("rumour", "flood", "prevention", "phishing")

#: Posts of an account on an ordinary day, and how many more a campaign brings.
POSTS_A_DAY, POSTS_OF_CAMPAIGN = 3, 8

Counts = tuple[int, int, int, int]


def local_accounts() -> dict[tuple[str, str], tuple[str, int]]:
    """Return the accounts of the départements, with their code and their followers on the first day."""
    found = {}
    for place in departements():
        if place.code in {"975", "977", "978", "986", "987", "988"}:
            continue
        found["x", f"Gendarmerie_{place.code}"] = place.code, 2_000 + place.population // 90
        found["facebook", f"Gendarmerie_{place.code}"] = place.code, 15_000 + place.population // 12
    return found


@lru_cache(maxsize=1024)
def _growth(seed: int, year: int, place: str | None) -> tuple[float, ...]:
    """Return, per day of a year, by what the followers of the start are multiplied."""
    before = _growth(seed, year - 1, place)[-1] if year > START.year else 1.0
    year_days = days(date(year, 1, 1), date(year, 12, 31))
    gains = (0.00012 * sum(pressure(seed, day, kind, place) for kind in ATTRACTING) for day in year_days)
    return tuple(accumulate(gains, lambda factor, gain: factor * (1 + gain), initial=before))[1:]


@lru_cache(maxsize=1024)
def _posts(seed: int, year: int, place: str | None) -> tuple[int, ...]:
    """Return, per day of a year, how many posts there are since the start."""
    before = _posts(seed, year - 1, place)[-1] if year > START.year else 1_500
    year_days = days(date(year, 1, 1), date(year, 12, 31))
    more = (round(POSTS_OF_CAMPAIGN * (pressure(seed, day, "prevention", place) - 1)) for day in year_days)
    return tuple(accumulate(more, lambda posts, number: posts + POSTS_A_DAY + number, initial=before))[1:]


@lru_cache(maxsize=512)
def counts(seed: int, network: str, account: str, day: date) -> Counts:
    """Return followers, following, posts and engagements of an account at the end of a day."""
    place, first = local_accounts().get((network, account), (None, NATIONAL.get((network, account), 1_000)))
    today = day.timetuple().tm_yday - 1
    followers = round(first * _growth(seed, day.year, place)[today])
    chance = draw(seed, f"social_accounts/{network}/{account}", day)
    busy = weekday_share(day) * pressure(seed, day, "rumour", place)
    engagements = poisson(chance, followers * 0.004 * busy)
    return followers, 50 + len(account) * 7, _posts(seed, day.year, place)[today], engagements


def identifier(account: str) -> str:
    """Return the number that the stand-in gives an account."""
    return str(LARGEST_ID + sum(ord(letter) * 31**rank for rank, letter in enumerate(account.lower())) % LARGEST_ID)


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what X answers."""
    handles = {account.lower(): account for network, account in (*NATIONAL, *local_accounts()) if network == "x"}
    handles.pop(CLOSED[1].lower(), None)
    numbers = {identifier(account): account for account in handles.values()}

    def answer(request: Request, parameter: str, known: dict[str, str]) -> Response:
        if not request.headers.get("authorization", "").removeprefix("Bearer").strip():
            return JSONResponse(_problem(401, "Unauthorized"), 401)
        asked = [value for value in request.query_params.get(parameter, "").split(",") if value]
        if not 0 < len(asked) <= MOST_USERS:
            detail = f"The number of values in the `{parameter}` query parameter list must be between 1 and 100"
            return JSONResponse({**_problem(400, "Invalid Request"), "detail": detail}, 400)
        found = [_user(seed, known[value.lower()], today(), request) for value in asked if value.lower() in known]
        errors = [_unknown(parameter, value) for value in asked if value.lower() not in known]
        return JSONResponse(({"data": found} if found else {}) | ({"errors": errors} if errors else {}))

    async def by_number(request: Request) -> Response:
        return answer(request, "ids", numbers)

    async def by_name(request: Request) -> Response:
        return answer(request, "usernames", handles)

    return [Route(f"{BASE}/users", by_number), Route(f"{BASE}/users/by", by_name)]


def refuse(fault: str) -> Response | None:
    """Return X's own answers to a bad token, missing rights and a used quota."""
    match fault:
        case "unauthorized":
            return JSONResponse(_problem(401, "Unauthorized"), 401)
        case "forbidden":
            return JSONResponse(_problem(403, "Forbidden"), 403)
        case "quota":
            headers = {"x-rate-limit-limit": "300", "x-rate-limit-remaining": "0"}
            return JSONResponse(_problem(429, "Too Many Requests"), 429, headers)
        case _:
            return None


def _problem(status: int, title: str) -> dict[str, Any]:
    return {"title": title, "type": "about:blank", "status": status, "detail": title}


def _unknown(parameter: str, value: str) -> dict[str, Any]:
    return {
        "value": value,
        "detail": f"Could not find user with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": "user",
        "parameter": parameter,
        "resource_id": value,
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }


def _user(seed: int, account: str, day: date, request: Request) -> dict[str, Any]:
    followers, following, posts, _ = counts(seed, "x", account, day)
    metrics = {
        "followers_count": followers,
        "following_count": following,
        "tweet_count": posts,
        "listed_count": followers // 150,
    }
    user: dict[str, Any] = {"id": identifier(account), "name": account.replace("_", " ").strip(), "username": account}
    if "public_metrics" in request.query_params.get("user.fields", ""):
        opened = datetime(2013, 1, 1, 8, tzinfo=UTC) + timedelta(days=int(identifier(account)) % 2000)
        user |= {"created_at": f"{opened:%Y-%m-%dT%H:%M:%S}.000Z", "verified": False}
        user["public_metrics"] = _drifted(metrics, fault_of(request))
    return user


def _drifted(metrics: dict[str, Any], fault: str) -> dict[str, Any]:
    return drifted(
        metrics,
        fault,
        renamed={"followers_count": "subscribers_count"},
        flipped={"followers_count": "plusieurs"},
        nested={"followers_count": "organic"},
        edited={"followers_count": metrics["followers_count"] + 1},
    )


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield a file per half-year: the national accounts day by day, those of the départements each Monday."""
    for period in half_years(until):
        rows = (row for day in period.days() for row in _counted(seed, day))
        yield f"social_accounts_{period.name}.csv", csv_bytes([DROP_HEADER, *rows], ",", "utf-8-sig")


def _counted(seed: int, day: date) -> Iterator[tuple[object, ...]]:
    local = local_accounts() if day.weekday() == 0 else {}
    for network, account in (*NATIONAL, *local):
        if (network, account) != CLOSED:
            yield network, account, day.isoformat(), *counts(seed, network, account, day)
