"""The upstream columns of each column: parsed from SQL, declared by Python models."""

import pytest

from assets.dbt.lineage import trace
from audit.lineage import ROWS, Kind
from core.errors import ExpectedFailure

RAW, STAGING, MODEL = "source.p.raw.reviews", "model.p.stg_review", "model.p.fct_feeling"


def column(name: str, **meta: object) -> dict:
    return {"name": name, "data_type": "text", "config": {"meta": meta}}


def manifest(made_of: list[str]) -> dict:
    """A platform's table, its staging in SQL, and a model in Python that reads it."""
    staging = {
        "resource_type": "model", "name": "stg_review", "schema": "staging", "language": "sql", "config": {},
        "compiled_code": "select id as review_id, upper(said) as text from raw.reviews",
        "columns": {"review_id": column("review_id"), "text": column("text")},
    }  # fmt: skip
    feeling = {
        "resource_type": "model", "name": "fct_feeling", "schema": "marts", "language": "python", "config": {},
        "original_file_path": "models/fct_feeling.py", "depends_on": {"nodes": [STAGING]},
        "columns": {"feeling": column("feeling", made_of=made_of), "version": column("version")},
    }  # fmt: skip
    raw = {
        "resource_type": "source", "name": "reviews", "source_name": "raw", "schema": "raw",
        "columns": {"id": column("id"), "said": column("said")},
    }  # fmt: skip
    return {"nodes": {STAGING: staging, MODEL: feeling}, "sources": {RAW: raw}}


def test_sql_and_python_are_followed_alike() -> None:
    assert trace(manifest(["stg_review.text"])) == {
        STAGING: {
            "review_id": [(RAW, "id", Kind.VALUE)],
            "text": [(RAW, "said", Kind.VALUE)],
            ROWS: [(RAW, ROWS, Kind.COUNT)],
        },
        MODEL: {"feeling": [(STAGING, "text", Kind.VALUE)], "version": [], ROWS: [(STAGING, ROWS, Kind.COUNT)]},
    }


def test_a_constant_numerator_counts_the_record() -> None:
    parsed = manifest([])
    query = "select id as record_key, 1 as numerator, null as denominator from raw.reviews"
    parsed["nodes"][STAGING]["compiled_code"] = query
    found = trace(parsed)[STAGING]
    assert (found["numerator"], found["denominator"]) == ([(RAW, "id", Kind.COUNT)], [])


@pytest.mark.parametrize("named", ["stg_review.mark", "stg_other.text"])
def test_what_a_python_model_does_not_read_is_refused(named: str) -> None:
    with pytest.raises(ExpectedFailure, match=rf"models/fct_feeling.py: feeling is said to be made of {named}"):
        trace(manifest([named]))


@pytest.mark.parametrize("copy", ["live_copy", "daily_copy"])
def test_what_the_other_target_has_published_comes_from_its_model(copy: str) -> None:
    parsed = manifest(["stg_review.text"])
    parsed["sources"]["source.p.copy"] = {
        "resource_type": "source", "name": "fct_feeling", "source_name": copy, "schema": "main", "columns": {},
    }  # fmt: skip
    parsed["nodes"][STAGING]["compiled_code"] = "select feeling as text from main.fct_feeling"
    assert trace(parsed)[STAGING] == {
        "text": [(MODEL, "feeling", Kind.VALUE)],
        ROWS: [(MODEL, ROWS, Kind.COUNT)],
    }
