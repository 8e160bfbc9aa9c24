"""Measures the cost of a worker process for each query of a chart: the same SQL in this process and in a worker.

Against a server that `cyberimpact superset apply` has filled, which is asked for the SQL of each chart:

    python -m benchmarks.queries

Here a query opens the file, executes, fetches and closes, as Superset does; a worker has the file open from the query
before. `--cold` starts a worker for each. Seconds are the processor's, of all processes.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import duckdb
from supersync.bundle import MAIN
from supersync.client import Client

from assets.bi import server
from benchmarks.charts import context, filters
from core import settings

sys.path.insert(0, str(settings.CHECKOUT / "superset" / "server"))

from query_connection import creator
from query_slots import Slots
from query_workers import Limits, Workers

MEMORY_BYTES = 1 << 30
CONFIG = {"enable_external_access": False, "lock_configuration": True, "threads": 2}


def statements(client: Client) -> Iterator[str]:
    """Yield the SQL of every chart on the daily copy, with the filters that its dashboard opens with."""
    bundle = server.bundle()
    charts = {chart.slug: chart for chart in bundle.charts}
    numbers = client.ids("dataset")
    daily = {dataset.slug for dataset in bundle.datasets if dataset.declared.get("database", MAIN) == MAIN}
    for dashboard in bundle.dashboards:
        for slug in dashboard.reads:
            dataset = charts[slug].declared["dataset"]
            if dataset not in daily:
                continue
            asked = context(
                charts[slug], numbers[UUID(charts[slug].config["dataset_uuid"])], filters(bundle, dashboard, slug)
            )
            answer = client.post("/api/v1/chart/data", json={**asked, "result_type": "query"})["result"][0]
            yield answer["query"]


def here(path: Path, sql: str) -> float:
    """Return the processor seconds of a query in this process."""
    began = time.process_time()
    with duckdb.connect(str(path), read_only=True, config=CONFIG) as connection:
        connection.execute(sql).fetchall()
    return time.process_time() - began


def outside(workers: Workers, path: Path, sql: str) -> float:
    """Return the processor seconds of a query in a worker, those of all processes."""
    before = time.process_time() + _seconds_below(os.getpid())
    with contextlib.closing(creator(workers, path.resolve(), CONFIG, "benchmark", 600)()) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        cursor.fetchall()
        return time.process_time() + _seconds_below(os.getpid()) - before


def _seconds_below(pid: int) -> float:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for file in files for child in file.read_text(encoding="ascii").split()]
    return sum(_seconds(child) + _seconds_below(child) for child in children)


def _seconds(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each query runs; the first is not counted")
    parser.add_argument("--cold", action="store_true", help="start a worker for each query")
    options = parser.parse_args()
    path = settings.home().published / "daily" / "current" / "serving.duckdb"
    with server.client() as client:
        asked = list(statements(client))
    figures: dict[str, list[float]] = {"in this process": [], "in a worker": []}
    with tempfile.TemporaryDirectory() as folder:
        workers = Workers(Slots(Path(folder), 4, 8), Limits(MEMORY_BYTES, 64 << 20))
        if options.cold:
            workers.take = lambda _: None
        for turn in range(options.rounds):
            for sql in asked:
                pair = here(path, sql), outside(workers, path, sql)
                if turn:
                    for figure, seconds in zip(figures.values(), pair, strict=True):
                        figure.append(seconds)
        workers.close()
    for name, seconds in figures.items():
        p95 = statistics.quantiles(seconds, n=20)[-1]
        print(f"{name:16}: {len(seconds)} queries, median {statistics.median(seconds):.3f} s, p95 {p95:.3f} s")


if __name__ == "__main__":
    main()
