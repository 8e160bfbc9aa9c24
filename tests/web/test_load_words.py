"""Whatever a load says of a record is said in French on a page."""

import ast
import re

import pytest

from core.settings import CHECKOUT
from web import load_words

SAYING = {"ValueError": 0, "Rejection": 1, "RejectedError": 1}
#: Said in French by the load, or of a platform that nobody sends a file of.
FRENCH = re.compile(r"^(n'|est |précède|porte |la ligne)")


def text(node: ast.expr) -> str | None:
    """Return a sentence of the code, with a word in the place of each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return None


def reasons() -> set[str]:
    """Return every reason for which the code of the loads sets a record aside."""
    found = set()
    for path in (CHECKOUT / "ingestion").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            place = SAYING.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            if place is not None and len(node.args) > place and (said := text(node.args[place])):
                found.add(said)
    return {said for said in found if " " in said and not FRENCH.match(said)}


def test_reasons_are_found_in_the_code():
    assert {"is not a whole number", "is empty, and must not be", "is none of: X"} <= reasons()


@pytest.mark.parametrize("said", sorted(reasons()))
def test_each_reason_of_the_code_has_its_french(said):
    assert load_words.reason(said) != said


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("pre_plainte, file a.csv: the file is empty.", "Le fichier est vide."),
        (
            "x, file a (2).csv, line 3: the header is cut or its quotes are not balanced.",
            "L'en-tête est coupé ou abîmé, ligne 3.",
        ),
        (
            "x, file a.csv: the required column stats_id of table 'd' is missing (accepted: x; found: a: b).",
            "Il manque la colonne stats_id.",
        ),
        (
            "x, file a.csv, line 2: the column stats_dpt is not a number in all of 40 records (first value: 'Z').",
            "La colonne stats_dpt est fausse dans chacune des 40 premières lignes, ligne 2.",
        ),
        ("x, file a.csv: something that nobody knows.", "Le fichier ne peut pas être lu tel qu'il est."),
    ],
)
def test_a_refusal_is_said_in_french(what, expected):
    said, remedy = load_words.failure(what, "Nothing was loaded: do it again.")
    assert said == expected
    assert "Nothing" not in remedy


def test_what_the_load_says_in_french_stays_as_it_is():
    what = "prevention_actions, fichier a.xlsx : il manque la colonne « Titre »."
    assert load_words.failure(what, "Rien n'a été chargé : reprendre l'en-tête.") == (
        "Il manque la colonne « Titre ».",
        "Rien n'a été chargé : reprendre l'en-tête.",
    )
    assert load_words.reason("est obligatoire et n'est pas renseigné") == "est obligatoire et n'est pas renseigné"
