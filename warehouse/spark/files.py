"""The files that each table of a lake had when it was written: a table that somebody changes by hand is found.

Spark reads whatever lies in a table's folder. `files.json` of a lake lists, by table, name, size and time of change of
each file, at the end of the build that wrote it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from core.errors import ExpectedFailure, first_of
from warehouse.spark.failures import REBUILD
from warehouse.spark.lake import Lake, versions_of

LIST = "files.json"
SHOWN_TABLES = 5


def record(lake: Lake, tables: Iterable[tuple[str, str]]) -> None:
    """Keep the files that tables have now.

    Args:
        lake: The lake.
        tables: Schema and name of each.
    """
    known = recorded(lake) | {f"{schema}.{name}": state(lake.table_folder(schema, name)) for schema, name in tables}
    lake.folder.mkdir(parents=True, exist_ok=True)
    partial = lake.folder / f".{LIST}.partial"
    partial.write_text(json.dumps(known))
    partial.replace(lake.folder / LIST)


def recorded(lake: Lake) -> dict[str, list[list[str | int]]]:
    file = lake.folder / LIST
    return json.loads(file.read_text()) if file.exists() else {}


def state(folder: Path) -> list[list[str | int]]:
    """Return name, size and time of change of each file of a table."""
    found = ((file, file.stat()) for file in sorted(folder.rglob("[!._]*.parquet")))
    return [[str(file.relative_to(folder)), stat.st_size, stat.st_mtime_ns] for file, stat in found]


def changed(lake: Lake) -> list[str]:
    """Return the tables whose files are not those that were written, as `schema.table`."""
    return [name for name, files in recorded(lake).items() if state(lake.table_folder(*name.split("."))) != files]


def refuse_changed(lake: Lake) -> None:
    """Check that every table has the files that were written.

    Raises:
        ExpectedFailure: one has others, or lacks some.
    """
    found = changed(lake)
    if not found:
        return
    remedy = f"Build them again: {REBUILD}"
    if archives := [name for name in found if name.endswith(versions_of(""))]:
        remedy += f" {', '.join(archives)} cannot be made again: put its files back from a backup first."
    raise ExpectedFailure(
        f"Files of {first_of(found, SHOWN_TABLES)} in {lake.folder} were changed since Spark wrote them.",
        remedy,
    )
