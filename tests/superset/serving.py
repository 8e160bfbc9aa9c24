"""A published copy made by the real dbt project and publisher from seeded rows. What is shown of it is tested elsewhere."""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assets.serving.publication import exposed_relations, publish
from ingestion.settings import Home
from orchestration import project
from tests.dbt import raw

TODAY = date(2026, 10, 20)
#: Structures of the rows: type, name, share of the rows; the two first are the Gendarmerie's.
STRUCTURES = (
    ("Brigade de gendarmerie", "Brigade de gendarmerie de Sainte-Foy", 0.25),
    ("Unité Numérique", "Brigade numérique", 0.25),
    ("Caisse d'allocations familiales", "CAF de la Gironde", 0.3),
    ("Préfecture", "Préfecture du Rhône", 0.2),
)
DEPARTEMENTS = ("33", "69", "35", "29", "59", "13", "75", "2A", "974", "971", "67", "44")
THEMES = ("accessibilite", "information_explication", "relation", "reactivite", "simplicite_complexite")
FEELINGS = ("Positif", "Neutre", "Négatif")


def experiences(number: int = 900, seed: int = 7) -> Iterator[dict[str, object]]:
    """Yield raw experiences over the eighteen months before `TODAY`, the same for the same seed."""
    dice = random.Random(seed)
    for index in range(number):
        published = TODAY - timedelta(days=dice.randrange(540))
        typology, structure, _ = dice.choices(STRUCTURES, weights=[share for *_, share in STRUCTURES])[0]
        answered = dice.random() < 0.8
        abroad = dice.random() < 0.05
        yield {
            "id_experience": f"T{index:05}",
            "etat_experience": "Traitée" if answered else "A traiter",
            "ecrit_le": (published - timedelta(days=1)).isoformat(),
            "date_de_publication": published.isoformat(),
            "date_de_premiere_reponse": (published + timedelta(days=dice.randrange(40))).isoformat() if answered else None,
            "ressenti_usager": dice.choices(FEELINGS, weights=[5, 2, 3])[0],
            "code_departement_usager": None if abroad else dice.choice(DEPARTEMENTS),
            "pays": "Belgique" if abroad else "France",
            "typologie_1": typology,
            "intitule_structure_1": structure,
            "generation": "api",
            **{theme: dice.choices((*FEELINGS, None), weights=[4, 2, 3, 4])[0] for theme in THEMES},
        }


def build(home: Home, rows: Iterator[dict[str, object]] | None = None) -> Path:
    """Build and publish a copy in a home of its own, and return the manifest that it was built with."""
    home.root.mkdir(parents=True, exist_ok=True)
    loaded = datetime(TODAY.year, TODAY.month, TODAY.day, 4, tzinfo=UTC)
    load = {"load_key": "k", "entity": "experiences", "rows_read": 900, "started_at": loaded, "finished_at": loaded}
    raw.create(home.warehouse, experiences() if rows is None else rows, loads=[load])
    environment = os.environ | {
        "CYBERIMPACT_WAREHOUSE": str(home.warehouse),
        "CYBERIMPACT_HOME": str(home.root),
        "DBT_TARGET_PATH": str(home.dbt_target),
        "DBT_LOG_PATH": str(home.logs / "dbt"),
    }
    folder = str(project.PROJECT_DIR)
    command = [project.DBT, "build", "--exclude-resource-type", "unit_test", "--project-dir", folder, "--profiles-dir", folder]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout
    manifest = home.dbt_target / "manifest.json"
    publish(home, exposed_relations(json.loads(manifest.read_text(encoding="utf-8"))))
    return manifest
