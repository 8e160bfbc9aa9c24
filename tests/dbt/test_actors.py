"""The taxonomy of threats against what the loaders know. Figures of the actors are unit and data tests of dbt."""

import csv

import pytest

from ingestion.configuration import CHAT_CATEGORIES, DEFAULTS
from ingestion.connectors import cybermalveillance, ma_securite, prevention_actions
from warehouse.dbt_project import PROJECT_DIR


def labels_of(platform: str) -> set[str]:
    path = PROJECT_DIR / "seeds" / "actors" / "threat_labels.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return {row["label"] for row in csv.DictReader(handle) if row["platform"] == platform}


def chat_labels() -> list[str]:
    with (DEFAULTS / CHAT_CATEGORIES).open(encoding="utf-8", newline="") as handle:
        return [row["label"] for row in csv.DictReader(handle, delimiter=";")]


@pytest.mark.parametrize(
    ("platform", "known"),
    [
        ("cybermalveillance", cybermalveillance.contract.CATEGORIES),
        ("ma_securite", ma_securite.contract.THEMES),
        ("prevention_actions", prevention_actions.contract.THEMES),
        ("brigade_numerique", [label for label in chat_labels() if not label.startswith("Je ")]),
    ],
)
def test_every_label_that_a_loader_knows_is_mapped(platform: str, known: list[str]) -> None:
    assert set(known) - labels_of(platform) == set()
