"""Social listening: an export with the labels of Visibrain as CSV, and neutral records as JSON Lines.

ID;Plateforme;Date de publication;URL;Texte;ID auteur;Abonnés;Impressions;Pays;Département
v-17;X (Twitter);14/03/2024 21:07;https://x.com/a/status/17;Un message;a12;300;900;France;33
"""

from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from tests.geography import ABROAD, UNKNOWN
from tests.rawfiles.deliveries import Desk, Row, Table, csv_text, json_lines, some_time

PLATFORM = "listening"
PARIS = ZoneInfo("Europe/Paris")
NETWORKS = {"X (Twitter)": "x", "Facebook": "facebook", "Presse en ligne": "press", "Blog": "web", "Forum": "forum"}
#: Country and département of the source, and where the mention counts: a country other than France goes first.
PLACES = {
    ("FR", "33"): "FR-33",
    ("FR", "6"): "FR-06",
    ("FR", "2a"): "FR-2A",
    ("FR", "75"): "FR-75C",
    ("FR", "75C"): "FR-75C",
    ("FR", "69M"): "FR-69",
    ("FR", "977"): "FR-BL",
    ("FR", "984"): UNKNOWN,
    ("FR", "97"): UNKNOWN,
    ("FR", ""): UNKNOWN,
    ("", ""): UNKNOWN,
    ("", "59"): "FR-59",
    ("BE", ""): ABROAD,
    ("BE", "97"): ABROAD,
    ("CH", ""): ABROAD,
    ("FR", "99"): ABROAD,
}
COUNTRIES = {"FR": "France", "BE": "Belgique", "CH": "Suisse", "": ""}
HEADER = (
    "ID", "Plateforme", "Date de publication", "URL", "Texte", "ID auteur", "Abonnés", "Partage", "Impressions", "Pays",
    "Département",
)  # fmt: skip


def deliver(desk: Desk) -> None:
    """Write two years as export and one as records, bad lines, and a later export whose reactions have grown."""
    random = desk.random(PLATFORM)
    rows = [_mention(random, number) for number in range(desk.size.mentions)]
    table = Table()
    older = [row for row in rows if row["at"].year < 2025]
    newer = [row for row in rows if row["at"].year == 2025]
    bad = [[*_line(older[0])] for _ in range(3)]
    for line, column, value in zip(bad, (1, 2, 0), ("Minitel", "31/02/2024 10:00", "bad"), strict=True):
        line[0], line[column] = f"bad-{column}", value
    bad[2][2] = "12/03/2024 25:10"
    text = csv_text([*map(_line, older), *bad], ";", HEADER)
    table.take(desk.file(PLATFORM, "visibrain_2023_2024.csv", text.encode(), len(bad)), _keyed(older))
    table.take(desk.file(PLATFORM, "mentions_2025.jsonl", json_lines(map(_record, newer))), _keyed(newer))
    grown = [row | {"reach": (row["reach"] or 0) + 50} for row in older if row["at"].year == 2024][::3]
    text = csv_text(map(_line, grown), ";", HEADER)
    table.take(desk.file(PLATFORM, "visibrain_2024.csv", text.encode()), _keyed(grown))
    for row in table.rows.values():
        day, place, part = row["at"].date(), PLACES[row["source"]], {"network": NETWORKS[row["network"]]}
        desk.figures.add("mentions", day, place, parts=part)
        if row["reach"] is not None:
            desk.figures.add("reach", day, place, row["reach"], parts=part)


def _mention(random: Random, number: int) -> Row:
    return {
        "id": f"v-{number}",
        "network": random.choice(list(NETWORKS)),
        "at": some_time(random),
        "reach": random.choice((None, random.randrange(50_000))),
        "source": random.choice(list(PLACES)),
    }


def _keyed(rows: list[Row]) -> list[tuple[str, Row]]:
    return [(row["id"], row) for row in rows]


def _line(row: Row) -> list:
    country, departement = row["source"]
    return [
        row["id"], row["network"], f"{row['at']:%d/%m/%Y %H:%M}", f"https://exemple.fr/{row['id']}", "Un mot", "a12",
        300, "non", row["reach"], COUNTRIES[country], departement,
    ]  # fmt: skip


def _record(row: Row) -> Row:
    country, departement = row["source"]
    return {
        "mention_id": row["id"],
        "source_platform": NETWORKS[row["network"]],
        "published_at": _utc(row["at"]),
        "url": f"https://exemple.fr/{row['id']}",
        "text": "Un message",
        "author_id": "a12",
        "is_share": False,
        "impressions_potential": row["reach"],
        "topics": ["gendarmerie", "fraude"],
        "country": country or None,
        "department_code": departement or None,
        "vendor": "visibrain",
    }


def _utc(local: datetime) -> str:
    return local.replace(tzinfo=PARIS).astimezone(UTC).isoformat()
