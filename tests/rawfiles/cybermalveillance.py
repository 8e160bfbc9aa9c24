"""Cybermalveillance.gouv.fr and 17Cyber: counts of cases as CSV, JSON and JSON Lines.

date;public;categorie_menace;code_departement;nb_parcours;nb_mise_en_relation_prestataire;nb_tchat_fsi;…
2024-03-14;particulier;hameçonnage;06;41;3;8;12;conseil;87
"""

import json
from datetime import date
from random import Random

from tests.geography import DIRTY_CODES, NATION
from tests.rawfiles.deliveries import FUTURE, Desk, Row, Table, csv_text, json_lines, some_day

PLATFORM = "cybermalveillance"
COLUMNS = (
    "date", "public", "categorie_menace", "code_departement", "nb_parcours", "nb_mise_en_relation_prestataire",
    "nb_tchat_fsi", "nb_orientation_plainte", "orientation", "satisfaction_pct",
)  # fmt: skip
#: Publics as files spell them, and what readers see.
PUBLICS = {
    "particulier": "Particuliers",
    "Particuliers": "Particuliers",
    "entreprise/association": "Entreprises et associations",
    "collectivité": "Collectivités et administrations",
}
#: Threats as files spell them, and what readers see of the nomenclature.
THREATS = {
    "hameçonnage": "Hameçonnage",
    "Phishing": "Hameçonnage",
    "HAMECONNAGE": "Hameçonnage",
    "faux RIB": "Fraude au virement ou faux RIB",
    "rançongiciels": "Rançongiciel",
    "piratage de compte": "Piratage de compte",
    "clonage de voix": "Menace non classée",
}
HANDOVERS = {
    "nb_mise_en_relation_prestataire": "Prestataire",
    "nb_tchat_fsi": "Tchat",
    "nb_orientation_plainte": "Plainte",
}


def deliver(desk: Desk) -> None:
    """Write a drop per year in three formats, with a key repeated further down, and a drop that corrects a month."""
    random = desk.random(PLATFORM)
    cases = list({_key(row): row for row in (_case(random) for _ in range(desk.size.cases))}.values())
    of_year = {year: [row for row in cases if row["date"].year == year] for year in (2023, 2024, 2025)}
    table = Table()
    before = [row | {"nb_parcours": row["nb_parcours"] + 9} for row in of_year[2023][:15]]
    rows = [*before, *of_year[2023]]
    bad = [[*_line(of_year[2023][0])] for _ in range(5)]
    for line, column, value in zip(
        bad, (0, 0, 1, 4, 9), ("2023-02-31", str(FUTURE), "martiens", "-3", "140"), strict=True
    ):
        line[column] = value
    text = csv_text([*map(_line, rows), *bad], ";", COLUMNS)
    _take(table, desk.file(PLATFORM, "cas_2023.csv", text.encode("cp1252"), len(bad)), rows)
    document = {"cas": [_record(row) for row in of_year[2024]]}
    _take(table, desk.file(PLATFORM, "cas_2024.json", json.dumps(document).encode()), of_year[2024])
    _take(table, desk.file(PLATFORM, "cas_2025.jsonl", json_lines(map(_record, of_year[2025]))), of_year[2025])
    later = [row | {"nb_parcours": row["nb_parcours"] + 5} for row in of_year[2024] if row["date"].month == 11]
    text = csv_text(map(_line, later), ",", COLUMNS)
    _take(table, desk.file(PLATFORM, "cas_2024_11.csv", text.encode()), later)
    for row in table.rows.values():
        _count(desk, row)


def _case(random: Random) -> Row:
    count = random.randrange(12, 200)
    handovers = {name: random.randrange(count + 1) for name in HANDOVERS}
    if random.randrange(4) == 0:
        handovers = dict.fromkeys(HANDOVERS)  # not filled in
    return {
        "date": some_day(random, date(2023, 1, 1), date(2025, 12, 31)),
        "public": random.choice(list(PUBLICS)),
        "categorie_menace": random.choice(list(THREATS)),
        "code_departement": random.choice(list(DIRTY_CODES)),
        "nb_parcours": count,
        **handovers,
        "orientation": random.choice(("conseil", "plainte", "")),
        "satisfaction_pct": random.choice((None, 87)),
    }


def _key(row: Row) -> tuple:
    code = row["code_departement"].removesuffix(".0").upper()
    threat = THREATS[row["categorie_menace"]]
    return row["date"], PUBLICS[row["public"]], threat, code.zfill(2) if code else "", row["orientation"]


def _line(row: Row) -> list[str]:
    return ["" if row[column] is None else str(row[column]) for column in COLUMNS]


def _record(row: Row) -> Row:
    return {column: str(row[column]) if column == "date" else row[column] for column in COLUMNS}


def _take(table: Table, file, rows: list[Row]) -> None:
    table.take(file, ((_key(row), row) for row in rows))


def _count(desk: Desk, row: Row) -> None:
    day, place, victims = row["date"], DIRTY_CODES[row["code_departement"]], row["nb_parcours"]
    parts = {"victim_type": PUBLICS[row["public"]], "threat": THREATS[row["categorie_menace"]]}
    desk.figures.add("victims_assisted", day, place, victims, parts=parts)
    desk.figures.add("victims_per_10k", day, place, victims)
    handed = [row[name] for name in HANDOVERS]
    if None not in handed:
        desk.figures.add("handover_share", day, place, max(handed), victims)
        for name, part in HANDOVERS.items():
            desk.figures.add(
                "handover_share", day, NATION, row[name], victims, parts={"handover": part}, is_total=False
            )
