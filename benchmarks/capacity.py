"""Measures what a daily build and a publication take where there are many times fewer or more records.

.venv/bin/python -m benchmarks.capacity HOME FACTOR

HOME is the home of a demonstration that is stopped, and it is changed: copy it first. Records of persons, which grow
with use, are thinned out or multiplied in the raw tables, each with a key of its own; what is counted by site, account
or day stays. Mentions are measured by `benchmarks.listening` and `benchmarks.warehouse`.
"""

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

import duckdb

from benchmarks.processor import measured
from ingestion.platforms import platform

CYBERIMPACT = Path(sys.executable).with_name("cyberimpact")
GROWING = {
    "app_stores": ("reviews",),
    "cybermalveillance": ("cases",),
    "jdma": ("answers", "reviews"),
    "partoo": ("reviews",),
    "pre_plainte": ("declarations",),
    "prevention_actions": ("actions",),
    "services_publics_plus": ("experiences",),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("factor", type=float)
    arguments = parser.parse_args()
    home = arguments.home.resolve()
    os.environ["CYBERIMPACT_HOME"] = str(home)
    os.environ.setdefault("CYBERIMPACT_PSEUDONYM_KEY", "measured")
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        count = sum(
            scaled(connection, name, table, arguments.factor) for name, tables in GROWING.items() for table in tables
        )
    print(f"{count} records that grow with use")
    measured("build --full", [CYBERIMPACT, "build", "--daily", "--full"])
    measured("publish", [CYBERIMPACT, "publish", "--daily"])
    print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB")
    parts = ("warehouse.duckdb", "published/daily", "evidence", "ledger")
    print(subprocess.run(["du", "-smc", *parts], cwd=home, capture_output=True, text=True, check=True).stdout)


def scaled(connection: duckdb.DuckDBPyConnection, name: str, table: str, factor: float) -> int:
    """Thin out or multiply the records of a table, and return how many there are."""
    chosen = platform(name)
    key = next(each.key for each in chosen.connector.CONTRACT if each.name == table)
    place = f"{chosen.dataset}.{table}"
    if factor < 1:
        connection.execute(f"delete from {place} where hash({key}) % 10000 >= {factor * 10_000}")  # noqa: S608
    else:
        changed = ", ".join(f"{column} || '#' || copy as {column}" for column in dict.fromkeys((key, "_dlt_id")))
        copies = f"{place} as raw, range(1, {int(factor)}) as copies (copy)"
        connection.execute(f"insert into {place} by name select raw.* replace ({changed}) from {copies}")  # noqa: S608
    return connection.execute(f"select count({key}) from {place}").fetchall()[0][0]  # noqa: S608


if __name__ == "__main__":
    main()
