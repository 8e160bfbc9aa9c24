"""The KPIs a second time, in pandas, from what the sandbox's platforms show and invented verdicts, without SQL.

Written from the definitions in `meta.kpi` alone: `RECOMPUTED` says which observations each KPI has and how they add up,
and `cells` brings them to periods, places and breakdowns. What is compared belongs to `test_recomputation`.
"""

import asyncio
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import httpx
import pandas as pd

from sandbox import (
    app_stores,
    audience,
    brigade_numerique,
    cybermalveillance,
    experiences,
    jdma,
    partoo,
    perceval,
    pre_plainte,
    prevention_actions,
    services_publics_plus,
    social_accounts,
)
from sandbox.app import build_app
from sandbox.events import START
from sandbox.listening import mentions_of
from warehouse.dbt_project import PROJECT_DIR

SEED = 17
#: The day up to which the platforms tell, and the months that they have told: March changes to summer time, of April
#: Google Play shows its one week, and the monthly drops have not come.
NOW = date(2025, 4, 10)
MONTHS = tuple(date(2025, month, 1) for month in (1, 2, 3, 4))
#: What is compared. Some breakdowns of victims begin at the quarter.
PERIODS = (("month", date(2025, 2, 1)), ("month", date(2025, 3, 1)), ("month", date(2025, 4, 1)), ("quarter", START))

PARIS = "Europe/Paris"

#: Period type and start, level, territory, dimension, value.
Cell = tuple[str, date, str, str, str, str]
Frames = dict[str, pd.DataFrame]


def period_of(period_type: str, day: date) -> date:
    return date(day.year, 3 * ((day.month - 1) // 3) + 1 if period_type == "quarter" else day.month, 1)


def rounded(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


# ---- places


@cache
def seed(name: str) -> pd.DataFrame:
    return pd.read_csv(PROJECT_DIR / "seeds" / f"{name}.csv", dtype=str, keep_default_na=False)


@cache
def levels() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return, per place, the levels that it counts on: a region is a place too, where nothing finer is known."""
    found = {"XX": (("abroad", "XX"),), "ZZ": (("unknown", "ZZ"),)}
    for place in seed("territories").itertuples():
        region = (("region", place.region_code),) if place.region_code else ()
        found[place.territory_code] = (
            ("departement", place.territory_code),
            ("gendarmerie_region", place.gendarmerie_region_code),
            *region,
        )
    for region in seed("regions").itertuples():
        found[region.region_code] = (
            ("region", region.region_code),
            ("gendarmerie_region", region.gendarmerie_region_code),
        )
    return {place: (("nation", "FR"), *of_place) for place, of_place in found.items()}


@cache
def populations() -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for place in seed("territories").itertuples():
        for level in levels()[place.territory_code]:
            found[level] = found.get(level, 0) + int(place.population)
    return found


@cache
def departements() -> dict[str, str]:
    of_cog = dict(seed("territories")[["departement_code", "territory_code"]].to_numpy())
    return of_cog | {"75C": "FR-75C", "69M": "FR-69", "69D": "FR-69", "99": "XX"}


def of_departement(code: Any) -> str:
    return departements().get(code.zfill(2), "ZZ") if isinstance(code, str) else "ZZ"


@cache
def postal_codes() -> dict[str, str]:
    return {code: of_departement(departement) for code, departement in seed("postal_codes").to_numpy()}


def of_postal_code(code: Any) -> str:
    return postal_codes().get(code.zfill(5), "ZZ") if isinstance(code, str) else "ZZ"


# ---- how observations become values


def total(group: pd.DataFrame) -> Fraction:
    return Fraction(sum(map(Fraction, group["n"])))


def ratio(scale: int | Fraction = 1) -> Callable[[pd.DataFrame], Fraction | None]:
    def value(group: pd.DataFrame) -> Fraction | None:
        whole = sum(map(Fraction, group["d"]))
        return scale * total(group) / whole if whole else None

    return value


def percentile(share: Fraction) -> Callable[[pd.DataFrame], Fraction]:
    def value(group: pd.DataFrame) -> Fraction:
        ordered = sorted(map(int, group["n"]))
        rank = share * (len(ordered) - 1)
        below = rank.numerator // rank.denominator
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (rank - below) * (ordered[above] - ordered[below])

    return value


def latest(group: pd.DataFrame) -> Fraction:
    return total(group.sort_values("day").groupby("entity").tail(1))


def cells(
    frames: Frames, grain: Mapping[str, Any], value: Callable[[pd.DataFrame], Fraction | None], per: int | None = None
) -> dict[Cell, Decimal | None]:
    """Return the values that a KPI is to have in `PERIODS`, at the levels and breakdowns that it declares.

    Args:
        frames: Per dimension, `total` among them, observations with day, place, n, d and, but for `total`, `value`.
        grain: `meta.kpi.grain`.
        value: From the observations of a cell to its value.
        per: Where it is a rate, the number of inhabitants that it is told for.
    """
    found: dict[Cell, Decimal | None] = {}
    limits = {"total": {}} | {breakdown["dimension"]: breakdown for breakdown in grain["breakdowns"]}
    for dimension, narrower in limits.items():
        limit = {**grain, **narrower}
        frame = frames[dimension].assign(**({"value": "total"} if dimension == "total" else {}))
        frame = frame.assign(at=frame["place"].map(levels())).explode("at")
        for period_type, start in PERIODS:
            if period_type not in limit["period_types"]:
                continue
            inside = frame[frame["day"].map(lambda day, kind=period_type: period_of(kind, day)) == start]
            for (at, part), group in inside.groupby(["at", "value"]):
                level, code = at
                if level in limit["territory_levels"]:
                    exact = value(group)
                    if per is not None:
                        exact = per * exact / populations()[at]
                    cell = (period_type, start, level, code, dimension, str(part))
                    found[cell] = None if exact is None else rounded(exact)
    return found


def broken_down(frame: pd.DataFrame, *dimensions: str) -> Frames:
    """Return the observations as the whole, and by each of some of their columns."""
    return {"total": frame} | {name: frame.assign(value=frame[name]) for name in dimensions}


def table(rows: Iterator[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def dropped(module: Any) -> Iterator[bytes]:
    return (content for _, content in module.drops(SEED, NOW))


def asked(method: str, path: str, **options: Any) -> Any:
    """Return what the sandbox answers, without a server."""

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app=build_app(SEED, lambda: NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.request(method, path, **options)

    return asyncio.run(answer()).raise_for_status().json()


# ---- Services Publics+

#: Of the typologies, those that the Gendarmerie filters on; the API gives no identifier of a structure.
GENDARMERIE = {
    "Brigade de gendarmerie",
    "Région de Gendarmerie",
    "Unité Numérique",
    "Service en ligne Perceval",
    "Pré-plainte en ligne (PPEL)",
    "Gendarmerie Nationale",
}
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")


@cache
def told_experiences() -> pd.DataFrame:
    rows = [services_publics_plus.record(each, NOW) for each in experiences.history(SEED, NOW)]
    frame = pd.DataFrame(rows)
    day = frame["date_de_publication"].map(date.fromisoformat)
    answered_on = frame["date_de_premiere_reponse"].map(
        lambda text: date.fromisoformat(text) if isinstance(text, str) else None
    )
    return frame.assign(
        day=day,
        place=[
            "XX" if country not in (None, "France") else of_postal_code(code)
            for country, code in zip(frame["pays"], frame["code_postal_usager"], strict=True)
        ],
        scope=[
            "gendarmerie" if GENDARMERIE & set(named) else "autres"
            for named in frame[["intitule_typologie_1", "intitule_typologie_2"]].to_numpy()
        ],
        response_days=[(end - start).days if end else None for start, end in zip(day, answered_on, strict=True)],
    )


def experiences_counted() -> Frames:
    return broken_down(told_experiences().assign(n=1), "scope")


def experiences_positive() -> Frames:
    told = told_experiences()
    by_theme = told.melt(id_vars=["day", "place"], value_vars=THEMES, var_name="value", value_name="feeling")
    by_theme = by_theme[by_theme["feeling"].notna()]
    whole = told.assign(n=(told["ressenti_usager"] == "Positif").astype(int), d=1)
    return broken_down(whole, "scope") | {
        "theme": by_theme.assign(n=(by_theme["feeling"] == "Positif").astype(int), d=1)
    }


def experiences_answered() -> Frames:
    told = told_experiences()
    return broken_down(told.assign(n=(told["etat_experience"] == "Traitée").astype(int), d=1), "scope")


def response_times() -> Frames:
    told = told_experiences().assign(n=lambda frame: frame["response_days"])
    return broken_down(told[told["n"] >= 0], "scope")


# ---- Je donne mon avis


@cache
def answers() -> pd.DataFrame:
    return table(
        {
            "review": review.number,
            "day": pd.Timestamp(review.created_at).tz_convert(PARIS).date(),
            "place": "ZZ",
            "service": review.service.title,
            "code": answer["field_code"],
            "text": answer["answer_text"],
            "intention": answer["intention"],
        }
        for review in jdma.history(SEED, NOW)
        for answer in review.shown(NOW)
    )


MARKS = {"very_good": 10, "good": Fraction(15, 2), "medium": 5, "bad": Fraction(5, 2), "very_bad": 0}
SATISFACTION_MARKS = {"good": 10, "medium": 5, "bad": 0}


def marks(code: str, scale: Mapping[str, Any]) -> Frames:
    told = answers()[answers()["code"] == code]
    return broken_down(told.assign(n=told["intention"].map(scale), d=1), "service")


def reached() -> Frames:
    told = answers()[answers()["code"] == "contact_reached"]
    return broken_down(told.assign(n=(told["text"] == "Oui").astype(int), d=1), "service")


def autonomous() -> Frames:
    told = answers()[answers()["code"] == "contact_tried"]
    told = told.assign(n=(told["text"] == "Je n'ai pas eu besoin d'aide").astype(int), d=1)
    return broken_down(
        told.groupby(["review", "day", "place", "service"], as_index=False).max(numeric_only=True), "service"
    )


# ---- Partoo


@cache
def listing_places() -> dict[str, str]:
    return {listing["id"]: of_postal_code(listing["zipcode"]) for listing in partoo.listings()}


@cache
def unit_reviews() -> pd.DataFrame:
    frame = pd.DataFrame(partoo.reviews(SEED, NOW))
    frame = frame[frame["delete_date"].isna()]
    return frame.assign(
        day=pd.to_datetime(frame["date"], utc=True, format="ISO8601").dt.tz_convert(PARIS).dt.date,
        place=frame["business_id"].map(listing_places()),
        stars=frame["rating"],
        platform="partoo",
    )


def google() -> pd.DataFrame:
    return unit_reviews()[unit_reviews()["partner"] == "google_my_business"]


def google_stars() -> Frames:
    rated = google()[google()["stars"].notna()]
    return broken_down(rated.assign(n=rated["stars"], d=1))


def google_answered() -> Frames:
    return broken_down(google().assign(n=google()["comments"].map(lambda comments: int(bool(comments))), d=1))


def listing_actions() -> Frames:
    names = {"actions_phone": "appel", "actions_driving_directions": "itinéraire", "actions_website": "site"}
    last = NOW - timedelta(days=1)
    frame = table(
        {"day": day, "place": of_departement(place.code), "listing_action": names[metric], "n": count}
        for rank, (_, place) in enumerate(partoo.counted())
        for day in (START + timedelta(days=offset) for offset in range((last - START).days + 1))
        for metric, count in partoo.presence(SEED, rank, day, NOW).items()
        if metric in names
    )
    return broken_down(frame, "listing_action")


def shares_in_order() -> dict[str, Decimal]:
    """Return the share of the listings that are in order, in all (`total`) and at each publisher."""
    told = asked("GET", "/partoo/v2/publisher_states/business_info", headers={"x-APIKey": "a-key"})
    counts = pd.DataFrame({name: {state: of["count"] for state, of in states.items()} for name, states in told.items()})
    counts["total"] = counts.sum(axis=1)
    return {name: rounded(Fraction(int(of["success"]), int(of.sum()))) for name, of in counts.items()}


# ---- app stores


@cache
def app_reviews() -> pd.DataFrame:
    play = (
        {
            "store": "play",
            "at": pd.Timestamp(int(said["lastModified"]["seconds"]), unit="s", tz="UTC"),
            "stars": said["starRating"],
        }
        for review in app_stores.play_reviews(SEED, NOW)
        for said in (review["comments"][0]["userComment"],)
    )
    apple = (
        {
            "store": "app_store",
            "at": pd.Timestamp(entry["updated"]["label"]).tz_convert("UTC"),
            "stars": int(entry["im:rating"]["label"]),
        }
        for entry in app_stores.app_store_reviews(SEED, NOW)
    )
    frame = pd.DataFrame([*play, *apple])
    return frame.assign(day=frame["at"].dt.tz_convert(PARIS).dt.date, place="ZZ", platform="app_stores")


def app_stars() -> Frames:
    return broken_down(app_reviews().assign(n=app_reviews()["stars"], d=1), "store")


def negative_reviews() -> Frames:
    rated = pd.concat([google()[google()["stars"].notna()], app_reviews()])
    return broken_down(rated.assign(n=(rated["stars"] <= 2).astype(int), d=1), "platform")


def feedback() -> Frames:
    """Return all that citizens felt, brought to ten: the worst answer is 0, the best 10, the others evenly between."""
    feelings = told_experiences()[told_experiences()["scope"] == "gendarmerie"]
    satisfied = answers()[answers()["code"] == "satisfaction"]
    units = unit_reviews()
    on_google, on_facebook = units[units["stars"].notna()], units[units["recommended"].notna()]
    scored = [
        feelings.assign(
            n=feelings["ressenti_usager"].map({"Positif": 10, "Neutre": 5, "Négatif": 0}),
            platform="services_publics_plus",
        ),
        satisfied.assign(n=satisfied["intention"].map(SATISFACTION_MARKS), platform="jdma"),
        on_google.assign(n=on_google["stars"].map(lambda stars: Fraction(5, 2) * (int(stars) - 1))),
        on_facebook.assign(n=on_facebook["recommended"].map({True: 10, False: 0})),
        app_reviews().assign(n=app_reviews()["stars"].map(lambda stars: Fraction(5, 2) * (stars - 1))),
    ]
    columns = ["day", "place", "platform", "n"]
    return broken_down(pd.concat([part[columns] for part in scored]).assign(d=1), "platform")


# ---- audience

PIANO = {"gendarmerie.interieur.gouv.fr": audience.GENDARMERIE, "service-public.fr": audience.SERVICE_PUBLIC}
MATOMO = "masecurite.interieur.gouv.fr"
SOURCES = {
    "Search engines": "moteurs de recherche",
    "Direct traffic": "accès direct",
    "Direct Entry": "accès direct",
    "Social media": "réseaux sociaux",
    "Referrer sites": "sites référents",
    "Portal sites": "portails",
    "Webmails": "messageries",
    "N/A": "non précisé",
    "Unknown": "non précisé",
}
DEVICES = {
    "Mobile Phone": "mobile",
    "Smartphone": "mobile",
    "Desktop": "ordinateur",
    "Tablet": "tablette",
    "TV": "télévision",
    "N/A": "non précisé",
}
#: The table of the stand-in, the property that tells the part, and Matomo's method for the same.
MONTHLY = {
    "traffic_source": ("sources", "src", "Referrers.getReferrerType", SOURCES),
    "device": ("devices", "device_type", "DevicesDetection.getType", DEVICES),
}


def matomo(method: str, **question: str) -> Any:
    form = {"module": "API", "method": method, "idSite": "1", "format": "JSON", "token_auth": "a-token"}
    return asked("POST", "/audience/matomo/index.php", data={**form, "filter_limit": "-1", **question})


def last_day(month: date) -> date:
    return min(NOW, (month + timedelta(days=31)).replace(day=1) - timedelta(days=1))


@cache
def hourly_visits() -> pd.DataFrame:
    piano = (
        {
            "day": date.fromisoformat(row["date"]),
            "site": site,
            "sub_site": "non précisé" if row["site_level2"] == "N/A" else row["site_level2"],
            "visits": row["m_visits"],
            "bounces": row["m_bounces"],
        }
        for site, number in PIANO.items()
        for month in MONTHS
        for row in audience.piano_rows(SEED, number, "hours", month, last_day(month))
    )
    days = matomo("VisitTime.getVisitInformationPerServerTime", period="day", date=f"{START},{NOW}")
    own = (
        {
            "day": date.fromisoformat(day),
            "site": MATOMO,
            "sub_site": "non précisé",
            "visits": row["nb_visits"],
            "bounces": row["bounce_count"],
        }
        for day, rows in days.items()
        for row in rows
        if row["nb_visits"]
    )
    return pd.DataFrame([*piano, *own]).assign(place="ZZ")


@cache
def monthly_visits(dimension: str) -> pd.DataFrame:
    name, told_as, method, words = MONTHLY[dimension]
    piano = (
        {
            "day": month,
            "site": site,
            "value": words[row[told_as]],
            "visits": row["m_visits"],
            "bounces": row["m_bounces"],
            "visitors": row["m_unique_visitors"],
        }
        for site, number in PIANO.items()
        for month in MONTHS
        for row in audience.piano_rows(SEED, number, name, month, last_day(month))
    )
    own = (
        {
            "day": month,
            "site": MATOMO,
            "value": words[row["label"]],
            "visits": row["nb_visits"],
            "bounces": row["bounce_count"],
        }
        for month in MONTHS
        for row in matomo(method, period="month", date=month.isoformat())
    )
    return pd.DataFrame([*piano, *own]).assign(place="ZZ")


def audience_frames(count: Callable[[pd.DataFrame], pd.DataFrame]) -> Frames:
    return broken_down(count(hourly_visits()), "site", "sub_site") | {
        dimension: count(monthly_visits(dimension)) for dimension in MONTHLY
    }


def visitors() -> Frames:
    told = monthly_visits("device")
    told = told[told["visitors"].notna()].rename(columns={"value": "device"})
    return broken_down(told.assign(n=told["visitors"].astype(int)), "site", "device")


def regional_visits() -> Frames:
    regions = {name: code for code, name in seed("regions")[["region_code", "region_name"]].to_numpy()}

    def place(country: str, region: str | None) -> str:
        if country in ("N/A", "Unknown"):
            return "ZZ"
        return regions.get(region or "", "ZZ") if country == "France" else "XX"

    piano = (
        {
            "day": month,
            "site": site,
            "place": place(row["geo_country"], row["geo_region"]),
            "n": row["m_visits"],
        }
        for site, number in PIANO.items()
        for month in MONTHS
        for row in audience.piano_rows(SEED, number, "places", month, last_day(month))
    )
    own = (
        {
            "day": month,
            "site": MATOMO,
            "place": place(row["country_name"], row["region_name"]),
            "n": row["nb_visits"],
        }
        for month in MONTHS
        for row in matomo("UserCountry.getCity", period="month", date=month.isoformat())
    )
    return broken_down(pd.DataFrame([*piano, *own]), "site")


# ---- accounts


@cache
def readings() -> pd.DataFrame:
    frame = pd.concat(pd.read_csv(io.BytesIO(content), encoding="utf-8-sig") for content in dropped(social_accounts))
    departement = frame["account"].str.extract(r"^Gendarmerie_(\w+)$")[0]
    return frame.assign(
        day=frame["day"].map(date.fromisoformat),
        entity=frame["network"] + "/" + frame["account"],
        account_scope=departement.isna().map({True: "national", False: "local"}),
        place=[of_departement(code) if isinstance(code, str) else "ZZ" for code in departement],
    )


def followers() -> Frames:
    return broken_down(readings().assign(n=readings()["followers"]), "network", "account_scope")


def engagements() -> Frames:
    told = readings().assign(n=readings()["engagements"], d=readings()["followers"])
    return broken_down(told, "network", "account_scope")


# ---- pré-plainte


@cache
def declarations() -> pd.DataFrame:
    read = (pd.read_csv(io.BytesIO(content), dtype=str) for content in dropped(pre_plainte))
    frame = pd.concat(read)
    begun, ended = (pd.to_datetime(frame[f"stats_{name}_declaration"], errors="coerce") for name in ("debut", "fin"))
    frame = frame[begun.notna()]  # 31 February is set aside by the load
    instants = (
        moments[begun.notna()].dt.tz_localize(PARIS, nonexistent=pd.Timedelta(hours=1), ambiguous="NaT")
        for moments in (begun, ended)
    )
    start, end = instants
    persons = frame["stats_pers_physique"] + frame["stats_pers_morale"]
    return frame.assign(
        day=start.dt.date,
        place=frame["stats_dpt_unite"].map(of_departement),
        person_type=persons.map({"10": "physique", "01": "morale"}).fillna("inconnu"),
        outcome=end.notna().map({True: "envoyée", False: "abandonnée"}),
        seconds=(end - start).dt.total_seconds(),
    )


def declarations_counted() -> Frames:
    return broken_down(declarations().assign(n=1), "person_type", "outcome")


def declaration_seconds() -> Frames:
    told = declarations()
    return broken_down(told[told["seconds"].between(0, 86_400)].assign(n=lambda frame: frame["seconds"]), "person_type")


# ---- chat

WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@cache
def chats() -> pd.DataFrame:
    names = ("reference", "at", "channel", "parent", "motive", "remark")
    (content,) = dropped(brigade_numerique)  # the one half-year of this history, in cp1252
    frame = pd.read_csv(io.BytesIO(content), sep=";", header=None, names=names, dtype=str, encoding="cp1252")
    frame = frame[(frame["parent"] != "PNAV") & (frame["motive"] != "PNAV")]
    frame = frame.drop_duplicates(["reference", "at", "parent", "motive"])
    at = pd.to_datetime(frame["at"], format="%d/%m/%Y %H:%M")
    at = at.dt.tz_localize(PARIS, nonexistent=pd.Timedelta(hours=1), ambiguous="NaT")
    categories = {"Je m'informe": "demande_info", "Je suis victime": "victime", "Je signale": "signalement"}
    has_no_motive = frame["parent"].isna() & frame["motive"].isna()
    day = at.dt.date
    holidays = set(seed("public_holidays").query("territory_code == 'FR'")["date_day"].map(date.fromisoformat))
    free = day.isin(holidays) | (at.dt.dayofweek >= 5) | (at.dt.hour < 8) | (at.dt.hour >= 19)
    return frame.assign(
        day=day,
        place="ZZ",
        hour=at.dt.strftime("%H h"),
        weekday_hour=at.dt.dayofweek.map(dict(enumerate(WEEKDAYS))) + at.dt.strftime(" %H h"),
        category=frame["parent"].map(categories).mask(has_no_motive, "demande_info").fillna("Non précisé"),
        is_free=free,
    )


def chats_counted() -> Frames:
    return broken_down(chats().assign(n=1), "category", "hour", "weekday_hour")


def chats_out_of_hours() -> Frames:
    return broken_down(chats().assign(n=chats()["is_free"].astype(int), d=1), "category")


# ---- listening

NETWORKS = {
    "SOCIALMEDIA_TWITTER": "x",
    "SOCIALMEDIA_FACEBOOK": "facebook",
    "SOCIALMEDIA_TIKTOK": "tiktok",
    "SOCIALMEDIA_TELEGRAM": "telegram",
    "SOCIALMEDIA_YOUTUBE": "youtube",
    "ONLINENEWS_NEWSPAPER": "press",
    "MESSAGEBOARD_GENERAL": "forum",
    "BLOG_OTHER": "web",
}


@cache
def mentions() -> pd.DataFrame:
    """Return what a first load finds: what Talkwalker found in the thirty days up to its newest mention."""
    day_ms = 86_400_000
    end = pd.Timestamp(NOW + timedelta(days=1), tz=PARIS).value // 1_000_000
    shown = [
        document
        for offset in range(60, -1, -1)
        for document in mentions_of(SEED, NOW - timedelta(days=offset))
        if document["search_indexed"] < end
    ]
    newest = max(document["search_indexed"] for document in shown)
    names = {name: of_departement(code) for code, name in _departement_names()}
    frame = table(
        {
            "url": document["url"],
            "day": pd.Timestamp(document["published"], unit="ms", tz="UTC").tz_convert(PARIS).date(),
            "place": names[document["extra_source_attributes"]["world_data"]["region"]],
            "network": NETWORKS[document["source_type"][-1]],
            "reach": document["reach"],
        }
        for document in shown
        if document["search_indexed"] >= newest - 30 * day_ms
    )
    return frame.drop_duplicates("url")


def _departement_names() -> Iterator[tuple[str, str]]:
    from sandbox.places import departements as places

    return ((place.code, place.name) for place in places())


def mentions_counted() -> Frames:
    return broken_down(mentions().assign(n=1), "network")


def mentions_reach() -> Frames:
    return broken_down(mentions().assign(n=mentions()["reach"]), "network")


# ---- victims

PUBLICS = {
    "particulier": "Particuliers",
    "entreprise_association": "Entreprises et associations",
    "collectivite_administration": "Collectivités et administrations",
}
#: Of the labels of the file, those that the common taxonomy words otherwise than with a capital.
THREATS = {
    "escroquerie à l'annonce / achat en ligne": "Escroquerie à l'achat ou à l'annonce en ligne",
    "fraude au virement / faux RIB": "Fraude au virement ou faux RIB",
    "chantage à la webcam / sextorsion": "Chantage à la webcam",
    "spam (SMS/e-mail/téléphone)": "Messages indésirables",
    "arnaque au colis / infraction (SMS)": "Arnaque au colis ou à l'infraction",
}
HANDOVERS = {
    "Prestataire": "nb_mise_en_relation_prestataire",
    "Tchat": "nb_tchat_fsi",
    "Plainte": "nb_orientation_plainte",
}
AGES = {"00": "Non précisé ou moins de 15 ans", "75+": "75 ans et plus"}


@cache
def cases() -> pd.DataFrame:
    (content,) = dropped(cybermalveillance)  # the first half of a year is a CSV
    frame = pd.read_csv(io.BytesIO(content), sep=";", dtype={"code_departement": str})
    return frame.assign(
        day=frame["date"].map(date.fromisoformat),
        place=frame["code_departement"].map(of_departement),
        victim_type=frame["public"].map(PUBLICS),
        threat=frame["categorie_menace"].map(lambda label: THREATS.get(label, label[0].upper() + label[1:])),
        n=frame["nb_parcours"],
    )


def victims() -> Frames:
    return broken_down(cases(), "victim_type", "threat")


def handed_over() -> Frames:
    told = cases().assign(d=cases()["nb_parcours"])
    parts = [told.assign(value=name, n=told[column]) for name, column in HANDOVERS.items()]
    return {"total": told.assign(n=told[list(HANDOVERS.values())].max(axis=1)), "handover": pd.concat(parts)}


@cache
def card_frauds() -> Mapping[str, dict]:
    (content,) = dropped(perceval)
    return json.loads(content)


def fraud_reports() -> Frames:
    told = card_frauds()
    by_place = table(
        {"day": date.fromisoformat(f"{month}-01"), "place": of_departement(code), "n": count}
        for month, counts in told["dpt_report_month"].items()
        for code, count in counts.items()
    )
    by_age = table(
        {
            "day": date.fromisoformat(f"{month}-01"),
            "place": "ZZ",
            "value": AGES.get(age, age.replace("-", " à ") + " ans"),
            "n": count,
        }
        for month, counts in told["age_categories_month"].items()
        for age, count in counts.items()
    )
    return {"total": by_place, "age_class": by_age}


def fraud_amounts() -> Frames:
    told = card_frauds()
    amounts = told["amount_of_money_day"]
    return broken_down(
        table(
            {
                "day": date.fromisoformat(day),
                "place": "ZZ",
                "n": Fraction(str(amounts.get(day, 0))),
                "d": count,
            }
            for day, count in told["nb_report_day"].items()
        )
    )


# ---- prevention


@cache
def actions() -> pd.DataFrame:
    (content,) = dropped(prevention_actions)
    frame = pd.read_csv(io.BytesIO(content), sep=";", dtype=str, encoding="utf-8-sig")
    frame = frame[(frame["Identifiant"] != "EXEMPLE") & (frame["Public visé"] != "Tout le monde")]
    frame = frame[frame["Type d'action"] != "Évolution de service en ligne"]
    return frame.assign(
        day=pd.to_datetime(frame["Date de début"], format="%d/%m/%Y").dt.date,
        place=frame["Département"].map(of_departement),
        audience=frame["Public visé"],
        channel=frame["Canal"],
        theme=frame["Thème"],
    )


def actions_counted(column: str | None = None) -> Frames:
    told = actions()
    counted = told.assign(n=1 if column is None else told[column].astype(int))
    return broken_down(counted, "audience", "channel", "theme")


#: Complaints by year, as the inspectorate published them (platform-contracts of the earlier barometer).
IGGN_COMPLAINTS = {2015: 1097, 2016: 1119, 2017: 1742, 2018: 1318, 2019: 1444, 2020: 1783, 2021: 2344}


def costs() -> Frames:
    """Euros by people reached: the sandbox's actions all tell both."""
    told = actions().assign(n=actions()["Coût en euros"].astype(int), d=actions()["Personnes touchées"].astype(int))
    return broken_down(told, "channel", "theme")


#: Where invented signals were seen: some départements, one of them overseas; a region, the nation, nowhere.
SEEN_IN = ("FR-33", "FR-971", "FR-2A", "FR-67", "FR-NAQ", "FR", None)
KINDS = ("rumeur", "cyber", None)


@cache
def verdicts() -> pd.DataFrame:
    """Invented verdicts, as the platform writes them down: the sandbox plays no operators.

    Signals open every eleven hours, some of them in the last hours of a month in Paris. One in four was only seen, one
    in six was confirmed first and put aside the day after.
    """
    rows = []
    for number in range(200):
        opened_at = pd.Timestamp("2025-01-15T22:30:00Z") + pd.Timedelta(hours=11) * number
        words = ["vu"]
        if number % 4:
            words.append("confirmé" if number % 3 else "écarté")
        if number % 6 == 1:
            words.append("écarté")
        for day, word in enumerate(words):
            rows.append(
                {
                    "verdict_id": f"v{number}-{day}",
                    "signal_id": f"s{number}",
                    "verdict": word,
                    "author_role": "veille",
                    "note": "Un exercice." if word == "écarté" else None,
                    "decided_at": (opened_at + pd.Timedelta(days=day, hours=1)).isoformat(),
                    "topic_code": "essai",
                    "crisis_kind": KINDS[number % 3],
                    "territory_code": SEEN_IN[number % 7],
                    "severity": 2,
                    "signal_opened_at": opened_at.isoformat(),
                }
            )
    return pd.DataFrame(rows)


def signals_decided() -> Frames:
    """Signals that were confirmed or put aside, by what was said last."""
    decided = verdicts()[verdicts()["verdict"] != "vu"].sort_values("decided_at").groupby("signal_id").tail(1)
    departements = set(seed("territories")["territory_code"])
    told = decided.assign(
        day=pd.to_datetime(decided["signal_opened_at"]).dt.tz_convert(PARIS).dt.date,
        place=decided["territory_code"].where(decided["territory_code"].isin(departements), "ZZ"),
        n=(decided["verdict"] == "confirmé").astype(int),
        d=1,
        crisis_kind=decided["crisis_kind"].fillna("non précisé"),
    )
    return broken_down(told, "crisis_kind")


#: A month of full-time work, in hours.
FULL_TIME = Fraction(1607, 12)


def demands() -> Frames:
    """Pre-complaints and contacts, each one demand; actions, each its hours."""
    columns = ["day", "place", "n", "d"]
    asked = [frame.assign(n=1, d=0)[columns] for frame in (declarations_counted()["total"], chats())]
    hours = actions_counted("Heures")["total"]
    led = hours.assign(d=hours["n"], n=0)[columns]
    return {"total": pd.concat([*asked, led], ignore_index=True)}


#: KPI -> its observations, how they become a value, and the inhabitants that a rate is told for.
RECOMPUTED: dict[str, tuple[Callable[[], Frames], Callable, int | None]] = {
    "experiences": (experiences_counted, total, None),
    "positive_share": (experiences_positive, ratio(), None),
    "answer_rate": (experiences_answered, ratio(), None),
    "response_time_median": (response_times, percentile(Fraction(1, 2)), None),
    "response_time_p75": (response_times, percentile(Fraction(3, 4)), None),
    "response_time_p90": (response_times, percentile(Fraction(9, 10)), None),
    "satisfaction_score": (lambda: marks("satisfaction", SATISFACTION_MARKS), ratio(), None),
    "clarity_score": (lambda: marks("comprehension", MARKS), ratio(), None),
    "help_quality_score": (lambda: marks("contact_satisfaction", MARKS), ratio(), None),
    "reachability_share": (reached, ratio(), None),
    "autonomy_score": (autonomous, ratio(10), None),
    "google_rating": (google_stars, ratio(), None),
    "google_answer_rate": (google_answered, ratio(), None),
    "app_rating": (app_stars, ratio(), None),
    "negative_reviews_share": (negative_reviews, ratio(), None),
    "feedback_index": (feedback, ratio(), None),
    "visits": (lambda: audience_frames(lambda told: told.assign(n=told["visits"])), total, None),
    "bounce_share": (
        lambda: audience_frames(lambda told: told.assign(n=told["bounces"], d=told["visits"])),
        ratio(),
        None,
    ),
    "unique_visitors": (visitors, total, None),
    "regional_visits": (regional_visits, total, None),
    "followers": (followers, latest, None),
    "engagement_rate": (engagements, ratio(), None),
    "listing_actions": (listing_actions, total, None),
    "pre_complaints": (declarations_counted, total, None),
    "pre_complaint_duration_median": (declaration_seconds, percentile(Fraction(1, 2)), None),
    "chat_contacts": (chats_counted, total, None),
    "chat_out_of_hours_share": (chats_out_of_hours, ratio(), None),
    "mentions": (mentions_counted, total, None),
    "reach": (mentions_reach, total, None),
    "victims_assisted": (victims, total, None),
    "victims_per_10k": (victims, total, 10_000),
    "handover_share": (handed_over, ratio(), None),
    "perceval_reports": (fraud_reports, total, None),
    "perceval_amount_eur": (fraud_amounts, total, None),
    "perceval_mean_amount_eur": (fraud_amounts, ratio(), None),
    "prevention_actions": (actions_counted, total, None),
    "prevention_audience": (lambda: actions_counted("Personnes touchées"), total, None),
    "prevention_coverage": (lambda: actions_counted("Personnes touchées"), total, 1),
    "prevention_hours": (lambda: actions_counted("Heures"), total, None),
    "prevention_hours_per_10k": (lambda: actions_counted("Heures"), total, 10_000),
    "cost_per_person_reached": (costs, ratio(), None),
    "demand_per_fte": (demands, ratio(FULL_TIME), None),
    "signal_precision": (signals_decided, ratio(), None),
}
