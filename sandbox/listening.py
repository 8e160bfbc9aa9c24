"""Stand-in of Talkwalker's project search and histograms: mentions of the scenario, found a few minutes after the fact.

Envelope, limits, codes and paging are those of the vendor's contract; what a project does not show any more, it does
not count either. The token `credits-gone` has none left, `many-streams` has too many streams open.

`POST /_control/mentions` with `{"mentions": [{"text": "…", "seconds": 12}, …]}` adds mentions that are found so many
seconds from now, or were where it is negative; `source` and `code` (of a département) may be given too. `DELETE` takes
them back.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import clock
from sandbox.drift import drifted, fault_of, first_row
from sandbox.events import START, Event, active, draw, french_name, poisson, weekday_share
from sandbox.periods import days
from sandbox.places import PARIS, departement, home
from sandbox.spreading import FOLLOWERS_OF_UNKNOWN, RUMOUR, Course, cascade, course
from sandbox.staging import Stage, Wave

PREFIX = "/talkwalker"
PROJECT = "gendarmerie"
BASE = f"{PREFIX}/api/v1/search/p/{PROJECT}"
SETTINGS = {"CYBERIMPACT_LISTENING_URL": BASE}

HOUR = 3_600_000

LARGEST_PAGE, WINDOW = 500, 10_000
SHOWN = timedelta(days=60)

#: Mentions of an ordinary day, and what an event adds at each unit of its intensity.
MEAN_MENTIONS_PER_DAY, MENTIONS_PER_INTENSITY = 350, 60
SHARED, FOUND_LATE, WITH_IDENTIFIER = 0.35, 0.03, 0.05

#: Source types, their share, and how many follow an account there.
SOURCES: dict[str, tuple[tuple[str, ...], int, int]] = {
    "x": (("SOCIALMEDIA", "SOCIALMEDIA_TWITTER"), 45, 900),
    "facebook": (("SOCIALMEDIA", "SOCIALMEDIA_FACEBOOK"), 18, 1500),
    "press": (("ONLINENEWS", "ONLINENEWS_NEWSPAPER"), 14, 60_000),
    "forum": (("MESSAGEBOARD", "MESSAGEBOARD_GENERAL"), 6, 100),
    "tiktok": (("SOCIALMEDIA", "SOCIALMEDIA_TIKTOK"), 6, 2500),
    "telegram": (("SOCIALMEDIA", "SOCIALMEDIA_TELEGRAM"), 5, 4000),
    "blog": (("BLOG", "BLOG_OTHER"), 4, 300),
    "youtube": (("SOCIALMEDIA", "SOCIALMEDIA_YOUTUBE"), 2, 8000),
}
#: Where a cascade begins, and how much of it stays there; the rest copies its words elsewhere, but for the press.
PASSED_ON, STAYING = {"x": 60, "facebook": 25, "telegram": 15}, 0.8
COPIED_ON = {name: share for name, (_, share, _) in SOURCES.items() if name != "press"}

ADDRESSES = {
    "x": "https://x.com/{account}/status/{number}",
    "facebook": "https://www.facebook.com/{account}/posts/{number}",
    "press": "https://www.presse-{place}.example/articles/{number}",
    "forum": "https://forum-entraide.example/sujet/{number}",
    "tiktok": "https://www.tiktok.com/@{account}/video/{number}",
    "telegram": "https://t.me/{account}/{number}",
    "blog": "https://blog-{account}.example/billets/{number}",
    "youtube": "https://www.youtube.com/watch?v=v{number}",
}

#: How people speak of each kind of event; `{word}` is one of its keywords.
TEXTS: dict[str, tuple[str, ...]] = {
    "phishing": (
        "Encore un {word} reçu ce matin à {place}, ne cliquez surtout pas !",
        "Attention {word} : le message imite La Poste, ma mère a failli se faire avoir.",
        "La gendarmerie de {place} alerte sur une vague de {word}.",
    ),
    "card_fraud": (
        "{word} de 480 euros sur mon compte, j'ai signalé sur Perceval.",
        "Vous aussi victime de {word} cette semaine à {place} ?",
    ),
    "data_breach": (
        "{word} chez mon opérateur, on fait quoi maintenant ?",
        "Mes données sont dans la nature : {word}, merci bien.",
    ),
    "outage": (
        "{word} depuis hier, impossible de prendre rendez-vous à la brigade.",
        "Quelqu'un arrive à déposer une pré-plainte ? {word} chez moi.",
    ),
    "rumour": (
        "URGENT {word} aperçue près de l'école de {place}, faites tourner !!!",
        "C'est vrai cette histoire de {word} à {place} ? Ça fait peur.",
        "Ne relayez pas la rumeur de {word} à {place}, la gendarmerie dément.",
    ),
    "flood": (
        "{word} à {place}, la départementale est fermée.",
        "Les pompiers et les gendarmes évacuent à {place}, {word} impressionnante.",
    ),
    "heatwave": ("{word} près de {place}, restez à l'abri.", "{word} : la forêt de {place} est interdite d'accès."),
    "epidemic": ("Beaucoup de malades à {place}, {word} ?", "{word} à {place}, ne buvez pas l'eau du robinet."),
    "prevention": (
        "Merci aux gendarmes de {place} pour leur atelier : {word} très utiles.",
        "La gendarmerie de {place} était au marché : {word} face aux arnaques.",
    ),
}
ORDINARY = (
    "Contrôle de vitesse à l'entrée de {place} ce matin.",
    "Merci aux gendarmes de {place} pour leur aide hier soir.",
    "Un accident sur la route de {place}, la gendarmerie est sur place.",
    "Toujours personne à l'accueil de la brigade de {place}...",
    "La gendarmerie de {place} recrute, venez les rencontrer.",
    "Cambriolage à {place}, la gendarmerie lance un appel à témoins.",
)
IDENTIFIERS = (" Appelez-moi au {phone}.", " Contact : {mail}", " Il s'appelle {first} {last}.")
MOODS = {"prevention": (1, 4), "rumour": (-5, -1), "phishing": (-4, -1)}
#: Of a staged wave: the longest wait until a mention is found, and how many mentions of a rumour share the first one.
WAVE_FOUND_SECONDS, WAVE_SHARES = 60, 0.85

Document = dict[str, Any]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _text(chance: Random, event: Event | None, place: str) -> str:
    if event is None:
        text = chance.choice(ORDINARY).format(place=place)
    else:
        text = chance.choice(TEXTS[event.kind]).format(place=place, word=chance.choice(event.keywords))
    if chance.random() < WITH_IDENTIFIER:
        first, last = french_name(chance)
        phone = f"06 {chance.randrange(10, 99)} {chance.randrange(10, 99)} {chance.randrange(10, 99)} 12"
        text += chance.choice(IDENTIFIERS).format(
            phone=phone, mail=f"{first}.{last}@exemple.fr".replace(" ", "").lower(), first=first, last=last
        )
    return text


def _title(text: str) -> str:
    return text.split("!", maxsplit=1)[0][:80]


def _document(chance: Random, day: date, rank: int, event: Event | None, network: str | None = None) -> Document:
    codes = event.departements if event else ()
    place = departement(chance.choice(codes)) if codes else home(chance)
    drawn = chance.choices(list(SOURCES), [share for _, share, _ in SOURCES.values()])[0]
    source = network or drawn
    kinds, _, followed = SOURCES[source]
    account = f"compte{chance.randrange(20_000)}"
    number = f"{day:%Y%m%d}{rank:05d}"
    seconds = min(86_399, max(0, round(chance.gauss(54_000, 15_000))))
    published = _milliseconds(datetime.combine(day, time(), PARIS)) + seconds * 1000
    wait = chance.randint(20, 46) * HOUR if chance.random() < FOUND_LATE else chance.randint(30, 1500) * 1000
    reach = round(followed * chance.lognormvariate(0, 1.2))
    lowest, highest = MOODS.get(event.kind, (-3, 1)) if event else (-2, 3)
    document: Document = {
        "url": ADDRESSES[source].format(account=account, number=number, place=place.code.lower()),
        "indexed": published + wait,
        "search_indexed": published + wait,
        "published": published,
        "lang": "fr",
        "sentiment": chance.randint(lowest, highest),
        "reach": reach,
        "engagement": round(reach * chance.uniform(0, 0.04)),
        "trending_score": 0,
        "source_type": list(kinds),
        "post_type": ["SHARE"] if source != "press" and chance.random() < SHARED else ["TEXT"],
        "matched_profile": [event.kind if event else "gendarmerie"],
        "domain_url": f"http://{source}.example/",
        "images": [],
        "tags_internal": [],
        "extra_source_attributes": {
            "world_data": {
                "continent": "Europe",
                "country_code": "fr",
                "region": place.name,
                "city": place.town,
                "resolution": "city",
            }
        },
        "source_extended_attributes": {"followers": reach},
    }
    text = _text(chance, event, place.town)
    if source == "x":  # identifiers alone may be passed on: neither text nor author
        return document
    first, last = french_name(chance)
    title = {"title": _title(text)} if source in {"press", "blog", "youtube"} else {}
    author = {"id": f"{source}:{account}", "name": f"{first} {last}", "gender": "UNKNOWN"}
    return document | title | {"content": text, "word_count": len(text.split()), "extra_author_attributes": author}


def _added(
    rank: int, now: int, *, text: str, seconds: float, source: str = "facebook", code: str | None = None
) -> Document:
    """Return a mention that a test asks for, found when it is published."""
    chance = Random(rank)  # noqa: S311 - an account that differs, no secret
    document = _document(chance, datetime.fromtimestamp(now / 1000, PARIS).date(), 90_000 + rank, None)
    at = now + round(seconds * 1000)
    kinds, _, followed = SOURCES[source]
    world = {"continent": "Europe", "country_code": "fr", "resolution": "country"}
    if code is not None:
        world |= {"region": departement(code).name, "city": departement(code).town, "resolution": "city"}
    return document | {
        "url": f"https://www.facebook.com/compte{chance.randrange(20_000)}/posts/added{now}{rank:05d}",
        "published": at,
        "indexed": at,
        "search_indexed": at,
        "source_type": list(kinds),
        "reach": followed,
        "post_type": ["TEXT"],
        "content": text,
        "word_count": len(text.split()),
        "extra_source_attributes": {"world_data": world},
        "extra_author_attributes": {"id": f"{source}:compte{chance.randrange(20_000)}", "gender": "UNKNOWN"},
    }


@lru_cache(maxsize=128)
def mentions_of(seed: int, day: date) -> tuple[Document, ...]:
    """Return the mentions published on a day, as they will be when all reactions have come."""
    chance = draw(seed, "listening", day)
    counts: dict[Event | None, int] = {None: poisson(chance, MEAN_MENTIONS_PER_DAY * weekday_share(day))}
    counts |= {event: poisson(chance, MENTIONS_PER_INTENSITY * event.intensity(day)) for event in active(seed, day)}
    found: list[Document] = []
    for event, count in counts.items():
        ranks = range(len(found), len(found) + count)
        spread = course(seed, event) if event else None
        if event and spread:
            found += _in_cascades(draw(seed, f"listening/{event.code}", day), day, ranks, event, spread)
        else:
            found += _passed_on(chance, [_document(chance, day, rank, event) for rank in ranks])
    return tuple(found)


@lru_cache(maxsize=64)
def mentions_of_wave(wave: Wave) -> tuple[Document, ...]:
    """Return the mentions of a staged wave; those from before it was staged are found at that moment."""
    chance = wave.chance()
    found: list[Document] = []
    for rank, moment in enumerate(wave.moments(chance)):
        published = _milliseconds(moment)
        seen = max(published + chance.randint(5, WAVE_FOUND_SECONDS) * 1000, _milliseconds(wave.staged_at))
        network = "facebook" if wave.event.kind == RUMOUR else None
        document = _document(chance, moment.astimezone(PARIS).date(), rank, wave.event, network)
        times = {"published": published, "indexed": seen, "search_indexed": seen}
        found.append(document | times | {"url": f"{document['url']}{_milliseconds(wave.began_at)}"})
    if wave.event.kind != RUMOUR:
        return tuple(_passed_on(chance, found))
    followed = {"reach": FOLLOWERS_OF_UNKNOWN, "source_extended_attributes": {"followers": FOLLOWERS_OF_UNKNOWN}}
    first = found[0] | followed | {"post_type": ["TEXT"]}
    return (first, *(_sharing(other, first) if chance.random() < WAVE_SHARES else other for other in found[1:]))


def _passed_on(chance: Random, documents: list[Document]) -> list[Document]:
    """Return the mentions of a day, shares sharing one of their network and place that came before, if any did."""
    own: dict[tuple[str, str], list[Document]] = {}
    passed_on = []
    for document in sorted(documents, key=lambda document: document["published"]):
        place = document["extra_source_attributes"]["world_data"]["region"]
        earlier = own.setdefault((document["source_type"][-1], place), [])
        if document["post_type"] == ["TEXT"]:
            earlier.append(document)
        shares = document["post_type"] == ["SHARE"] and earlier
        weights = [1 + document["reach"] ** 0.5 for document in earlier]
        passed_on.append(_sharing(document, chance.choices(earlier, weights)[0]) if shares else document)
    return passed_on


def _in_cascades(chance: Random, day: date, ranks: range, event: Event, spread: Course) -> list[Document]:
    """Return the mentions of an event on a day, most of them repeating a few: shares on their network, or copies."""
    sources, repeats = cascade(chance, spread, len(ranks))
    numbers = iter(ranks)
    begun: list[tuple[str, str, Document]] = []
    collected: list[Document] = []
    for source in sources:
        network = chance.choices(list(PASSED_ON), list(PASSED_ON.values()))[0]
        document: Document = _at(_document(chance, day, next(numbers), event, network), day, source.second)
        place = document["extra_source_attributes"]["world_data"]["city"]
        said = TEXTS[event.kind][0 if event.kind == RUMOUR else -1].format(
            place=place, word=chance.choice(event.keywords)
        )
        document = _saying(document, said) | {
            "post_type": ["TEXT"],
            "reach": source.followers,
            "source_extended_attributes": {"followers": source.followers},
        }
        begun.append((network, said, document))
        collected.append(document)
    for repeat in repeats:
        network, said, shared = begun[repeat.of]
        stays = chance.random() < STAYING
        other = chance.choices(list(COPIED_ON), list(COPIED_ON.values()))[0]
        document = _document(chance, day, next(numbers), event, network if stays else other)
        document = _saying(_at(document, day, repeat.second), said) | {"post_type": ["TEXT"]}
        collected.append(_sharing(document, shared) if stays else document)
    return collected + [_document(chance, day, rank, event) | {"post_type": ["TEXT"]} for rank in numbers]


def _at(document: Document, day: date, second: int) -> Document:
    """Return a mention as if it was published at another second of the day."""
    published = _milliseconds(datetime.combine(day, time(), PARIS)) + second * 1000
    found = document["search_indexed"] - document["published"] + published
    return document | {"published": published, "indexed": found, "search_indexed": found}


def _saying(document: Document, text: str) -> Document:
    """Return a mention with another text, where texts may be passed on at all."""
    if "content" not in document:
        return document
    title = {"title": _title(text)} if "title" in document else {}
    return document | title | {"content": text, "word_count": len(text.split())}


def _sharing(document: Document, shared: Document) -> Document:
    """Return a mention as the share of another, without a word of its own."""
    made = document | {"post_type": ["SHARE"], "parent_url": shared["url"]}
    return _saying(made, shared["content"]) if "content" in shared else made


def _as_of(document: Document, age_days: int) -> Document:
    """Return a mention as it is shown at an age: its reactions come over two days."""
    share = (0.4, 0.8)[age_days] if age_days < 2 else 1.0  # noqa: PLR2004
    engagement = round(document["engagement"] * share)
    reactions = {
        "likes": engagement * 7 // 10,
        "shares": engagement * 2 // 10,
        "comments": engagement // 10,
        "views": engagement * 20,
    }
    return document | {"engagement": engagement, "article_extended_attributes": reactions}


class Project:
    """The project.

    Args:
        seed: Which history is generated.
        today: Returns the day up to which it is shown: up to this minute when it is the real one.
    """

    def __init__(self, seed: int, today: Callable[[], date]) -> None:
        self._seed = seed
        self._today = today
        self._cache: tuple[date, list[Document], list[int]] | None = None
        self._added: list[Document] = []

    def routes(self) -> list[Route]:
        return [
            Route(f"{BASE}/results", self._answer(self._results)),
            Route(f"{BASE}/histogram/published", self._answer(self._histogram)),
            Route("/_control/mentions", self._control, methods=["POST", "DELETE"]),
        ]

    async def _control(self, request: Request) -> Response:
        """Add mentions, or take back those that were added; answer how many there are."""
        if request.method == "DELETE":
            self._added.clear()
        else:
            now = _milliseconds(clock.now())
            if _now(self._today()) < now:
                return JSONResponse({"error": "the history ends on a day that has passed"}, 409)
            wanted = (await request.json())["mentions"]
            self._added += [_added(rank, now, **wish) for rank, wish in enumerate(wanted, len(self._added))]
            self._added.sort(key=lambda document: document["search_indexed"])
        return JSONResponse({"added": len(self._added)})

    def _answer(self, handle: Callable[[Request], dict[str, Any]]) -> Callable[[Request], Any]:
        """Wrap a handler with the envelope, and with the refusals that depend on the token."""

        async def endpoint(request: Request) -> Response:
            token = request.query_params.get("access_token", "")
            refusals = {"": "unauthorized", "credits-gone": "credits", "many-streams": "streams"}
            if token in refusals:
                return _refusal(refusals[token])
            try:
                return _envelope(request, handle(request))
            except ValueError as problem:
                return _error(400, "5", f"Invalid parameter value: {problem}")

        return endpoint

    def _shown(self, stage: Stage) -> tuple[list[Document], list[int]]:
        """Return what the project shows now, in the order in which it was found, and when each was found."""
        today = self._today()
        if self._cache is None or self._cache[0] != today:
            shown = [
                _as_of(document, (today - day).days)
                for day in days(max(START, today - SHOWN), today)
                for document in mentions_of(self._seed, day)
            ]
            shown.sort(key=lambda document: (document["search_indexed"], document["url"]))
            self._cache = today, shown, [document["search_indexed"] for document in shown]
        _, shown, found = self._cache
        end = bisect_left(found, _now(today))
        staged = (_as_of(mention, 0) for wave in stage.waves for mention in mentions_of_wave(wave))
        added = [mention for mention in (*self._added, *staged) if mention["search_indexed"] < _now(today)]
        if not added:
            return shown[:end], found[:end]
        shown = sorted([*shown[:end], *added], key=lambda document: document["search_indexed"])
        return shown, [document["search_indexed"] for document in shown]

    def _selected(self, request: Request) -> list[Document]:
        shown, found = self._shown(request.app.state.stage)
        start, end = _limits(request, "searchindexed")
        shown = shown[bisect_left(found, start) : bisect_left(found, end)]
        start, end = _limits(request, "published")
        return [document for document in shown if start <= document["published"] < end]

    def _results(self, request: Request) -> dict[str, Any]:
        parameters = request.query_params
        offset, hpp = int(parameters.get("offset", "0")), int(parameters.get("hpp", "10"))
        if not 0 <= hpp <= LARGEST_PAGE or offset < 0:
            raise ValueError("hpp")
        if offset + hpp >= WINDOW:
            raise ValueError("offset")
        key = parameters.get("sort_by", "engagement")
        if key not in {"engagement", "published", "reach", "search_indexed", "trending_score"}:
            raise ValueError("sort_by")
        found = self._selected(request)
        if key != "search_indexed":
            found.sort(key=lambda document: document[key])
        if parameters.get("sort_order", "desc") == "desc":
            found.reverse()
        fault = fault_of(request)
        start = first_row(fault, offset)
        page = [{"data": _drifted(document, fault)} for document in found[start : start + hpp]]
        following = f"GET {request.url.path}?offset={offset + hpp}&hpp={hpp}"
        return {"pagination": {"next": following, "total": len(found)}, "result_content": {"data": page}}

    def _histogram(self, request: Request) -> dict[str, Any]:
        parameters = request.query_params
        if parameters.get("interval", "day") != "hour":
            raise ValueError("interval")
        breakdown = parameters.get("breakdown", "")
        if breakdown not in {"", "sourcetype"}:
            raise ValueError("breakdown")
        start, end = _limits(request, "published")
        found = self._selected(request)
        start = max(start, min((document["published"] for document in found), default=end))
        names = sorted({kinds[0] for kinds, _, _ in SOURCES.values()}) if breakdown else ["published"]
        counts = Counter((d["published"] // HOUR, d["source_type"][0] if breakdown else "published") for d in found)
        hours = range(start // HOUR, -(-end // HOUR))
        data = [{"t": hour * HOUR, "v": [counts[hour, name] for name in names]} for hour in hours]
        return {"result_histogram": {"header": {"v": names}, "data": data}}


def routes(seed: int, today: Callable[[], date]) -> list[Route]:
    """Return what the project answers."""
    return Project(seed, today).routes()


def _now(today: date) -> int:
    """Return the instant up to which a day is served, in milliseconds."""
    end = datetime.combine(today + timedelta(days=1), time(), PARIS)
    return _milliseconds(min(end, clock.now()))


def _limits(request: Request, field: str) -> tuple[int, int]:
    """Return the window of `field:>a AND field:<b` in the query, from the first to after the last."""
    query = request.query_params.get("q", "")
    after = re.search(rf"\b{field}:>(\d+)", query)
    before = re.search(rf"\b{field}:<(\d+)", query)
    return (int(after[1]) + 1 if after else 0), (int(before[1]) if before else 1 << 62)


def _drifted(document: Document, fault: str) -> Document:
    return drifted(
        document,
        fault,
        renamed={"published": "published_at"},
        flipped={"published": "hier"},
        nested={"lang": "code"},
        edited={"content": "Texte corrigé"},
        added="nouveau_champ",
    )


def _envelope(request: Request, content: dict[str, Any]) -> Response:
    said = {"status_code": "0", "status_message": "OK", "request": f"GET {request.url.path}?{request.url.query}"}
    return JSONResponse({**said, "request_id": "#sandbox#", **content})


def _error(status: int, code: str, message: str) -> Response:
    body = {"status_code": code, "status_message": message, "request": "GET", "request_id": "#sandbox#"}
    return JSONResponse(body, status)


_REFUSALS: dict[str, tuple[int, str, str]] = {
    "unauthorized": (401, "7", "Invalid, missing or inactive access token"),
    "quota": (401, "8", "Call limit exceeded for this endpoint"),
    "credits": (401, "9", "No credits left"),
    "forbidden": (403, "29", "Access to this project is forbidden"),
    "server_error": (500, "1", "Internal Server Error"),
    "streams": (429, "30", "Limit of maximum concurrent streams reached"),
}


def _refusal(name: str) -> Response:
    return _error(*_REFUSALS[name])


def refuse(fault: str) -> Response | None:
    """Return Talkwalker's own answer to a fault; the limit of calls is answered with status 401."""
    return _refusal(fault) if fault in _REFUSALS else None
