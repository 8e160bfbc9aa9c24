"""Functions that Python models map over the rows of relations."""

import json
import re
import traceback
from collections.abc import Iterable
from functools import partial

import duckdb
import pyarrow as pa
import pytest

from analytics.relations import RowsFailed, as_table, map_batches, map_rows

TYPES = {"key": pa.string(), "word": pa.string()}
SECRET = "Monsieur Dupont"


def words(rows: Iterable[tuple[int, str | None]]) -> list[tuple[str, str]]:
    return [(f"k{key}", word) for key, text in rows for word in (text or "").split()]


def quoting(rows: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
    for _, text in rows:
        raise ValueError(text)
    return []


def parsed(rows: Iterable[tuple[int, str]], strict: bool) -> list[tuple[str, str]]:
    return [(str(key), json.loads(text, strict=strict)) for key, text in rows]


def mistyped(rows: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
    return [(text, key) for key, text in rows]  # ty: ignore[invalid-return-type] - what Arrow then refuses


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_each_row_gives_its_rows_whatever_batch_it_is_in(batch_rows: int) -> None:
    texts = pa.table({"key": [1, 2, 3, 4], "text": ["feu de forêt", None, "crue", ""]})
    found = pa.Table.from_batches(map_batches(words, TYPES, texts.to_batches(batch_rows)))
    assert found.to_pydict() == {"key": ["k1", "k1", "k1", "k3"], "word": ["feu", "de", "forêt", "crue"]}


def test_the_rows_of_a_relation_are_mapped_here() -> None:
    with duckdb.connect(":memory:") as session:
        texts = session.sql("from (values (1, 'feu de forêt'), (2, null), (3, 'crue'), (4, '')) order by 1")
        found = map_rows(session, texts, words, TYPES)
        assert found.columns == ["key", "word"]
        assert found.order("key, word").fetchall() == [("k1", "de"), ("k1", "feu"), ("k1", "forêt"), ("k3", "crue")]


def test_no_row_gives_an_empty_relation_of_the_same_columns() -> None:
    with duckdb.connect(":memory:") as session:
        found = map_rows(session, session.sql("select 1, 'crue' where false"), words, TYPES)
        assert (found.columns, [str(kind) for kind in found.types]) == (["key", "word"], ["VARCHAR", "VARCHAR"])
        assert found.fetchall() == []


def test_a_failure_in_a_library_names_the_mapped_function_too() -> None:
    with duckdb.connect(":memory:") as session, pytest.raises(RowsFailed) as failure:
        map_rows(session, session.sql("select 1, '{'"), partial(parsed, strict=False), TYPES)
    assert re.fullmatch(
        r"JSONDecodeError in \w+, line \d+ of decoder\.py, mapping parsed over a batch of 1 rows\.", str(failure.value)
    )


@pytest.mark.parametrize("row", [("a",), ("a", "b", "c")])
def test_a_row_of_another_width_than_the_columns_is_refused(row: tuple[str, ...]) -> None:
    for rows in ([row], [("a", "b"), row]):
        with pytest.raises(ValueError, match="zip"):
            as_table(rows, TYPES)


@pytest.mark.parametrize(("function", "named"), [(quoting, "ValueError in quoting"), (mistyped, "ArrowTypeError in")])
def test_a_failure_says_where_and_nothing_of_what_the_rows_hold(function, named: str) -> None:
    with duckdb.connect(":memory:") as session:
        texts = session.sql(f"select 1, '{SECRET}'")
        with pytest.raises(RowsFailed) as failure:
            map_rows(session, texts, function, TYPES)
    assert named in str(failure.value)
    assert f"mapping {function.__name__} over a batch of 1 rows" in str(failure.value)
    assert SECRET not in "".join(traceback.format_exception(failure.value))
