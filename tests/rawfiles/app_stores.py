"""Google Play and App Store: reviews of Ma Sécurité, in the words of each store.

{"store": "play", "app_id": "fr.gouv.interieur.masecurite", "reviewId": "gp-1", "lastModified": 1710446864, …}
store,app_id,id,updated,im:rating,title,content,im:version
"""

from datetime import UTC, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from tests.geography import UNKNOWN
from tests.rawfiles.deliveries import Desk, Row, Table, csv_text, json_lines, some_time

PLATFORM = "app_stores"
PARIS = ZoneInfo("Europe/Paris")
PLAY, APP_STORE = "fr.gouv.interieur.masecurite", "1606080425"


def deliver(desk: Desk) -> None:
    """Write the reviews of both stores; some of Google Play are changed later, and an older export is loaded last."""
    random = desk.random(PLATFORM)
    table = Table(modified=lambda row: row["at"])
    each = desk.size.reviews // 2
    play = [_review(random, "play", f"gp-{number}") for number in range(each)]
    changed = [row | {"at": row["at"] + timedelta(days=3), "stars": 6 - row["stars"]} for row in play[::10]]
    changed = [row for row in changed if row["at"].year < 2026]
    apple = [_review(random, "app_store", str(9_000_000 + number)) for number in range(each)]
    for name, rows in (("play.jsonl", play), ("play_changes.jsonl", changed), ("play_older.jsonl", play[::5])):
        file = desk.file(PLATFORM, name, json_lines(map(_of_play, rows)))
        table.take(file, ((row["id"], row) for row in rows))
    header = ("store", "app_id", "id", "updated", "im:rating", "title", "content", "im:version")
    bad = [["app_store", APP_STORE, "bad", "2024-03-14T10:00:00-07:00", stars, "", "", ""] for stars in ("0", "6", "")]
    text = csv_text([*map(_of_app_store, apple), *bad], ",", header)
    table.take(desk.file(PLATFORM, "app_store.csv", text.encode(), len(bad)), ((row["id"], row) for row in apple))
    for row in table.rows.values():
        day = row["at"].replace(tzinfo=UTC).astimezone(PARIS).date()
        part = {"platform": PLATFORM}
        desk.figures.add("app_rating", day, UNKNOWN, row["stars"], 1, parts={"store": row["store"]})
        desk.figures.add("negative_reviews_share", day, UNKNOWN, int(row["stars"] <= 2), 1, parts=part)
        desk.figures.add("feedback_index", day, UNKNOWN, Fraction(5 * (row["stars"] - 1), 2), 1, parts=part)


def _review(random: Random, store: str, name: str) -> Row:
    return {"store": store, "id": name, "at": some_time(random), "stars": random.randrange(1, 6)}


def _of_play(row: Row) -> Row:
    return {
        "store": "play",
        "app_id": PLAY,
        "reviewId": row["id"],
        "authorName": "Une personne",
        "lastModified": int(row["at"].replace(tzinfo=UTC).timestamp()),
        "starRating": row["stars"],
        "text": "Pratique",
        "reviewerLanguage": "fr",
        "appVersionName": "2.1",
        "thumbsUpCount": 0,
    }


def _of_app_store(row: Row) -> list[str]:
    """Return a line whose time has the offset of the store, seven hours behind UTC."""
    local = row["at"] - timedelta(hours=7)
    return ["app_store", APP_STORE, row["id"], f"{local.isoformat()}-07:00", row["stars"], "Bien", "Utile", "2.1"]
