"""Seconds that Superset takes to answer each chart of the bundle, not from its cache: elapsed, and processor time.

Against a server that `cyberimpact superset apply` has filled, with the filters that each dashboard opens with:

    python -m benchmarks.charts
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from supersync.bundle import Asset, Bundle, is_excluded
from supersync.client import Client

from assets.bi import server
from core import settings

SHOWN = 10


class Timed(NamedTuple):
    """The times of one chart."""

    seconds: float
    processor: float
    dashboard: str
    chart: str
    rows: int


def filters(bundle: Bundle, dashboard: Asset, chart: str) -> list[dict[str, Any]]:
    """Return the filters that a dashboard puts on a chart when it opens; of a free choice, one territory."""
    charts = {chart.slug: chart for chart in bundle.charts}
    return [
        {"col": filtered["column"], "op": "IN", "val": [filtered.get("default", "Gironde")]}
        for filtered in dashboard.declared.get("filters", {}).values()
        if ("default" in filtered or "first" in filtered) and not is_excluded(filtered, chart, charts)
    ]


def context(chart: Asset, dataset: int, chosen: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the query of a chart, to be answered past the cache."""
    asked = json.loads(chart.config["query_context"])
    asked |= {"datasource": {"id": dataset, "type": "table"}, "force": True}
    asked["queries"][0]["filters"].extend(chosen)
    return asked


def processor_seconds(pids: list[int]) -> float:
    """Return the processor time that processes have taken until now, to the clock's tick of 10 ms."""
    fields = (Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for pid in pids)
    return sum(int(stat[11]) + int(stat[12]) for stat in fields) / os.sysconf("SC_CLK_TCK")


def workers(port: int) -> list[int]:
    """Return the processes of the server that listens on a port, so that other work on the machine does not count."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"--bind=127.0.0.1:{port}".encode() in folder.joinpath("cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # it ended while we looked
    return found


def measure(client: Client, bundle: Bundle, pids: list[int]) -> Iterator[Timed]:
    """Ask every chart of every dashboard once, one after the other."""
    charts = {chart.slug: chart for chart in bundle.charts}
    datasets = client.ids("dataset")
    for dashboard in bundle.dashboards:
        for slug in dashboard.reads:
            chart = charts[slug]
            number = datasets[UUID(chart.config["dataset_uuid"])]
            asked = context(chart, number, filters(bundle, dashboard, slug))
            began, used = time.perf_counter(), processor_seconds(pids)
            answer = client.post("/api/v1/chart/data", json=asked)["result"][0]
            seconds, used = time.perf_counter() - began, processor_seconds(pids) - used
            if answer["error"]:
                raise SystemExit(f"{dashboard.slug}/{slug}: {answer['error']}")
            yield Timed(seconds, used, dashboard.slug, slug, answer["rowcount"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each chart is asked; the first is not counted")
    rounds = parser.parse_args().rounds
    bundle = server.bundle()
    pids = workers(settings.port("superset"))
    with server.client() as client:
        timed = [query for round_ in range(rounds) for query in measure(client, bundle, pids) if round_ or rounds == 1]
    print(f"{len(timed)} answers; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, figures in (
        ("elapsed", [query.seconds for query in timed]),
        ("processor", [query.processor for query in timed]),
    ):
        p95 = statistics.quantiles(figures, n=20)[-1]
        print(f"{name:9}: median {statistics.median(figures):.3f} s, p95 {p95:.3f} s, most {max(figures):.3f} s")
    for query in sorted(timed, key=lambda query: -query.processor)[:SHOWN]:
        print(f"{query.processor:8.3f} s  {query.seconds:8.3f} s  {query.rows:6} rows  {query.dashboard}/{query.chart}")


if __name__ == "__main__":
    main()
