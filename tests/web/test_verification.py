"""The auditors' page: the ledger is verified in words, and what was displayed and defined is found again."""

import re
import time
from collections.abc import Callable
from http import HTTPStatus

import pytest
from django.test import Client

from audit import signing
from core.settings import Home
from tests.audit import world
from tests.web.published_figures import address, publish
from tests.web.test_figure import text

PATHS = (
    "/verifier",
    "/verifier/definitions?de=1&a=1",
    "/verifier/affiche?code=visits&periode=2026-10&territoire=FR",
    "/verifier/cle-publique",
    "/verifier/controle/0",
)


@pytest.fixture
def browser(home: Home, visit: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Client]:
    monkeypatch.setenv(signing.SETTING, "c2l4dGVlbiBieXRlcyEhc2l4dGVlbiBieXRlcyEhYWI"[:43])
    publish(home, 0)
    return visit


@pytest.mark.parametrize("role", ["national", "departement-FR-33", "analyste", "administrateur", "veille"])
def test_only_who_verifies_opens_any_of_it(browser: Callable[..., Client], role: str) -> None:
    client = browser(role)
    assert {client.get(path).status_code for path in PATHS} == {HTTPStatus.FORBIDDEN}
    assert client.post("/verifier").status_code == HTTPStatus.FORBIDDEN
    assert 'href="/verifier"' not in client.get(address("FR")).content.decode()
    assert 'href="/verifier"' in browser("auditeur").get(address("FR")).content.decode()


def verified(client: Client, **given: str) -> str:
    """Start a verification and return what it says in the end."""
    started = client.post("/verifier", given)
    assert started.status_code == HTTPStatus.FOUND
    assert "en cours" in text(client.get(started["Location"]))
    for _ in range(600):
        part = client.get(started["Location"], headers={"HX-Request": "true"})
        if "hx-trigger" not in part.content.decode():
            assert "<html" not in part.content.decode()
            return text(client.get(started["Location"]))
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_the_ledger_is_verified_in_words(home: Home, browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    home.evidence.joinpath("00").mkdir(exist_ok=True)
    assert "n'a été altéré" in verified(client)
    file = next(home.evidence.glob("*/*.parquet"))
    file.write_bytes(file.read_bytes() + b" ")
    said = verified(client, head=f"Tête de lundi : 9:{'a' * 64}")
    assert "2 altération(s) trouvée(s)." in said
    assert f"modifiée ({file.name})" in said
    assert "la fin du registre a été tronquée" in said


@pytest.mark.parametrize(
    ("given", "why"),
    [({"head": "mon chien"}, "pas une tête de chaîne"), ({"key": "mon chat"}, "pas une clé publique")],
)
def test_what_is_no_head_or_key_is_said(browser: Callable[..., Client], given: dict[str, str], why: str) -> None:
    answer = browser("auditeur").post("/verifier", given)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert why in text(answer)
    ((name, typed),) = given.items()
    page = answer.content.decode()
    assert f'id="{name}-erreur"' in page
    assert f">{typed}</textarea>" in page, "what was typed stays"


def test_no_file_of_the_server_is_read_for_a_head(home: Home, browser: Callable[..., Client]) -> None:
    head = next(home.ledger.glob("*/head.json"))
    assert browser("auditeur").post("/verifier", {"head": str(head)}).status_code == HTTPStatus.BAD_REQUEST


def test_what_was_displayed_on_a_day_is_found(browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    asked = {"code": "visits", "periode": "2026-10", "territoire": "FR-33", "le": "2026-11-05"}
    found = client.get("/verifier/affiche", asked, follow=True)
    assert found.redirect_chain[0][0] == "/chiffre/visits/2026-10/FR-33?le=2026-11-05"
    assert "Tel qu'il était affiché le 05/11/2026" in text(found)
    wrong = client.get("/verifier/affiche", {**asked, "periode": "octobre 2026"})
    assert wrong.status_code == HTTPStatus.BAD_REQUEST
    for part in ('name="periode" value="octobre 2026"', 'name="territoire" value="FR-33"', 'id="periode-erreur"'):
        assert part in wrong.content.decode(), part


def test_definitions_of_two_publications_are_compared(home: Home, browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    doubled = world.OPEN_SQL.replace("sum(numerator)", "2 * sum(numerator)")
    world.write_warehouse(home, sql=doubled)
    world.record(home, 1, doubled)
    for de, a in (("1", "2"), ("2026-11-01", "2026-11-02")):
        said = text(client.get("/verifier/definitions", {"de": de, "a": a}))
        assert "calcul : le SQL de l'indicateur change" in said
    assert "Aucun indicateur n'a changé" in text(client.get("/verifier/definitions", {"de": "2", "a": "2"}))
    for de in ("3", "2026-10-01", "hier", ""):
        assert client.get("/verifier/definitions", {"de": de, "a": "2"}).status_code == HTTPStatus.BAD_REQUEST


def test_the_public_key_is_given_as_a_file(browser: Callable[..., Client]) -> None:
    answer = browser("auditeur").get("/verifier/cle-publique")
    assert "attachment" in answer["Content-Disposition"]
    key = signing.private_key()
    assert key
    assert signing.public_keys_in(answer.content) == [key.public_key()]


def test_publications_are_listed_page_by_page(home: Home, browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    for number in range(1, 35):
        world.record(home, number, world.OPEN_SQL)
    first, second = (client.get("/verifier", {"page": page}).content.decode() for page in (1, 2))
    assert "35 publications" in first
    listed = [re.findall(r'<th scope="row">(\d+)</th>', page) for page in (first, second)]
    assert listed == [[str(number) for number in range(35, 5, -1)], ["5", "4", "3", "2", "1"]]
    assert client.get("/verifier", {"page": 3}).status_code == HTTPStatus.NOT_FOUND
