"""Superset's form of the login, filled in by a browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Request
from playwright.sync_api import TimeoutError as PlaywrightTimeout

#: The form takes Chromium's processes about ten seconds of one core. A machine with twenty other busy processes showed
#: it after 90 s, with nothing lost.
SECONDS = 180


def log_in(page: Page, name: str, password: str) -> None:
    """Fill in the form of a page and send it; fail with what the page lacks if the form does not come."""
    try:
        page.locator("#username").wait_for(timeout=SECONDS * 1_000)
        page.wait_for_load_state("networkidle")  # the form is drawn anew until all of it is loaded
    except PlaywrightTimeout:
        pytest.fail(evidence(page))
    page.fill("#username", name)
    page.fill("#password", password)
    page.keyboard.press("Enter")


def evidence(page: Page) -> str:
    """Return what a page was not given, what its console says, and how busy the machine is."""
    return "\n".join(
        [
            f"{page.url} shows no form",
            *(f"request: {state} {request.url}" for request in page.requests() if (state := incomplete(request))),
            *(f"console: {message.text}" for message in page.console_messages()),
            *(f"error: {error}" for error in page.page_errors()),
            f"waiting for a processor: {Path('/proc/pressure/cpu').read_text(encoding='ascii').splitlines()[0]}",
        ]
    )


def incomplete(request: Request) -> str | None:
    """Return what became of a request that was not answered well, None of one that was."""
    answer = request.existing_response
    if answer and not answer.ok:
        return str(answer.status)
    return request.failure or (None if answer else "no answer")
