"""Seconds that Superset takes to answer each chart of the bundle, not from its cache.

Against a server that `cyberimpact superset apply` has filled, with the filters that each dashboard opens with:

    python -m benchmarks.charts
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from supersync.bundle import Asset, Bundle, identifier, spared
from supersync.client import Client

from orchestration import bi

SHOWN = 10


class Timed(NamedTuple):
    """One chart on one dashboard."""

    seconds: float
    dashboard: str
    chart: str
    rows: int


def filters(bundle: Bundle, dashboard: Asset, chart: str) -> list[dict[str, Any]]:
    """Return the filters that a dashboard puts on a chart when it opens; of a free choice, one territory."""
    charts = {one.slug: one for one in bundle.charts}
    return [
        {"col": one["column"], "op": "IN", "val": [one.get("default", "Gironde")]}
        for one in dashboard.declared.get("filters", {}).values()
        if ("default" in one or "first" in one) and not spared(one, chart, charts)
    ]


def context(chart: Asset, dataset: int, chosen: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the query of a chart that its server is to answer anew."""
    asked = json.loads(chart.config["query_context"])
    asked |= {"datasource": {"id": dataset, "type": "table"}, "force": True}
    asked["queries"][0]["filters"].extend(chosen)
    return asked


def measure(client: Client, bundle: Bundle) -> Iterator[Timed]:
    """Ask every chart of every dashboard once, one after the other."""
    charts = {one.slug: one for one in bundle.charts}
    datasets = client.ids("dataset")
    for dashboard in bundle.dashboards:
        for slug in dashboard.reads:
            chart = charts[slug]
            number = datasets[identifier("dataset", chart.declared["dataset"])]
            asked = context(chart, number, filters(bundle, dashboard, slug))
            began = time.perf_counter()
            answer = client.post("/api/v1/chart/data", json=asked)["result"][0]
            seconds = time.perf_counter() - began
            if answer["error"]:
                raise SystemExit(f"{dashboard.slug}/{slug}: {answer['error']}")
            yield Timed(seconds, dashboard.slug, slug, answer["rowcount"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each chart is asked; the first is not counted")
    rounds = parser.parse_args().rounds
    bundle = bi.bundle()
    with bi.client() as client:
        timed = [one for round_ in range(rounds) for one in measure(client, bundle) if round_ or rounds == 1]
    seconds = sorted(one.seconds for one in timed)
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(f"{len(timed)} answers: median {statistics.median(seconds):.3f} s, p95 {p95:.3f} s, most {seconds[-1]:.3f} s")
    for one in sorted(timed, reverse=True)[:SHOWN]:
        print(f"{one.seconds:8.3f} s  {one.rows:6} rows  {one.dashboard}/{one.chart}")


if __name__ == "__main__":
    main()
