"""Measures the dashboards of a platform that runs: seconds until the charts of the first tabs are drawn, and queries.

Run it as `python -m benchmarks.dashboards [slug …]` beside `make up`, with little else on the machine. Each page is
opened by the administrator in a browser that has Superset's scripts, once past the cache of answers and once from it.
Then every chart is queried alone.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from playwright.sync_api import BrowserContext, Response, sync_playwright
from supersync import cache

from assets.bi import server
from core import settings, superset

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT = 1366, 768
TALL = "document.querySelector('.grid-container').scrollHeight"
DRAWN = (
    "() => document.querySelector('.slice_container') && !document.querySelector('.loading, .slice_container.loading')"
)
QUERY = "/api/v1/chart/data"
TIMEOUT = 120_000  # milliseconds


class Visit(NamedTuple):
    """What a visit took, and the height of the page in pixels."""

    seconds: float
    queries: list[float]
    height: int


def visit(context: BrowserContext, url: str) -> Visit:
    """Open a dashboard in a window as tall as it, so that every chart is drawn."""
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response) if QUERY in response.url else None)
    began = time.perf_counter()
    page.goto(url)
    page.locator(".dashboard-component-chart-holder").first.wait_for()
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT + page.evaluate(TALL)})
    page.wait_for_load_state("networkidle")  # half a second without a request, which does not count
    page.wait_for_function(DRAWN)
    seconds = time.perf_counter() - began - 0.5
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})  # in a tall window the page is as tall as it
    height = page.evaluate(TALL)
    queries = [answer.request.timing["responseEnd"] / 1000 for answer in answers]
    page.close()
    return Visit(seconds, queries, height)


def visits(slugs: list[str]) -> Iterator[tuple[str, Visit, Visit]]:
    """Yield each dashboard with its visits past the cache and from it."""
    bundle = server.bundle()
    here = f"http://127.0.0.1:{settings.port('superset')}"
    with sync_playwright() as playwright, server.client() as client:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(locale="fr-FR", timezone_id="Europe/Paris")
        cookies = superset.session("admin").items()
        context.add_cookies([{"name": name, "value": value, "url": here} for name, value in cookies])
        visit(context, here + superset.dashboard_path(slugs[0]))  # fetches the scripts
        for slug in slugs:
            cache.invalidate(client, bundle)
            past, cached = (visit(context, here + superset.dashboard_path(slug)) for _ in range(2))
            yield slug, past, cached
        browser.close()


def queries_alone() -> list[float]:
    """Return the seconds that each chart's query takes, past the cache, one after the other and without a browser."""
    taken = []
    with server.client() as client:
        for number in client.ids("chart").values():
            began = time.perf_counter()
            client.get(f"/api/v1/chart/{number}/data/?force=true")
            taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slugs", nargs="*", help="dashboards; all by default")
    slugs = parser.parse_args().slugs or [dashboard.slug for dashboard in server.bundle().dashboards]
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| dashboard | height, px | charts | past the cache, s | p95 of its queries, s | from the cache, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for slug, past, cached in visits(slugs):
        p95 = statistics.quantiles(past.queries, n=20)[-1]
        figures = f"{past.seconds:.1f} | {p95:.2f} | {cached.seconds:.1f}"
        print(f"| {slug} | {past.height} | {len(past.queries)} | {figures} |", flush=True)
    alone = queries_alone()
    p95 = statistics.quantiles(alone, n=20)[-1]
    print(f"Queries alone: {len(alone)}, median {statistics.median(alone):.3f} s, p95 {p95:.3f} s")


if __name__ == "__main__":
    main()
