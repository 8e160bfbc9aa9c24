"""Measures the pages of a platform that runs: first byte, and bytes of a first visit and of the next.

Run it as `python -m benchmarks.pages [--account admin] [--times 30]` beside `make up`. It starts from the home page and
from a search, follows links, and measures one address of each route that answers with a page. The first byte is that of
a session that Superset was asked about already; bytes are those that Chromium says it was sent, headers included.
"""

import argparse
import os
import re
import statistics
import time
from collections.abc import Sequence
from html import unescape
from urllib.parse import urlsplit

import django
import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from core import settings, superset

STARTS = ("/", "/chercher?q=taux+de+r%C3%A9ponse", "/api/docs")
CHROMIUM = "/usr/bin/chromium"
SENT = """
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .reduce((sum, entry) => sum + entry.transferSize, 0)
"""
LINK = re.compile(r'href="(/[^"#]*)"')


def addresses(http: httpx.Client) -> dict[str, str]:
    """Return an address by route: of each that a page links to, and that is a page."""
    from django.urls import Resolver404, resolve

    found: dict[str, str] = {}
    waiting = list(STARTS)
    while waiting:
        address = waiting.pop(0)
        try:
            route = resolve(urlsplit(address).path).route
        except Resolver404:
            continue  # a static file
        if route in found:
            continue
        answer = http.get(address)
        if answer.is_success and answer.headers["Content-Type"].startswith("text/html"):
            found[route] = address
            waiting += map(unescape, LINK.findall(answer.text))
    return found


def first_byte(http: httpx.Client, address: str, times: int) -> float:
    """Return the median of the milliseconds until an answer begins."""
    elapsed = []
    for _ in range(times):
        begun = time.perf_counter()
        with http.stream("GET", address) as answer:
            answer.raise_for_status()
            elapsed.append(1000 * (time.perf_counter() - begun))
            answer.read()
    return statistics.median(elapsed)


def sent(context: BrowserContext, url: str) -> float:
    """Return the kilobytes that a visit takes."""
    page = context.new_page()
    page.goto(url)
    page.wait_for_load_state("networkidle")
    kilobytes = page.evaluate(SENT) / 1000
    page.close()
    return kilobytes


def measure(browser: Browser, http: httpx.Client, address: str, times: int) -> str:
    url = f"{http.base_url.copy_with(raw_path=b'')}{address}"
    context = browser.new_context(locale="fr-FR")
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in http.cookies.items()])
    first, following = sent(context, url), sent(context, url)
    context.close()
    return f"| `{address}` | {first_byte(http, address, times):.0f} | {first:.0f} | {following:.0f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.pages", description=__doc__)
    parser.add_argument("--account", default="admin", help="whose session it is")
    parser.add_argument("--times", type=int, default=30)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
    django.setup()
    here = f"http://127.0.0.1:{settings.port('web')}"
    with (
        httpx.Client(base_url=here, cookies=superset.session(options.account), timeout=60) as http,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        print("| page | first byte, ms | first visit, kB | next visit, kB |\n| --- | --- | --- | --- |")
        for address in addresses(http).values():
            print(measure(browser, http, address, options.times), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
