"""Register of prevention actions: the template of the project, filled in by units, as CSV of a French Excel and XLSX.

Identifiant;Titre;…;Département;Commune;Date de début;Date de fin;Personnes touchées;Heures;Coût en euros;…
33-2024-7;Réunion publique;…;33 - Gironde;Arcachon;14/03/2024;;45;2h30;1 250,50 €;
"""

import io
from datetime import date
from decimal import Decimal
from random import Random

import openpyxl

from tests.geography import NATION, UNKNOWN
from tests.rawfiles.deliveries import YEARS, Desk, Row, Table, csv_text, some_day

PLATFORM = "prevention_actions"
HEADER = (
    "Identifiant", "Titre", "Description", "Type d'action", "Thème", "Public visé", "Canal", "Unité", "Département",
    "Commune", "Date de début", "Date de fin", "Personnes touchées", "Heures", "Coût en euros", "Indicateurs visés",
)  # fmt: skip
EXAMPLE = (
    "EXEMPLE", "Les faux colis", "Réunion", "Conférence ou réunion publique", "Hameçonnage", "Seniors", "En présence",
    "Brigade d'Arcachon", "33", "Arcachon", "14/03/2025", "14/03/2025", "45", "6", "120", "positive_share",
)  # fmt: skip
SERVICE_CHANGE = "Évolution de service en ligne"
TYPES = ("Conférence ou réunion publique", "intervention scolaire", "Stand ou forum", SERVICE_CHANGE)
THEMES = ("Hameçonnage", "Rançongiciel", "Cambriolages", "Autre")
AUDIENCES = ("Seniors", "Jeunes", "Grand public")
CHANNELS = ("En présence", "Réseaux sociaux")
#: Départements as gendarmes write them; none means the whole country.
PLACES = {
    "33 - Gironde": "FR-33", "6": "FR-06", "06": "FR-06", "2a": "FR-2A", "75": "FR-75C", "971": "FR-971",
    "977": "FR-BL", "978": "FR-MF", "987": "FR-PF", "69": "FR-69", "": UNKNOWN,
}  # fmt: skip
HOURS = {"2h30": Decimal("2.5"), "2,5": Decimal("2.5"), "6": Decimal(6), "": None}
COSTS = {"1 250,50 €": Decimal("1250.5"), "0": Decimal(0), "120": Decimal(120), "": None}


def deliver(desk: Desk) -> None:
    """Write a register per year, with the example line left in and lines that are refused, and corrections of one."""
    random = desk.random(PLATFORM)
    actions = [_action(random, number) for number in range(desk.size.actions)]
    table = Table()
    for year in YEARS:
        rows = [row for row in actions if row["day"].year == year]
        bad = BAD if year == 2024 else []
        lines = [EXAMPLE, *map(_line, rows), *bad]
        if year == 2025:
            file = desk.file(PLATFORM, f"registre_{year}.xlsx", _workbook(lines), len(bad))
        else:
            text = csv_text(lines, ";", HEADER)
            file = desk.file(PLATFORM, f"registre_{year}.csv", text.encode("cp1252"), len(bad))
        table.take(file, ((row["id"], row) for row in rows))
    later = [row | {"people": (row["people"] or 0) + 11} for row in actions if row["day"].year == 2024][::4]
    file = desk.file(PLATFORM, "registre_2024_corrections.csv", csv_text(map(_line, later), ";", HEADER).encode())
    table.take(file, ((row["id"], row) for row in later))
    for row in table.rows.values():
        _count(desk, row)


def _action(random: Random, number: int) -> Row:
    return {
        "id": f"unite-{number}",
        "type": random.choice(TYPES),
        "theme": random.choice(THEMES),
        "audience": random.choice(AUDIENCES),
        "channel": random.choice(CHANNELS),
        "departement": random.choice(list(PLACES)),
        "day": some_day(random, date(2023, 1, 1), date(2025, 12, 31)),
        "people": random.choice((None, random.randrange(1, 300))),
        "hours": random.choice(list(HOURS)),
        "cost": random.choice(list(COSTS)),
    }


def _line(row: Row) -> tuple[str, ...]:
    people = "" if row["people"] is None else str(row["people"])
    return (
        row["id"], "Réunion publique", "", row["type"], row["theme"], row["audience"], row["channel"], "Brigade",
        row["departement"], "", f"{row['day']:%d/%m/%Y}", "", people, row["hours"], row["cost"], "",
    )  # fmt: skip


#: A day that does not exist, an end before the beginning, a theme of no list, no unit, a département that is none.
BAD = [
    tuple(change.get(label, value) for label, value in zip(HEADER, (f"bad{rank}", *EXAMPLE[1:]), strict=True))
    for rank, change in enumerate(
        (
            {"Date de début": "31/02/2024"},
            {"Date de fin": "01/01/2020"},
            {"Thème": "Jardinage"},
            {"Unité": ""},
            {"Département": "00"},
            {"Heures": "longtemps"},
        )
    )
]


def _workbook(lines: list[tuple[str, ...]]) -> bytes:
    """Return lines as a workbook in which Excel made dates of the days and numbers of the counts."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADER)
    for line in lines:
        day, month, year = map(int, line[10].split("/"))
        cells: list = [*line]
        cells[10] = date(year, month, day)
        cells[12] = int(line[12]) if line[12] else None
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _count(desk: Desk, row: Row) -> None:
    if row["type"] == SERVICE_CHANGE:
        return
    figures, day, place = desk.figures, row["day"], PLACES[row["departement"]]
    of_nation = NATION if place == UNKNOWN else place
    parts = {"theme": row["theme"], "audience": row["audience"], "channel": row["channel"]}
    hours, cost, people = HOURS[row["hours"]], COSTS[row["cost"]], row["people"]
    figures.add("prevention_actions", day, place, parts=parts)
    if people is not None:
        figures.add("prevention_audience", day, place, people, parts=parts)
        figures.add("prevention_coverage", day, of_nation, people)
    if hours is not None:
        figures.add("prevention_hours", day, place, hours, parts=parts)
        figures.add("prevention_hours_per_10k", day, of_nation, hours)
    if people and cost is not None:
        of_action = {"theme": row["theme"], "channel": row["channel"]}
        figures.add("cost_per_person_reached", day, place, cost, people, parts=of_action)
