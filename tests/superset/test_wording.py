"""The corrections of Superset's French: none is idle, none loses what Superset fills in, and readers receive them."""

import json
import re
import sys
from typing import Any

import httpx
import pytest
import yaml

from core import settings
from tests.superset.conftest import SERVER

CATALOGUE = (
    settings.CHECKOUT / ".venv-superset" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    "/site-packages/superset/translations/fr/LC_MESSAGES/messages.json"
)
CORRECTIONS: dict[str, Any] = yaml.safe_load(SERVER.with_name("wording.yml").read_text(encoding="utf-8"))
FILLED_IN = re.compile(r"%s|%d|%\(\w+\)[sd]")
#: Asked for by the interface, and absent from its catalogue.
NOT_IN_CATALOGUE = {"Loading filter values"}


def forms(text: str | list[str]) -> list[str]:
    return text if isinstance(text, list) else [text]


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    return json.loads(CATALOGUE.read_text(encoding="utf-8"))["locale_data"]["superset"]


def test_each_correction_changes_a_text_of_the_catalogue(original):
    assert CORRECTIONS.keys() - original.keys() == NOT_IN_CATALOGUE
    assert [english for english, french in CORRECTIONS.items() if original.get(english) == forms(french)] == []


def test_a_correction_has_the_forms_of_its_text(original):
    assert [
        english for english in CORRECTIONS.keys() & original.keys()
        if len(forms(CORRECTIONS[english])) != len(original[english])
    ] == []  # fmt: skip


def test_a_correction_keeps_what_is_filled_in():
    lost = [
        (english, form)
        for english, french in CORRECTIONS.items()
        for form in forms(french)
        if sorted(FILLED_IN.findall(form)) != sorted(FILLED_IN.findall(english))
    ]
    assert lost == []


def test_a_browser_receives_the_corrections(server, original):
    """Without a session too: the login page needs them."""
    answer = httpx.get(f"{server.url}/superset/language_pack/fr/")
    texts = answer.raise_for_status().json()["locale_data"]["superset"]
    assert texts["No results were returned for this query"] == ["Rien à montrer pour ce choix."]
    assert texts["Cancel"] == original["Cancel"] == ["Annuler"]
    again = httpx.get(str(answer.url), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
