"""Partoo: listings, reviews and presence, as an extraction tool leaves the records of the API, and as CSV.

{"id": 812, "business_id": "5f…", "partner": "google_my_business", "date": "2024-03-14T20:07:00+00:00", …}
"""

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from tests.geography import DIRTY_POSTAL_CODES, NATION
from tests.rawfiles.deliveries import FIRST_DAY, MONTHS, Desk, Row, Table, csv_text, json_lines, some_time

PLATFORM = "partoo"
PARIS = ZoneInfo("Europe/Paris")
ACTIONS = {"actions_website": "site", "actions_phone": "appel", "actions_driving_directions": "itinéraire"}
VIEWS = ("views_maps", "views_search")
PUBLISHERS = ("google_my_business", "facebook", "apple")
#: Columns of the reviews in CSV.
COLUMNS = (
    "id", "business_id", "org_id", "partner", "date", "update_date", "delete_date", "rating", "recommended", "content",
    "state", "answered_at", "comments_count",
)  # fmt: skip


def deliver(desk: Desk) -> None:
    """Write listings, reviews with late changes and an older export loaded last, presence, and states of listings."""
    random = desk.random(PLATFORM)
    listings = {f"{number:024x}": code for number, code in _listings(desk)}
    businesses = Table(modified=lambda row: row["modified"])
    records = [
        {
            "id": name,
            "name": f"Brigade {rank}",
            "status": "open",
            "zipcode": code,
            "country": "FR",
            "modified": 1_700_000_000,
        }
        for rank, (name, code) in enumerate(listings.items())
    ]
    businesses.take(
        desk.file(PLATFORM, "businesses.jsonl", json_lines(records)), ((record["id"], record) for record in records)
    )

    reviews = [_review(random, number, list(listings)) for number in range(1, desk.size.reviews + 1)]
    first = [row for row in reviews if row["at"].year < 2025]
    changed = [_changed(random, row) for row in first if row["at"].year == 2024][::3]
    rest = [row for row in reviews if row["at"].year == 2025]
    known = Table(modified=lambda row: row["updated"])
    for name, rows in (
        ("reviews_2023_2024.jsonl", first),
        ("reviews_2025.jsonl", [*rest, *changed]),
        ("reviews_2024_older.jsonl", [row for row in first if row["at"].year == 2024]),  # reverts nothing
    ):
        file = desk.file(PLATFORM, name, json_lines(map(_record, rows)))
        known.take(file, ((row["id"], row) for row in rows))
    facebook = [_recommendation(random, 1_000_000 + number, list(listings)) for number in range(desk.size.reviews // 5)]
    text = csv_text(([_record(row).get(name) for name in COLUMNS] for row in facebook), ",", COLUMNS)
    known.take(desk.file(PLATFORM, "reviews_facebook.csv", text.encode()), ((row["id"], row) for row in facebook))
    for row in known.rows.values():
        _count(desk, row, DIRTY_POSTAL_CODES[listings[row["business"]]])
    _presence(desk, random, listings)
    _states(desk, random)


def _listings(desk: Desk) -> list[tuple[int, str]]:
    codes = list(DIRTY_POSTAL_CODES)
    return [(0xABC000 + number, codes[number % len(codes)]) for number in range(desk.size.listings)]


def _review(random: Random, number: int, listings: list[str]) -> Row:
    at = some_time(random)
    answered = random.choice((None, at + timedelta(days=random.randrange(1, 30))))
    return {
        "id": number,
        "business": random.choice(listings),
        "partner": "google_my_business",
        "at": at,
        "updated": answered or at,
        "deleted": at + timedelta(days=40) if random.randrange(30) == 0 else None,
        "rating": random.choice((1, 2, 3, 4, 5, 5, None)),
        "recommended": None,
        "answered": answered,
    }


def _recommendation(random: Random, number: int, listings: list[str]) -> Row:
    row = _review(random, number, listings)
    return row | {"partner": "facebook", "rating": None, "deleted": None, "recommended": random.choice((True, False))}


def _changed(random: Random, row: Row) -> Row:
    """Return a review that its author changed, and that was answered, two months later."""
    later = row["updated"] + timedelta(days=60)
    return row | {"updated": later, "answered": row["answered"] or later, "rating": random.choice((1, 3, 5))}


def _record(row: Row) -> Row:
    state = "deleted" if row["deleted"] else "treated" if row["answered"] else "not_treated"
    comments = [{"date": _time(row["answered"]), "content": "Merci"}] if row["answered"] else []
    return {
        "id": row["id"],
        "org_id": 7,
        "business_id": row["business"],
        "partner": row["partner"],
        "author_name": "Une personne",
        "date": _time(row["at"]),
        "update_date": _time(row["updated"]),
        "delete_date": _time(row["deleted"]),
        "rating": row["rating"],
        "recommended": row["recommended"],
        "content": "Bon accueil, attente courte",
        "state": state,
        "comments": comments,
        "comments_count": len(comments),
        "answered_at": _time(row["answered"]),
    }


def _time(moment: datetime | None) -> str | None:
    return moment and f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def _count(desk: Desk, row: Row, place: str) -> None:
    day = row["at"].replace(tzinfo=UTC).astimezone(PARIS).date()
    part = {"platform": PLATFORM}
    if row["deleted"]:
        return
    if row["recommended"] is not None:
        desk.figures.add("feedback_index", day, place, 10 * int(row["recommended"]), 1, parts=part)
        return
    desk.figures.add("google_answer_rate", day, place, int(row["answered"] is not None), 1)
    if row["rating"] is not None:
        desk.figures.add("google_rating", day, place, row["rating"], 1)
        desk.figures.add("negative_reviews_share", day, place, int(row["rating"] <= 2), 1, parts=part)
        desk.figures.add("feedback_index", day, place, Fraction(5 * (row["rating"] - 1), 2), 1, parts=part)


def _presence(desk: Desk, random: Random, listings: dict[str, str]) -> None:
    """Write presence as the API gives it, one object per listing and day, its metrics side by side."""
    table, day = Table(), FIRST_DAY
    for year, name in ((2023, "presence_2023.json"), (2024, "presence_2024.jsonl"), (2025, "presence_2025.jsonl")):
        records = []
        while day.year == year:
            for business in list(listings)[:30]:
                metrics = {metric: random.randrange(9) for metric in (*ACTIONS, *VIEWS)}
                records.append({"business_id": business, "date": str(day), "bucket": "day", **metrics})
            day += timedelta(days=19)
        data = json.dumps(records).encode() if name.endswith(".json") else json_lines(records)
        table.take(
            desk.file(PLATFORM, name, data),
            (
                ((record["business_id"], record["date"], metric), {"value": record[metric]})
                for record in records
                for metric in (*ACTIONS, *VIEWS)
            ),
        )
    for (business, written, metric), row in table.rows.items():
        if metric in ACTIONS:
            place = DIRTY_POSTAL_CODES[listings[business]]
            part = {"listing_action": ACTIONS[metric]}
            desk.figures.add("listing_actions", date.fromisoformat(written), place, row["value"], parts=part)


def _states(desk: Desk, random: Random) -> None:
    """Write how many listings each directory shows as they were entered, read once a month."""
    records = [
        {"read_on": str(month), "publisher": publisher, "state": state, "count": random.randrange(1, 50)}
        for month in MONTHS
        for publisher in PUBLISHERS
        for state in ("success", "pending", "to_configure")
    ]
    file = desk.file(PLATFORM, "publisher_states.jsonl", json_lines(records))
    Table().take(file, (((r["read_on"], r["publisher"], r["state"]), r) for r in records))
    for record in records:
        count, part = record["count"], {"publisher": record["publisher"]}
        shown = count if record["state"] == "success" else 0
        desk.figures.add("listing_sync_share", date.fromisoformat(record["read_on"]), NATION, shown, count, parts=part)
