"""What is erased is in no file of a lake any more, wherever a table had it."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from privacy import pseudonymise
from warehouse.spark import erasing
from warehouse.spark.lake import Lake

_PAIRS = pa.map_(pa.string(), pa.string())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", "essai")


@pytest.fixture
def erased() -> str:
    return pseudonymise("x.com/someone")


def write(lake: Lake, file: str, **columns: Any) -> Path:
    path = lake.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)
    return path


def holding(lake: Lake, text: str) -> list[str]:
    """Return what holds a text, in its path or its bytes."""
    found = [path for path in lake.folder.rglob("*") if text in path.name]
    found += [path for path in lake.folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
    return [str(path.relative_to(lake.folder)) for path in found]


def test_a_pseudonym_is_found_wherever_a_table_has_it(lake: Lake, erased: str) -> None:
    nested = [{"k": [{"j": f'l\'une, "{erased}"'}]}, {"k": [{"j": "kept"}]}]
    write(lake, "a/nested/part-1.parquet", x=nested, y=["1", "2"])
    write(lake, "a/pairs/part-1.parquet", x=pa.array([[(erased, "1")], [("q", "kept")]], _PAIRS))
    write(lake, "a/bytes/part-1.parquet", x=[b"\xff" + json.dumps({"who": erased}).encode(), b"kept"])
    write(lake, "a/dictionary/part-1.snappy.parquet", x=pa.array([erased, "kept"]).dictionary_encode())
    write(lake, "a/named/part-1.parquet", row=["1", "2"], x=[erased, "kept"])
    write(lake, "a/other/PART-1.PARQUET", x=[erased, "kept"])
    write(lake, "a/bare/part-1", x=[erased, "kept"])
    removed = erasing.remove_holding(lake, erased)
    assert removed == dict.fromkeys((f"a.{folder.name}" for folder in (lake.folder / "a").iterdir()), 1)
    assert holding(lake, erased) == []
    assert all(parquet.ParquetFile(file).metadata.num_rows == 1 for file in lake.folder.glob("a/*/*"))


def test_no_name_of_a_partition_and_no_file_beside_a_table_keeps_it(lake: Lake, erased: str) -> None:
    write(lake, f"a/of/who={erased}/part-1.parquet", x=["1", "2"])
    write(lake, "a/of/who=another/part-1.parquet", x=["1", "2"])
    write(lake, "a/of/_metadata", x=[erased])
    write(lake, "a/of/who=another/_part-1.parquet", x=[erased])
    assert erasing.remove_holding(lake, erased) == {"a.of": 2}
    assert holding(lake, erased) == []
    assert (lake.folder / "a/of/who=another/part-1.parquet").exists()
