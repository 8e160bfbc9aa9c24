"""A folder of open data goes to a catalogue once, and what the catalogue refuses is reported."""

import json
from datetime import date
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from audit import signing
from cli.main import app
from core.content_store import digest_of
from core.errors import ExpectedFailure
from core.settings import Home
from opendata import declaration, package, udata
from sandbox import udata as stand_in
from tests.opendata.conftest import LIST
from tests.opendata.test_package import WHEN

ORGANIZATION = "5" * 24


class Counting:
    """A stand-in, with a count of what was sent to it; its nth request is lost, or the answer to it."""

    def __init__(self, breaks_at: int = 0, loses: str = "request") -> None:
        self.sent: list[str] = []
        self._breaks_at, self._loses = breaks_at, loses
        self._stand = TestClient(Starlette(routes=stand_in.routes(17, lambda: date(2026, 11, 28))))
        self.http = self.client()

    def client(self) -> httpx.Client:
        transport = httpx.MockTransport(self._through)
        return httpx.Client(transport=transport, base_url="http://x/udata", headers={"X-API-KEY": "sandbox"})

    def _through(self, request: httpx.Request) -> httpx.Response:
        breaks = False
        if request.method != "GET":
            self.sent.append(f"{request.method} {request.url.path.removeprefix('/udata/api/1')}")
            breaks = len(self.sent) == self._breaks_at
        if breaks and self._loses == "request":
            raise httpx.ConnectError("broken")
        headers = dict(request.headers)
        answer = self._stand.request(request.method, str(request.url), headers=headers, content=request.read())
        if breaks:
            raise httpx.ReadError("broken")
        return httpx.Response(answer.status_code, content=answer.content)

    @property
    def catalogue(self) -> udata.Catalogue:
        return udata.Catalogue(self.http, ORGANIZATION)

    @property
    def datasets(self) -> list[dict]:
        return self.http.get(f"/api/1/organizations/{ORGANIZATION}/datasets/").json()["data"]


@pytest.fixture
def folder(declared: Home, tmp_path: Path) -> Path:
    package.build(declared, tmp_path / "out")
    return tmp_path / "out"


def push(home: Home, folder: Path, target: Counting) -> list[udata.Refusal]:
    return udata.push(home, folder, target.catalogue, lambda _: None)


def test_what_another_key_has_signed_is_to_be_built_again(
    declared: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signing.SETTING, signing.seed_of(Ed25519PrivateKey.generate()))
    with pytest.raises(ExpectedFailure, match=r"clé de signature actuelle.*opendata build"):
        push(declared, folder, Counting())
    package.build(declared, folder)
    assert push(declared, folder, Counting()) == []


def titles(dataset: dict) -> list[tuple[str, str]]:
    return sorted((entry["title"], entry["type"]) for entry in dataset["resources"])


def test_what_is_planned_is_done_once(declared: Home, folder: Path) -> None:
    target = Counting()
    planned = udata.plan(declared, folder, target.catalogue)
    assert target.sent == []
    assert [step.text for step in planned[:3]] == [
        "experiences : créer", "experiences : ajouter LISEZMOI.md", "experiences : décrire LISEZMOI.md"
    ]  # fmt: skip
    assert len(planned) == 2 * (1 + 4 + 4)
    assert push(declared, folder, target) == []
    assert len(target.sent) == len(planned)
    assert [dataset["title"] for dataset in target.datasets] == ["Expériences", "Abonnés"]
    for dataset in target.datasets:
        slug = dataset["extras"][udata.NAME]
        assert titles(dataset) == [
            ("LISEZMOI.md", "documentation"), (f"{slug}.csv", "main"), (f"{slug}.parquet", "main"),
            ("schema.json", "documentation"),
        ]  # fmt: skip
    assert udata.plan(declared, folder, target.catalogue) == []
    target.sent.clear()
    assert push(declared, folder, target) == []
    assert target.sent == []


def test_what_has_changed_is_sent_and_nothing_else(declared: Home, signer, folder: Path) -> None:
    target = Counting()
    push(declared, folder, target)
    before = {entry["title"]: entry["id"] for entry in target.datasets[0]["resources"]}
    (declared.config / "opendata.yml").write_text(
        LIST.replace("[usagers]", "[usagers, satisfaction]"), encoding="utf-8"
    )
    declaration.sign(declared, signer, "Chef", WHEN)
    package.build(declared, folder)
    assert [step.text for step in udata.plan(declared, folder, target.catalogue)] == [
        "experiences : mettre à jour", "experiences : remplacer LISEZMOI.md", "abonnes : remplacer LISEZMOI.md"
    ]  # fmt: skip
    push(declared, folder, target)
    assert target.datasets[0]["tags"] == ["satisfaction", "usagers"]
    assert {entry["title"]: entry["id"] for entry in target.datasets[0]["resources"]} == before


def test_a_refused_dataset_does_not_stop_the_others(declared: Home, signer, folder: Path) -> None:
    """The catalogue wants keywords of three letters and more."""
    (declared.config / "opendata.yml").write_text(LIST.replace("[usagers]", "[us]"), encoding="utf-8")
    declaration.sign(declared, signer, "Chef", WHEN)
    package.build(declared, folder)
    target = Counting()
    (refused,) = push(declared, folder, target)
    assert refused.slug == "experiences"
    assert "tags : Un mot-clé a de 3" in refused.reason
    assert [dataset["title"] for dataset in target.datasets] == ["Abonnés"]
    (declared.config / "opendata.yml").write_text(LIST, encoding="utf-8")
    declaration.sign(declared, signer, "Chef", WHEN)
    package.build(declared, folder)
    target.sent.clear()
    assert push(declared, folder, target) == []
    assert len(target.datasets) == 2
    assert sum(sent == "POST /datasets/" for sent in target.sent) == 1


@pytest.mark.parametrize("loses", ["request", "answer"])
@pytest.mark.parametrize("at", [1, 2, 3, 9, 10, 18])
def test_a_push_that_is_cut_off_goes_on(declared: Home, folder: Path, at: int, loses: str) -> None:
    target = Counting(at, loses)
    with pytest.raises(ExpectedFailure, match="ne répond pas"):
        push(declared, folder, target)
    assert push(declared, folder, target) == []
    assert len(target.sent) == (19 if loses == "request" else 18), "only what failed is sent again"
    assert [len(dataset["resources"]) for dataset in target.datasets] == [4, 4]
    assert udata.plan(declared, folder, target.catalogue) == []


def test_a_folder_that_was_changed_or_is_of_another_list_is_not_sent(declared: Home, signer, folder: Path) -> None:
    target = Counting()
    (declared.config / "opendata.yml").write_text(LIST + "# later\n", encoding="utf-8")
    declaration.sign(declared, signer, "Chef", WHEN)
    with pytest.raises(ExpectedFailure, match="d'une autre liste"):
        push(declared, folder, target)
    package.build(declared, folder)
    (folder / "abonnes" / "abonnes.csv").write_text("changed")
    with pytest.raises(ExpectedFailure, match="a été modifié"):
        push(declared, folder, target)
    assert target.sent == []


def test_a_folder_that_was_changed_with_its_sums_is_not_sent(declared: Home, folder: Path) -> None:
    """Who may write the folder can write sums and signature anew, but for what only the platform signs."""
    file = folder / "abonnes" / "abonnes.csv"
    former = digest_of(file)
    file.write_text("changed")
    sums = folder / package.SUMS
    sums.write_text(sums.read_text("utf-8").replace(former, digest_of(file)), "utf-8")
    signature = json.loads((folder / package.SIGNATURE).read_bytes())
    signature["content"][package.SUMS] = digest_of(sums)
    (folder / package.SIGNATURE).write_text(json.dumps(signature))
    target = Counting()
    with pytest.raises(ExpectedFailure, match="n'est pas signé par la clé de signature actuelle"):
        push(declared, folder, target)
    assert target.sent == []


def test_a_wrong_key_and_a_page_that_is_no_catalogue_are_said(declared: Home, folder: Path) -> None:
    target = Counting()
    del target.http.headers["X-API-KEY"]
    assert {refused.reason for refused in push(declared, folder, target)} == {"401 Clé absente"}
    page = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>")), base_url="http://x"
    )
    with pytest.raises(ExpectedFailure, match="autre chose qu'un catalogue"):
        udata.plan(declared, folder, udata.Catalogue(page, ORGANIZATION))


def test_datasets_of_others_and_further_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Counting()
    for number in range(5):
        extras = {udata.NAME: f"d{number}"} if number != 2 else {}
        body = {"title": "t", "description": "d", "organization": ORGANIZATION, "extras": extras}
        target.http.post("/api/1/datasets/", json=body)
    monkeypatch.setattr(udata, "PAGE", 2)
    assert list(target.catalogue.datasets()) == ["d0", "d1", "d3", "d4"]


def test_from_the_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Counting()
    monkeypatch.setattr(udata, "client", target.client)
    monkeypatch.setenv(udata.ORGANIZATION_SETTING, ORGANIZATION)
    planned = CliRunner().invoke(app, ["opendata", "plan", str(folder)]).stdout.splitlines()
    pushed = CliRunner().invoke(app, ["opendata", "push", str(folder)]).stdout.splitlines()
    assert pushed == [*planned, "Le catalogue est à jour."]
    assert CliRunner().invoke(app, ["opendata", "plan", str(folder)]).stdout == "Le catalogue est à jour.\n"
