"""Says in French what each check verifies, from what is declared of it."""

import re
from collections.abc import Mapping
from typing import Any

from assets.analytics.feeling_model import GATE
from assets.raw.loads import QUARANTINE_CHECK

#: Generic tests of dbt, as sentences over `model`, the arguments of the test, and `table` that it compares with.
SENTENCES = {
    "not_null": "{column_name} renseigné dans {model}",
    "unique": "{column_name} unique dans {model}",
    "unique_combination": "{columns} : combinaison unique dans {model}",
    "relationships": "{column_name} de {model} connu de {table}",
    "accepted_values": "valeurs admises de {column_name} dans {model}",
    "kpi_is_sound": "cohérence de l'indicateur {model}",
    "adds_up": "{model} fait le total de {table}",
}
#: Checks of Dagster's own assets.
OF_ASSETS = {
    QUARANTINE_CHECK: "aucun enregistrement en quarantaine",
    GATE: "modèle de sentiment au moins aussi bon que le précédent",
}


def check_labels(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what each check of dbt and of Dagster's assets verifies, in French, by its name."""
    tests = (node for node in manifest["nodes"].values() if node["resource_type"] == "test")
    return {test["name"]: _label(test, manifest["nodes"]) for test in tests} | OF_ASSETS


def _label(test: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the declared label of a test, else the sentence of its kind, else its name."""
    if label := test["config"]["meta"].get("label"):
        return label
    kind = test.get("test_metadata") or {}
    sentence = SENTENCES.get(kind.get("name"))
    if sentence is None:
        return test["name"]
    given = kind["kwargs"]
    compared = re.search(r"'(\w+)'\)?$", given.get("to") or given.get("fact") or "")
    return sentence.format(
        model=nodes[test["attached_node"]]["name"],
        column_name=given.get("column_name"),
        columns=", ".join(given.get("columns", ())),
        table=compared[1] if compared else "",
    )
