"""Names of places compare equal whatever their case, accents, hyphens and apostrophes, in Python and in SQL alike."""

import csv
import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.normalize_text import fold_place
from core.settings import CHECKOUT

PLACES = CHECKOUT / "dbt_project" / "seeds" / "visibility" / "audience_places.csv"
MACRO = CHECKOUT / "dbt_project" / "macros" / "folded_place.sql"

#: Letters, and whatever else separates or decorates them in the names of places.
WRITTEN = st.text(st.sampled_from("aZéÉèçÇœŒæstSTe019 -‐‑–'’ʼ`.,/\u00a0\u202f\t()ñüß"), max_size=30)


@pytest.fixture(scope="module")
def in_sql():
    """Return a function that folds a name with the macro of the dbt project."""
    body = re.search(r"macro duckdb__folded_place\(name\) -%}(.*?){%- endmacro", MACRO.read_text(), re.DOTALL)[1]
    sql, connection = body.replace("{{ name }}", "name"), duckdb.connect()

    def fold(name):
        return connection.execute(f"select {sql} from (select ? as name)", [name]).fetchone()[0]

    return fold


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("Provence-Alpes-Côte d'Azur", "PROVENCE‑ALPES‐COTE D’AZUR"),
        ("Saint-Barthélemy", "St. Barthelemy"),
        ("Sainte-Anne", "STE ANNE"),
        ("Île-de-France", "ile de  france"),
        ("L'Haÿ-les-Roses", "l’hay les roses"),
        ("Œuf-en-Ternois", "oeuf en ternois"),
    ],
)
def test_spellings_of_a_place_are_one(in_sql, written, other):
    assert fold_place(written) == fold_place(other) == in_sql(written) == in_sql(other)


def test_other_places_stay_apart():
    assert len({fold_place(name) for name in ("Saint-Martin", "Sainte-Marthe", "Est", "Stains", "Ouest")}) == 5
    assert fold_place("Stains") == "stains"


@settings(deadline=None)
@given(name=WRITTEN)
def test_python_and_sql_fold_alike(in_sql, name):
    assert in_sql(name) == fold_place(name)


def test_the_seed_holds_folded_names():
    with PLACES.open(encoding="utf-8", newline="") as file:
        names = [row["place_name"] for row in csv.DictReader(file)]
    assert names == [fold_place(name) for name in names]
    assert {"uvea", "provence alpes cote d azur", "saint barthelemy"} <= set(names)
