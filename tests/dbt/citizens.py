"""Invented experiences, seeded, that cover every branch of the rules."""

import random
from datetime import UTC, date, datetime, timedelta

from tests.dbt.raw import Row

FEELINGS = ("Positif", "Neutre", "Négatif")
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")
FIRST_DAY, DAYS = date(2023, 11, 1), 500
#: A unit of the directory, its typology, and the code under which the producer files what belongs to no structure.
GROUPEMENT, OUTSIDE = "0IefQTK41G", "sxZshFsE9R"

PLACES: tuple[Row, ...] = (
    {"code_departement_usager": "33", "pays": "France"},
    {"code_departement_usager": "67", "pays": "France"},
    {"code_departement_usager": "2A", "pays": "France"},
    {"code_departement_usager": "75", "pays": "France"},
    {"code_departement_usager": "971", "pays": "France"},
    {"code_departement_usager": "988", "pays": "France"},
    {"code_postal_usager": "20200", "pays": "France"},
    {"code_departement_usager": "69M"},
    {"pays": "Suisse"},
    {"pays": "France"},
)
#: The territory of each of `PLACES`.
TERRITORIES = ("FR-33", "FR-67", "FR-2A", "FR-75C", "FR-971", "FR-NC", "FR-2B", "FR-69", "XX", "ZZ")


def experiences(seed: int, count: int) -> list[Row]:
    """Return experiences of sixteen months, some answered, some of the Gendarmerie, from everywhere."""
    chance = random.Random(seed)
    return [experience(chance, number) for number in range(count)]


def experience(chance: random.Random, number: int) -> Row:
    published = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    answered = chance.random() < 0.6
    row = {
        "id_experience": str(number),
        "ecrit_le": (published - timedelta(days=2)).isoformat(),
        "date_de_publication": f"{published}T{chance.randrange(24):02}:30",
        "ressenti_usager": chance.choice(FEELINGS),
        "poste_comme": "La personne concernée",
        **chance.choice(PLACES),
        **chance.choice(STRUCTURES),
        **{theme: chance.choice((None, *FEELINGS)) for theme in THEMES},
    }
    if chance.random() < 0.5:
        row["etat_experience"] = "Traitée" if answered else "A traiter"
    else:
        row["statut_experience"] = "Expérience avec réponse" if answered else "Expérience en attente de réponse"
    if answered and chance.random() < 0.9:
        row["date_de_premiere_reponse"] = (published + timedelta(days=chance.randrange(-2, 90))).isoformat()
    return row


STRUCTURES: tuple[Row, ...] = (
    {"id_structure_1": GROUPEMENT, "intitule_structure_1": "Groupement", "typologie_1": "Groupement de gendarmerie"},
    {
        "id_structure_1": "prefecture",
        "intitule_structure_1": "Préfecture",
        "id_structure_2": GROUPEMENT,
        "intitule_structure_2": "Groupement",
        "id_structure_3": GROUPEMENT,
        "intitule_structure_3": "Groupement",
    },
    {"id_structure_1": OUTSIDE, "intitule_structure_1": "Hors-structures", "typologie_1": "Service en ligne Perceval"},
    {"typologie_1": "Brigade de gendarmerie", "intitule_structure_1": "Brigade de Rives"},
    {"typologie_1": "CAF", "intitule_structure_1": "CAF"},
    {"id_structure_1": "caf", "intitule_structure_1": "CAF", "typologie_1": "CAF"},
)
#: Whether each of `STRUCTURES` makes an experience one of the Gendarmerie's.
OF_THE_GENDARMERIE = (True, True, False, True, False, False)


def territory(row: Row) -> str:
    """Return the territory that the rules are to give, looked up and not computed."""
    place = {key: row[key] for key in ("code_departement_usager", "code_postal_usager", "pays") if key in row}
    return TERRITORIES[PLACES.index(place)]


def is_gendarmerie(row: Row) -> bool:
    keys = [f"{name}_{slot}" for slot in (1, 2, 3) for name in ("id_structure", "intitule_structure", "typologie")]
    structures = {key: row[key] for key in keys if key in row}
    return OF_THE_GENDARMERIE[STRUCTURES.index(structures)]


def load() -> Row:
    """Return the log of the load that brought them, just ended."""
    return {"started_at": datetime.now(UTC), "finished_at": datetime.now(UTC)}
