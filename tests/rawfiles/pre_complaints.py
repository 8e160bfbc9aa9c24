"""Pré-plainte en ligne: the log of declarations, CSV with header.

stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale
41873,2024-03-14 21:07:00,2024-03-14 21:19:31,06,1,0
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from tests.geography import DIRTY_CODES
from tests.rawfiles.deliveries import FUTURE, Desk, Row, Table, csv_text, some_time

PLATFORM = "pre_plainte"
HEADER = (
    "stats_id", "stats_debut_declaration", "stats_fin_declaration", "stats_dpt_unite", "stats_pers_physique",
    "stats_pers_morale",
)  # fmt: skip
PARIS = ZoneInfo("Europe/Paris")
A_DAY = 86_400

#: Both flags as a file holds them, and the person that they mean.
PERSONS = {
    ("1", "0"): "physique", ("0", "1"): "morale", ("1", "1"): "inconnu", ("0", "0"): "inconnu", ("", ""): "inconnu",
    ("true", "false"): "physique", ("oui", "non"): "physique",
}  # fmt: skip

BAD = (
    ("b1", "2024-02-31 10:00:00", "", "33", "1", "0"),
    ("b2", "2024-03-12 25:10:00", "", "33", "1", "0"),
    ("b3", "0000-00-00 00:00:00", "", "33", "1", "0"),
    ("b4", "2024-03-12", "", "33", "1", "0"),
    ("b5", f"{FUTURE} 10:00:00", "", "33", "1", "0"),
    ("b6", "2024-03-12 10:00:00", "2024-03-12 10:09:00", "33", "peut-être", "0"),
    ("b7", "2024-03-12 10:00:00", "0000-00-00 00:00:00", "33", "1", "0"),
    ("b8", "2024-03-12 10:00:00"),
    ("", "2024-03-12 10:00:00", "2024-03-12 10:09:00", "33", "1", "0"),
)

#: Declarations around the changes of clocks, and durations at the edge of what is possible.
EDGES = (
    ("2024-03-31 01:50:00", "2024-03-31 03:10:00"),  # 20 minutes
    ("2024-10-27 02:50:00", "2024-10-27 03:10:00"),  # 80 minutes: the first of the two hours
    ("2025-06-01 10:00:00", "2025-06-01 10:00:00"),
    ("2025-06-01 10:00:00", "2025-06-02 10:00:00"),  # a day, which is possible
    ("2025-06-01 10:00:00", "2025-06-02 10:00:01"),
    ("2025-06-01 10:00:00", "2025-06-01 09:59:59"),
)


def deliver(desk: Desk) -> None:
    """Write a log per year, that of 2024 with corrections further down and bad rows, and corrections across files."""
    random = desk.random(PLATFORM)
    logs: dict[int, list[Row]] = {2023: [], 2024: [], 2025: []}
    for number in range(desk.size.declarations):
        row = _declaration(random, str(10_000 + number), some_time(random))
        logs[row["begun"].year].append(row)
    for number, edge in enumerate(EDGES):
        begun, sent = map(datetime.fromisoformat, edge)
        row = {"id": f"edge{number}", "begun": begun, "sent": sent, "code": "33", "flags": ("1", "0")}
        logs[begun.year].append(row)
    # Corrected further down in the same file: the first row of the key is wrong in all that may be corrected.
    corrected = [
        row | {"code": "99", "sent": None, "flags": ("0", "1")} for row in logs[2024][:: max(len(logs[2024]) // 20, 1)]
    ]
    logs[2024][:0] = corrected

    table = Table()
    for year, log in logs.items():
        bad = BAD if year == 2024 else ()
        text = csv_text([*map(_line, log), *bad], ";" if year == 2025 else ",", HEADER)
        table.take(desk.file(PLATFORM, f"logs_{year}.csv", text.encode(), len(bad)), _keyed(log))
    # The next delivery repeats December of 2024 as it is, and corrects a part of June.
    december = [row for row in logs[2024] if row["begun"].month == 12 and row not in corrected]
    june = [_declaration(random, row["id"], row["begun"]) for row in logs[2024] if row["begun"].month == 6][::3]
    text = csv_text(map(_line, [*december, *june]), ",", HEADER)
    table.take(desk.file(PLATFORM, "logs_corrections.csv", text.encode()), _keyed([*december, *june]))
    # The whole log of 2024 once more: what June was corrected to is lost, since no date says which value is newer.
    text = csv_text([*map(_line, logs[2024]), *BAD], ",", HEADER)
    file = desk.file(PLATFORM, "logs_2024_again.csv", text.encode(), len(BAD))
    table.take(file, _keyed(logs[2024]))
    file.reverted = file.updated
    for row in table.rows.values():
        _count(desk, row)


def _declaration(random: Random, name: str, begun: datetime) -> Row:
    seconds = random.choice((None, random.randrange(120, 2400), random.randrange(60, 900), random.randrange(60, 900)))
    if random.randrange(100) == 0:
        seconds = random.choice((-3600, 3 * A_DAY))  # impossible
    return {
        "id": name,
        "begun": begun,
        "sent": None if seconds is None else begun + timedelta(seconds=seconds),
        "code": random.choice([*DIRTY_CODES, *("13", "33", "35", "59", "69", "77")] * 2),
        "flags": random.choice([*PERSONS, ("1", "0"), ("1", "0"), ("1", "0")]),
    }


def _keyed(log: list[Row]) -> Iterator[tuple[str, Row]]:
    """Yield rows in one spelling: `6` and `06`, `oui` and `1` say the same."""
    flags = {"true": "1", "oui": "1", "false": "0", "non": "0"}
    for row in log:
        code = row["code"].removesuffix(".0").upper()
        said = tuple(flags.get(flag, flag) for flag in row["flags"])
        yield row["id"], row | {"code": code.zfill(2) if code else "", "flags": said}


def _line(row: Row) -> tuple[str, ...]:
    return (row["id"], str(row["begun"]), str(row["sent"] or ""), row["code"], *row["flags"])


def _instant(local: datetime) -> datetime:
    return local.replace(tzinfo=PARIS).astimezone(UTC)


def _count(desk: Desk, row: Row) -> None:
    day, place = row["begun"].date(), DIRTY_CODES.get(row["code"]) or f"FR-{row['code']}"
    person = PERSONS[row["flags"]]
    outcome = "abandonnée" if row["sent"] is None else "envoyée"
    desk.figures.add("pre_complaints", day, place, parts={"person_type": person, "outcome": outcome})
    if row["sent"] is not None:
        seconds = round((_instant(row["sent"]) - _instant(row["begun"])).total_seconds())
        if 0 <= seconds <= A_DAY:
            desk.figures.add("pre_complaint_duration_median", day, place, seconds, parts={"person_type": person})
