"""Services Publics+: experiences, as CSV in three generations of columns, and as the records of the portal's API.

Generation of 2021, `;`, cp1252:

    id;etat_de_lexpérience;ressenti_usager;typologies;structure;…;code_postaux;écrit_le;date_de_publication;…
    104233;Traitée;Positif;Brigade de gendarmerie;Brigade d'Arcachon;…;33120;;14/03/2023;…
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from random import Random

from tests.geography import ABROAD, DIRTY_CODES, DIRTY_POSTAL_CODES
from tests.rawfiles.deliveries import FUTURE, Desk, Row, Table, csv_text, json_lines, some_day

PLATFORM = "services_publics_plus"
FEELINGS = ("Positif", "Neutre", "Négatif")
MARKS = {"Positif": 10, "Neutre": 5, "Négatif": 0}
#: Themes of the KPI, and how the older columns and the API end.
THEMES = {
    "accessibilite": ("accessibilité", "Accessibilité"),
    "information_explication": ("informationexplication", "Information/Explication"),
    "relation": ("relation", "Relation"),
    "reactivite": ("réactivité", "Réactivité"),
    "simplicite_complexite": ("simplicitécomplexité", "Simplicité/Complexité"),
}
#: Structures that a citizen names, and whether they are of the Gendarmerie (§2.2).
STRUCTURES = {
    ("Brigade de gendarmerie",): True,
    ("Brigade de gendarmerie", "Brigade de gendarmerie"): True,  # named twice, counted once
    ("Mairie", "Région de Gendarmerie"): True,
    ("Service en ligne Perceval",): True,
    ("Mairie",): False,
    ("Caisse d'allocations familiales", "Mairie"): False,
}
#: Structures of the portal's repository: one of the Gendarmerie's own network, one of another.
REPOSITORY = {"3N9Akj7oxM": True, "0000mairie": False}
STATES = {True: "Traitée", False: "A traiter"}
TEXT = 'Accueil rapide ; "très" clair,\nmerci.'


def deliver(desk: Desk) -> None:
    """Write an export per generation, corrections within and across them, bad rows, and an export that repeats."""
    random = desk.random(PLATFORM)
    each = desk.size.experiences // 4
    older = [_experience(random, number, 2023) for number in range(each)]
    newer = [_experience(random, number, 2024) for number in range(each, 2 * each)]
    labelled = [_labelled(random, number) for number in range(2 * each, 3 * each)]
    records = [_record(random, number) for number in range(3 * each, 4 * each)]
    table = Table()

    # Generation of 2021. Twenty-one keys are repeated further down: the last row says what is true.
    _write(desk, table, "voxusagers_2023.csv", [*map(_before, older[:21]), *older], GENERATION_2021, encoding="cp1252")
    # Generation of 2022: with what was answered meanwhile, in other columns, and bad rows.
    answered = [_answered(random, row) for row in older if not row["answered"]][::4]
    bad = [bad_line({"id": f"bad-{number}"} | change) for number, change in enumerate(BAD)]
    rows = [*map(_before, newer[:10]), *newer, *answered]
    _write(desk, table, "voxusagers_2024.csv", rows, GENERATION_2022, encoding="utf-8-sig", bad=bad)
    # The same export once more: an overlap that changes nothing.
    _write(desk, table, "voxusagers_2024_bis.csv", newer[: each // 2], GENERATION_2022)
    _write(desk, table, "export-experiences.csv", labelled, EXPORT_2023, encoding="utf-8-sig")
    # The portal's API, as an extraction tool leaves its records; experiences of 2024 were answered since.
    answered = [_answered(random, row) for row in newer if not row["answered"]][::3]
    rows = [*records, *answered]
    file = desk.file(PLATFORM, "experiences.jsonl", json_lines(map(_as_record, rows)))
    table.take(file, ((row["id"], row) for row in rows))
    for row in table.rows.values():
        _count(desk, row)


def _experience(random: Random, number: int, year: int) -> Row:
    published = some_day(random, date(year, 1, 1), date(year, 12, 31))
    most = 1 if year == 2023 else 3  # the oldest generation has one column for structures
    structures = random.choice([names for names in STRUCTURES if len(names) <= most])
    is_outside = random.randrange(20) == 0
    is_answered = random.randrange(3) > 0
    delay = random.choice((None, *range(1, 60))) if random.randrange(40) else -3  # a negative one is impossible
    return {
        "id": str(100_000 + number),
        "published": published,
        "answered": is_answered,
        "first_answer": published + timedelta(days=delay) if is_answered and delay is not None else None,
        "feeling": random.choice(FEELINGS),
        "themes": tuple(random.choice(("", "", *FEELINGS)) for _ in THEMES),
        "structures": structures,
        "outside": is_outside,
        "is_ours": STRUCTURES[structures] and not is_outside,
        "place_written": (code := random.choice(list(DIRTY_POSTAL_CODES))),
        "place": DIRTY_POSTAL_CODES[code],
        "country": "",
    }


def _before(row: Row) -> Row:
    """Return an experience as it was: with another feeling, and without answer."""
    feeling = FEELINGS[FEELINGS.index(row["feeling"]) - 1]
    return row | {"answered": False, "first_answer": None, "feeling": feeling}


def _answered(random: Random, row: Row) -> Row:
    return row | {"answered": True, "first_answer": row["published"] + timedelta(days=random.randrange(60, 120))}


def _labelled(random: Random, number: int) -> Row:
    """Return an experience of the portal's export with labels: an INSEE code, a country, no date of answer."""
    row = _experience(random, number, 2025)
    code, structure = random.choice(list(DIRTY_CODES)), random.choice(list(REPOSITORY))
    country = random.choice(("France", "France", "France", "Belgique"))
    code = "" if country == "Belgique" else code
    return row | {
        "published": some_day(random, date(2025, 1, 1), date(2025, 6, 30)),
        "first_answer": None,
        "structures": (structure,),
        "outside": False,
        "is_ours": REPOSITORY[structure],
        "place_written": f"{code}.0" if code.isdigit() else code,
        "place": ABROAD if country == "Belgique" else DIRTY_CODES[code],
        "country": country,
    }


def _record(random: Random, number: int) -> Row:
    """Return an experience of the API; a postal code abroad is none of France, whatever it looks like."""
    row = _experience(random, number, 2025)
    shift = row["published"] - date(2025, 1, 1)
    published = date(2025, 7, 1) + shift % timedelta(days=184)
    answer = row["first_answer"] and published + (row["first_answer"] - row["published"])
    country = random.choice(("France", "France", "Suisse"))
    return row | {
        "published": published,
        "first_answer": answer,
        "country": country,
        "place": row["place"] if country == "France" else ABROAD,
    }


def _day(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""


def _yes(is_true: bool) -> str:
    return "Oui" if is_true else "Non"


_TAGS = [f"tags_généraux_{older}" for older, _ in THEMES.values()]

#: Columns of each generation, and how each is filled.
GENERATION_2021: dict[str, Callable[[Row], str]] = {
    "id": lambda row: row["id"],
    "titre": lambda _: "Un titre",
    "description": lambda _: TEXT,
    "réponses": lambda row: "Bonjour" if row["answered"] else "",
    "etat_de_lexpérience": lambda row: STATES[row["answered"]],
    "ressenti_usager": lambda row: row["feeling"],
    "typologies": lambda row: row["structures"][0],
    "structure": lambda _: "",
    **{tag: (lambda row, rank=rank: row["themes"][rank]) for rank, tag in enumerate(_TAGS)},
    "pseudonyme_usager": lambda _: "abc",
    "commune_usager": lambda _: "Ornex",
    "expérience_hors_structure": lambda row: _yes(row["outside"]),
    "code_postaux": lambda row: row["place_written"],
    "écrit_le": lambda _: "",
    "date_de_publication": lambda row: _day(row["published"]),
    "date_de_1ere_réponse": lambda row: _day(row["first_answer"]),
}
GENERATION_2022: dict[str, Callable[[Row], str]] = {
    "id": lambda row: row["id"],
    "etat_de_lexpérience": lambda row: STATES[row["answered"]],
    "ressenti_usager": lambda row: row["feeling"],
    "intitulé_typologie_1": lambda row: row["structures"][0],
    "intitulé_typologie_2": lambda row: "".join(row["structures"][1:2]),
    "intitulé_typologie_3": lambda _: "",
    **{tag: (lambda row, rank=rank: row["themes"][rank]) for rank, tag in enumerate(_TAGS)},
    "expérience_hors_structure": lambda row: _yes(row["outside"]),
    "code_postal_usager": lambda row: row["place_written"],
    "ecrit_le": lambda _: "",
    "date_de_publication": lambda row: _day(row["published"]),
    "date_de_premiere_réponse": lambda row: _day(row["first_answer"]),
}
EXPORT_2023: dict[str, Callable[[Row], str]] = {
    "ID expérience": lambda row: row["id"],
    "Etat expérience": lambda row: f"{STATES[row['answered']]}s" if row["answered"] else STATES[False],
    "Statut de l'expérience": lambda row: (
        "Expérience avec réponse" if row["answered"] else "Expérience en attente de réponse"
    ),
    "Date de publication": lambda row: f"{_day(row['published'])} 15:07",
    "Ressenti usager": lambda row: row["feeling"],
    "Code INSEE Département usager": lambda row: row["place_written"],
    "Pays": lambda row: row["country"],
    "Intitulé Typologie 1": lambda row: "Groupement de gendarmerie départementale" if row["is_ours"] else "Mairie",
    "Hors structure": lambda _: "Non",
    "ID structure 1": lambda row: row["structures"][0],
    **{label: (lambda row, rank=rank: row["themes"][rank]) for rank, (_, label) in enumerate(THEMES.values())},
}


def _as_record(row: Row) -> Row:
    structures = {f"intitule_typologie_{slot}": name for slot, name in enumerate(row["structures"], start=1)}
    return {
        "id_experience": row["id"],
        "titre": "Un titre",
        "description": TEXT,
        "ressenti_usager": row["feeling"],
        "etat_experience": STATES[row["answered"]],
        "ecrit_le": None,
        "date_de_publication": str(row["published"]),
        "date_de_premiere_reponse": row["first_answer"] and str(row["first_answer"]),
        "pays": row["country"] or None,
        "code_postal_usager": row["place_written"] or None,
        "hors_structure": _yes(row["outside"]),
        **{f"intitule_typologie_{slot}": None for slot in (1, 2, 3)},
        **structures,
        **{theme: feeling or None for theme, feeling in zip(THEMES, row["themes"], strict=True)},
    }


#: What is wrong with the bad rows of the file of 2024.
BAD = (
    {"date_de_publication": "31/02/2024"},
    {"date_de_publication": f"{FUTURE:%d/%m/%Y}"},
    {"date_de_publication": ""},
    {"code_postal_usager": "75"},
    {"ressenti_usager": "Mitigé"},
    {"etat_de_lexpérience": "Perdue"},
    {"id": ""},
)


def bad_line(change: Mapping[str, str]) -> list[str]:
    """Return a line of the generation of 2022 with some of its cells changed."""
    row = _experience(Random(0), 900_000, 2024)
    return [change.get(label, fill(row)) for label, fill in GENERATION_2022.items()]


def _write(
    desk: Desk,
    table: Table,
    name: str,
    rows: list[Row],
    columns: dict[str, Callable[[Row], str]],
    *,
    encoding: str = "utf-8",
    bad: list[list[str]] | None = None,
) -> None:
    lines = [*([fill(row) for fill in columns.values()] for row in rows), *(bad or [])]
    text = csv_text(lines, ";", list(columns))
    table.take(desk.file(PLATFORM, name, text.encode(encoding), len(bad or [])), _keyed(rows))


def _keyed(rows: list[Row]) -> Iterator[tuple[str, Row]]:
    for row in rows:
        yield row["id"], row


def _count(desk: Desk, row: Row) -> None:
    figures, day, place = desk.figures, row["published"], row["place"]
    scope = {"scope": "gendarmerie" if row["is_ours"] else "autres"}
    figures.add("experiences", day, place, parts=scope)
    figures.add("answer_rate", day, place, int(row["answered"]), 1, parts=scope)
    figures.add("positive_share", day, place, int(row["feeling"] == "Positif"), 1, parts=scope)
    for theme, feeling in zip(THEMES, row["themes"], strict=True):
        if feeling:
            is_positive = int(feeling == "Positif")
            figures.add("positive_share", day, place, is_positive, 1, parts={"theme": theme}, is_total=False)
    if row["first_answer"] is not None:
        delay = (row["first_answer"] - day).days
        if delay >= 0:
            for kpi in ("response_time_median", "response_time_p75", "response_time_p90"):
                figures.add(kpi, day, place, delay, parts=scope)
    if row["is_ours"]:
        figures.add("feedback_index", day, place, MARKS[row["feeling"]], 1, parts={"platform": PLATFORM})
