"""What a Python model maps over rows runs in the executors of both workers, and a failure there quotes no text."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.spark.engines import Engine

pytestmark = pytest.mark.long

#: Three tasks' worth.
ROWS = 25_000
SECRET = "M. Dupont, 12 rue des Lilas"
#: An executor's working directory is one of its own.
MODEL = """
import os
from datetime import date
from decimal import Decimal

import pyarrow as pa

from analytics.relations import map_rows

TYPES = {
    "key": pa.int64(),
    "text": pa.string(),
    "share": pa.decimal128(18, 6),
    "is_even": pa.bool_(),
    "day": pa.date32(),
    "folder": pa.string(),
}


def read(rows):
    for key, text in rows:
        if FAILS:
            raise ValueError(text)
        if text is not None:
            yield key, text.upper(), Decimal(key) / 8, key % 2 == 0, date(2026, 1, 1 + key % 28), os.getcwd()


def model(dbt, session):
    dbt.config(materialized="table")
    return map_rows(session, dbt.ref("texts").filter("CONDITION").select("key, text"), read, TYPES)
"""
#: Name, condition on its rows, whether its function fails.
MODELS = (("mapped", "true", False), ("of_none", "key < 0", False), ("failing", "true", True))


@pytest.fixture
def small(cluster: Engine, small_project: Path) -> Engine:
    (small_project / "models" / "texts.sql").write_text(
        f"{{{{ config(materialized='view') }}}} select * from parquet.`{small_project}/brought`"
    )
    for name, condition, fails in MODELS:
        code = MODEL.replace("CONDITION", condition).replace("FAILS", str(fails))
        (small_project / "models" / f"{name}.py").write_text(code)
    with duckdb.connect(str(small_project / "books.duckdb")) as connection:
        text = f"case when i % 5 = 0 then null else 'l''été à {SECRET}, n° ' || i end"
        rows = f"select i as key, {text} as text from range({ROWS}) as t(i)"
        connection.execute(f"copy ({rows}) to '{small_project}/brought/rows.parquet' (format parquet)")
    variables = {"DBT_PROJECT_DIR": str(small_project), "DBT_PROFILES_DIR": str(small_project)}
    return Engine("spark", cluster.home, cluster.environment | variables)


def rows(project: Path, table: str, query: str) -> list[tuple]:
    return duckdb.sql(query.format(f"read_parquet('{project}/lake/kept/{table}/*.parquet')")).fetchall()


def test_rows_are_mapped_in_the_executors_of_both_workers(small: Engine, small_project: Path) -> None:
    small.run("run", "--select", "+mapped", "+of_none", program="dbt")
    expected = [
        (key, f"L'ÉTÉ À {SECRET.upper()}, N° {key}", Decimal(key) / 8, key % 2 == 0, date(2026, 1, 1 + key % 28))
        for key in range(ROWS)
        if key % 5
    ]
    assert rows(small_project, "mapped", "select key, text, share, is_even, day from {} order by key") == expected
    folders = [Path(folder) for (folder,) in rows(small_project, "mapped", "select distinct folder from {}")]
    assert len(folders) == 2
    assert all(folder.is_relative_to(small.home.spark / "work") for folder in folders)
    assert rows(small_project, "of_none", "from {}") == []
    described = rows(small_project, "of_none", "describe from {}")
    assert [kind for _, kind, *_ in described] == ["BIGINT", "VARCHAR", "DECIMAL(18,6)", "BOOLEAN", "DATE", "VARCHAR"]
    assert [*small_project.glob("lake/taken_in/made_by.*")] == []


def test_a_failure_in_an_executor_is_one_sentence_and_no_log_has_a_text(small: Engine, small_project: Path) -> None:
    code, output = Engine.end(small.start("run", "--select", "+failing", program="dbt"))
    assert code != 0
    said = r"ValueError in read, line 22 of failing\.py, mapping read over a batch of 833[34] rows\."
    assert re.search(f"A function failed in an executor: {said}", re.sub(r"\s+", " ", output))
    assert "Traceback" not in output
    logs = [file for folder in (small.home.root, small_project) for file in folder.rglob("*") if is_log(file)]
    contents = [output.encode(), *(log.read_bytes() for log in logs)]
    assert sum(b"RowsFailed" in content for content in contents) > 1, "of the driver and the executors"
    assert not [log for log, content in zip(["output", *logs], contents, strict=True) if b"Dupont" in content]
    assert [*small_project.glob("lake/taken_in/made_by.*")] == []


def is_log(file: Path) -> bool:
    return file.is_file() and (file.suffix == ".log" or file.name in ("stderr", "stdout"))
