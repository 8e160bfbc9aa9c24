"""Seconds and bytes that the copies of rights cost: made at first use, and asked for by charts afterwards.

Against the published copies of a home, and, with `--charts`, a running Superset that `cyberimpact superset apply` has
filled and that has no accounts called `banc-…`:

    python -m benchmarks.rights --charts
"""

import argparse
import os
import secrets
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
from supersync.bundle import Bundle
from supersync.client import Client

from assets.bi import server
from benchmarks.charts import context, filters
from core import settings
from warehouse import rights
from warehouse.published import DAILY, LIVE
from warehouse.reader_copies import FOLDER, path_for
from warehouse.rights import Right

COUNTS = (5, 140)
#: How many rights are used for the first time, by how many readers at once.
USES = ((5, 1), (5, 8), (140, 8))
ASKED = "select count(*) from {table}"
TABLES = {DAILY: "kpi.rpt_kpi", LIVE: "signals.live_signal"}


def chosen(count: int) -> dict[str, Right]:
    """Return so many rights by role: the nation's, an analyst's, then those of territories."""
    policies = rights.current()
    names = ["national", "analyste", *(name for name, reader in policies.roles.items() if reader.places)]
    return {name: policies.right([name]) for name in names[:count]}


def p95(figures: Sequence[float]) -> float:
    return statistics.quantiles(figures, n=20, method="inclusive")[-1]


def report(what: str, figures: Sequence[float]) -> None:
    print(f"{what}: median {statistics.median(figures):.2f} s, p95 {p95(figures):.2f} s, most {max(figures):.2f} s")


def first_use(link: Path, table: str, granted: Sequence[Right], readers: int) -> None:
    """Print what the first query of each right takes, by so many readers at once, and how large the copies are."""
    made = link.resolve().parent / FOLDER
    shutil.rmtree(made, ignore_errors=True)

    def first_query(right: Right) -> tuple[float, float]:
        began = time.perf_counter()
        path = path_for(link, right)
        copied = time.perf_counter() - began
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute(ASKED.format(table=table)).fetchall()
        return copied, time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(readers) as pool:
        figures = list(pool.map(first_query, granted))
    elapsed = time.perf_counter() - began
    size = sum(file.stat().st_size for file in made.rglob("*.duckdb"))
    largest = max(file.stat().st_size for file in made.rglob("*.duckdb"))
    print(
        f"{link.name}, {len(granted)} rights, {readers} readers: {elapsed:.1f} s in all, {size / 2**20:.0f} MiB, "
        f"largest {largest / 2**20:.1f} of {link.stat().st_size / 2**20:.1f} MiB"
    )
    report("  copy and first query", [total for _, total in figures])
    again = [first_query(right)[1] for right in granted]
    report("  the next query", again)


@contextmanager
def sessions(client: Client, names: Sequence[str]) -> Iterator[list[Client]]:
    """Make an account for each role while the block lasts, and give a session of each."""
    found = client.get("/api/v1/security/roles/search/", params={"q": "(page:0,page_size:1000)"})["result"]
    numbers = {role["name"]: role["id"] for role in found}
    made: list[int] = []
    with ExitStack() as stack:
        stack.callback(lambda: [client.delete(f"/api/v1/security/users/{number}") for number in made])
        opened = []
        for name in names:
            account, password = f"banc-{name.lower()}", secrets.token_urlsafe(16)
            fields = {"username": account, "first_name": "Banc", "last_name": name, "email": f"{account}@example.org"}
            body = {**fields, "active": True, "password": password, "roles": [numbers[name]]}
            made.append(client.post("/api/v1/security/users/", json=body)["id"])
            opened.append(stack.enter_context(Client(settings.superset_url(), account, password)))
        yield opened


def questions(client: Client, bundle: Bundle) -> list[dict[str, Any]]:
    """Return the query of each chart of the dashboards that every role opens."""
    of_slug = {chart.slug: chart for chart in bundle.charts}
    numbers = client.ids("dataset")
    return [
        context(of_slug[slug], numbers[UUID(of_slug[slug].config["dataset_uuid"])], filters(bundle, dashboard, slug))
        for dashboard in bundle.dashboards
        for slug in dashboard.reads
        if of_slug[slug].declared["dataset"] in rights.current().roles["national"].datasets
    ]


def charts(opened: Sequence[Client], queries: Sequence[dict[str, Any]], rounds: int) -> None:
    """Print what charts take, past Superset's cache, asked by so many accounts in turn."""
    for session in opened:  # the copies are there, as a former page has left them
        session.post("/api/v1/chart/data", json=queries[0])
    figures = []
    for session, query in zip(cycle(opened), [*queries] * rounds, strict=False):
        began = time.perf_counter()
        session.post("/api/v1/chart/data", json=query)
        figures.append(time.perf_counter() - began)
    report(f"charts, {len(opened)} in turn, {len(figures)} answers", figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", action="store_true", help="ask a running Superset too")
    parser.add_argument("--rounds", type=int, default=2, help="how often each chart is asked")
    options = parser.parse_args()
    home = settings.home()
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    policies = rights.CurrentPolicies()
    for what in ("read", "seen to be unchanged"):
        began = time.perf_counter()
        policies()
        print(f"policies {what}: {1000 * (time.perf_counter() - began):.1f} ms")
    for copy, table in TABLES.items():
        for count, readers in USES:
            first_use(copy.link(home), table, list(chosen(count).values()), readers)
    if options.charts:
        bundle = server.bundle()
        with server.client() as client:
            queries = questions(client, bundle)
            charts([client], queries, options.rounds)  # the published copy itself, as before
            for count in COUNTS:
                with sessions(client, list(chosen(count))) as opened:
                    charts(opened, queries, options.rounds)


if __name__ == "__main__":
    main()
