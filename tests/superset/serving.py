"""A published copy that the real loader, dbt project and publisher make of seeded rows. No test here."""

import csv
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from assets.serving.publication import exposed_relations, publish
from ingestion.collecting import collect_loads
from ingestion.loading import load
from ingestion.settings import Home
from orchestration import project

TODAY = date(2025, 10, 20)
#: Structures that the rows name: kind, name, share of the rows; the two first are the Gendarmerie's.
STRUCTURES = (
    ("Brigade de gendarmerie", "Brigade de gendarmerie de Sainte-Foy", 0.25),
    ("Unité Numérique", "Brigade numérique", 0.25),
    ("Caisse d'allocations familiales", "CAF de la Gironde", 0.3),
    ("Préfecture", "Préfecture du Rhône", 0.2),
)
DEPARTEMENTS = ("33", "69", "35", "29", "59", "13", "75", "2A", "974", "971", "67", "44")
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")
FEELINGS = ("Positif", "Neutre", "Négatif")

Row = Mapping[str, object]


def experiences(number: int = 900, seed: int = 7) -> Iterator[Row]:
    """Yield experiences as the platform delivers them, over eighteen months; the same for the same seed."""
    dice = random.Random(seed)
    for index in range(number):
        published = TODAY - timedelta(days=dice.randrange(540))
        typology, structure, _ = dice.choices(STRUCTURES, weights=[share for *_, share in STRUCTURES])[0]
        answered = dice.random() < 0.8
        abroad = dice.random() < 0.05
        yield {
            "id_experience": f"{100_000 + index}",
            "etat_experience": "Traitée" if answered else "A traiter",
            "statut_experience": "Expérience avec réponse" if answered else "Expérience en attente de réponse",
            "date_de_publication": published.isoformat(),
            "date_de_premiere_reponse": (published + timedelta(days=dice.randrange(40))).isoformat()
            if answered
            else "",
            "ressenti_usager": dice.choices(FEELINGS, weights=[5, 2, 3])[0],
            "code_departement_usager": "" if abroad else dice.choice(DEPARTEMENTS),
            "pays": "Belgique" if abroad else "France",
            "typologie_1": typology,
            "intitule_structure_1": structure,
            **{theme: dice.choices((*FEELINGS, ""), weights=[4, 2, 3, 4])[0] for theme in THEMES},
        }


def build(home: Home, rows: Iterable[Row]) -> Path:
    """Load, build and publish a copy in a home of its own, and return the manifest that it was built with."""
    home.root.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYBERIMPACT_HOME", str(home.root))
        load("services_publics_plus", file=write(home.root / "export.csv", list(rows)))
        collect_loads()
        manifest = project.manifest()
        assert project.run("--quiet", "build", "--exclude-resource-type", "unit_test") == 0
        publish(home, exposed_relations(json.loads(manifest.read_text(encoding="utf-8"))))
    return manifest


def write(file: Path, rows: list[Row]) -> Path:
    """Write rows as a CSV export of the platform."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return file
