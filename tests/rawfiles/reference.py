"""Reference data: headcounts, figures of the IGGN, units, and the categories of the chat that an installation brings.

annee;categorie;effectifs_homme;effectifs_femme
2024;Personnels civils;;2100
"""

from datetime import date

from tests.geography import NATION
from tests.rawfiles.chat import BROUGHT
from tests.rawfiles.deliveries import YEARS, Desk, Table, csv_text

PLATFORM = "reference"
#: Men and women per category in the first year; the counts of civilians may be empty.
HEADCOUNTS = {
    "Officiers": (5900, 800),
    "Sous-officiers": (60_100, 15_300),
    "Volontaires": (9_100, 4_200),
    "Personnels civils": (None, 2100),
}
COMPLAINTS = {2022: 2410, 2023: 2555, 2024: 2602, 2025: 2711}

UNITS = (
    "identifiant_public_unite", "service", "adresse_geographique", "telephone", "departement", "code_commune_insee",
    "voie", "code_postal", "commune", "geocodage_epsg", "geocodage_x", "geocodage_y", "geocodage_x_GPS",
    "geocodage_y_GPS", "horaires_accueil", "url",
)  # fmt: skip


def headcounts() -> dict[tuple[int, str], tuple[int | None, int | None]]:
    """Return men and women per year and category; in 2025 the civilians are not counted at all."""
    found = {}
    for rank, year in enumerate(YEARS):
        for category, (men, women) in HEADCOUNTS.items():
            found[year, category] = (men and men + 100 * rank, women and women + 50 * rank)
    found[2025, "Personnels civils"] = (None, None)
    return found


def total(year: int) -> int:
    """Return the members of the Gendarmerie in a year: what is not counted adds nothing, and hides nothing."""
    return sum((men or 0) + (women or 0) for (of, _), (men, women) in headcounts().items() if of == year)


def deliver(desk: Desk) -> None:
    """Write each file; the mapping of the chat comes first, before the exports of the chat."""
    labels = [(motive or parent, category) for (parent, motive), category in BROUGHT.items()]
    _write(desk, "chat_categories.csv", ("label", "category"), labels)
    counts = [(year, category, *counts) for (year, category), counts in headcounts().items()]
    _write(desk, "effectifs.csv", ("annee", "categorie", "effectifs_homme", "effectifs_femme"), counts)
    complaints = [(year, "n_reclamations", count) for year, count in COMPLAINTS.items()]
    _write(desk, "iggn.csv", ("annee", "measure", "value"), complaints)
    for year, count in COMPLAINTS.items():
        desk.figures.add("iggn_complaints", date(year, 1, 1), NATION, count)
    town = ("12 rue Neuve 01210 ORNEX", "+33 4 50 40 59 30", "01", "01281", "12 rue Neuve", "1210", "Ornex")
    units = [
        ("1008620", "Gendarmerie - Brigade d'Ornex", *town, "", "", "", "6.09523", "46.27591", "", ""),
        ("0", "Gendarmerie - Brigade sans identifiant", *town, "", "", "", "46.27591", "6.09523", "", ""),
    ]
    _write(desk, "export-gn2.csv", UNITS, units)


def _write(desk: Desk, name: str, header: tuple[str, ...], rows: list[tuple]) -> None:
    file = desk.file(PLATFORM, name, csv_text(rows, ";", header).encode())
    Table().take(file, ((row[:2], {"rest": row[2:]}) for row in rows))
