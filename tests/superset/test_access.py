"""Roles, row rules and accounts on a real server: planned, applied, pruned, repaired, with the faults one meets."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from supersync import access, policies
from supersync import bundle as bundles
from supersync.client import Client
from supersync.errors import SupersetFailure
from supersync.policies import Policies

from tests.superset import people
from tests.superset.conftest import BUNDLE, Server
from tests.superset.edits import edit, set_field
from tests.superset.people import POLICIES, few_seeds
from tests.superset.test_apply import Recorder, lines

CELL = {"permissions": ["affichage", "lecture"], "datasets": "all"}


@pytest.fixture
def granted(server, client, tmp_path) -> tuple[bundles.Bundle, Policies]:
    """The server as bundle and policies declare it, with everybody on it."""
    return people.grant(server, client, tmp_path)


@pytest.fixture
def files(granted, tmp_path: Path) -> Path:  # noqa: ARG001 - it writes the seeds and the accounts
    """A copy of the policies, with everybody declared, to be changed."""
    folder = shutil.copytree(POLICIES, tmp_path / "policies")
    shutil.copy(tmp_path / "users.yml", folder / "users.yml")
    return folder


def changed(files: Path, bundle: bundles.Bundle, tmp_path: Path) -> Policies:
    return policies.load(files, bundle, seeds=tmp_path)


def role(client: Client, name: str) -> int | None:
    roles = client.get("/api/v1/security/roles/search/", params={"q": "(page:0,page_size:1000)"})["result"]
    return next((role["id"] for role in roles if role["name"] == name), None)


def user(client: Client, name: str) -> int:
    users = client.list("security/users", ["id", "username"], order="username")
    return next(user["id"] for user in users if user["username"] == name)


def rule(client: Client, name: str) -> dict:
    return next(rule for rule in client.list("rowlevelsecurity", ["id", "name", "clause"]) if rule["name"] == name)


def test_a_second_apply_writes_nothing(server, granted):
    with Recorder(server) as recorder:
        assert access.apply(recorder, *granted).is_empty
        assert [change for change in recorder.changes if "login" not in change] == []


def test_a_plan_says_what_would_change_and_changes_nothing(server, granted, files, tmp_path):
    bundle, _ = granted
    edit(files / "roles.yml", lambda c: c["permissions"]["lecture"].remove("can_csv on Superset"))
    edit(files / "roles.yml", lambda c: c["roles"].update(cellule=CELL))
    edit(files / "users.yml", lambda c: c["users"]["gironde"].update(roles=["departement-FR-24"], last_name="Autre"))
    with Recorder(server) as recorder:
        shown = str(access.plan(recorder, bundle, changed(files, bundle, tmp_path)))
        assert recorder.changes == []
    assert "+ create role “cellule”" in shown
    assert (
        "~ update role “national” and 13 more, to “region-gendarmerie-GN-ARA”\n"
        "    can_csv on Superset: 'given' -> absent"
    ) in shown
    assert "~ update rule “territoire : personne d'autre”\n    role cellule: absent -> 'given'" in shown
    assert (
        "~ update user “gironde”\n    last_name: 'Essai' -> 'Autre'\n"
        "    role departement-FR-33: 'given' -> absent\n    role departement-FR-24: absent -> 'given'"
    ) in shown
    assert shown.endswith("1 to create, 16 to update, 0 to delete.")


def test_what_is_given_by_hand_is_named_and_taken_back(client, granted):
    bundle, declared = granted
    held = access.plan(client, bundle, declared).server
    national = held.roles["national"]
    more = [
        *(held.permission_ids[permission] for permission in national.permissions),
        held.permission_ids["read dataset experiences"],
    ]
    client.post(f"/api/v1/security/roles/{national.id}/permissions", json={"permission_view_menu_ids": more})
    wide = {"clause": "1 = 1", "tables": [held.dataset_ids["rpt_kpi"]], "roles": [national.id]}
    number = held.rules["territoire : departement-FR-33"].id
    client.put(f"/api/v1/rowlevelsecurity/{number}", json=wide)
    client.post("/api/v1/rowlevelsecurity/", json={"name": "à la main", "filter_type": "Regular", **wide})
    client.put(f"/api/v1/security/users/{user(client, 'gironde')}", json={"roles": [national.id]})
    found = lines(access.drift(client, bundle, declared))
    assert "~ update role “national”" in found
    assert "    read dataset experiences: 'given' -> absent" in found
    assert "~ update rule “territoire : departement-FR-33”" in found
    assert "    clause: '1 = 1' -> \"territory_code in ('FR', 'FR-33')\"" in found
    assert "    dataset google_reviews: absent -> 'given'" in found
    assert "    role departement-FR-33: absent -> 'given'" in found
    assert "- delete rule “à la main”" in found
    assert "    role national: 'given' -> absent" in found
    access.apply(client, bundle, declared)
    assert access.drift(client, bundle, declared) == []


def test_what_is_no_longer_declared_goes(server, client, granted, files, tmp_path):
    bundle, declared = granted
    edit(files / "roles.yml", lambda c: c["roles"].update(cellule=CELL))
    edit(files / "users.yml", lambda c: c["users"]["rhone"].update(roles=["cellule"]))
    access.apply(client, bundle, changed(files, bundle, tmp_path))
    password = access.new_password(client, "rhone")
    assert people.come_in(server.url, "rhone", password)
    edit(files / "roles.yml", lambda c: c["roles"].pop("cellule"))
    edit(files / "users.yml", lambda c: c["users"].pop("rhone"))
    seeds = (tmp_path / "territories.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "territories.csv").write_text("".join(line for line in seeds if "FR-24" not in line), encoding="utf-8")
    done = access.apply(client, bundle, changed(files, bundle, tmp_path))
    assert {(change.kind, change.title) for change in done.changes if change.action == "delete"} == {
        ("role", "cellule"),
        ("role", "departement-FR-24"),
        ("rule", "territoire : departement-FR-24"),
        ("user", "rhone"),
    }
    assert role(client, "cellule") is None
    assert role(client, "Gamma") is not None
    with pytest.raises(AssertionError, match="rhone was not let in"):
        people.come_in(server.url, "rhone", password)
    few_seeds(tmp_path)
    access.apply(client, bundle, declared)  # and may be declared again
    assert access.drift(client, bundle, declared) == []


def test_accounts_that_others_made_are_left_alone(client, granted):
    national = role(client, "national")
    body = {"username": "main", "first_name": "A", "last_name": "B", "email": "main@example.org", "roles": [national]}
    made = client.post("/api/v1/security/users/", json={**body, "active": True, "password": "long enough 1"})
    try:
        assert access.plan(client, *granted).is_empty
    finally:
        client.delete(f"/api/v1/security/users/{made['id']}")


class Cut(Client):
    """A client that dies before its nth write, as a killed process does: each write is a transaction of the server."""

    def __init__(self, server: Server, writes: int) -> None:
        super().__init__(server.url, "admin", server.password)
        self._left = writes

    def _request(self, method: str, path: str, **options: object) -> httpx.Response:
        if method != "GET":
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return super()._request(method, path, **options)


@pytest.fixture
def other(granted, files, tmp_path) -> Policies:
    """Policies that differ in all that an apply touches."""
    edit(files / "roles.yml", lambda c: c["permissions"]["lecture"].remove("can_csv on Superset"))
    edit(files / "roles.yml", lambda c: c["roles"].update(cellule=CELL))
    edit(files / "users.yml", lambda c: c["users"].pop("rhone"))
    edit(files / "rls.yml", lambda c: c.update(nation="XX"))
    return changed(files, granted[0], tmp_path)


def test_an_apply_that_dies_is_completed_by_the_next_and_shows_nobody_more(server, client, granted, other):
    bundle, declared = granted
    for writes in (2, 17):
        access.apply(client, bundle, declared)
        with Cut(server, writes) as dying, pytest.raises(KeyboardInterrupt):
            access.apply(dying, bundle, other)
        nobody_reads_without_a_rule(client, bundle, other)
        access.apply(client, bundle, other)
    access.apply(client, bundle, declared)


@pytest.mark.proof
def test_an_apply_killed_at_any_moment_is_completed_by_the_next(server, granted, other, files, tmp_path):
    (bundle, declared), client = granted, server.client()
    command = [
        sys.executable, "-m", "supersync", "apply", "--manifest", server.manifest, "--url", server.url,
        "--database-uri", server.database_uri, "--policies", files, "--seeds", tmp_path,
    ]  # fmt: skip
    environment = os.environ | {"SUPERSET_ADMIN_PASSWORD": server.password}
    for moment in random.Random(11).sample(range(15, 45), 6):
        access.apply(client, bundle, declared)
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        time.sleep(moment / 10)
        process.send_signal(signal.SIGKILL)
        process.wait()
        nobody_reads_without_a_rule(client, bundle, other)
        access.apply(client, bundle, other)
        assert access.plan(client, bundle, other).is_empty
    access.apply(client, bundle, declared)


def nobody_reads_without_a_rule(client: Client, bundle: bundles.Bundle, declared: Policies) -> None:
    """Hold that at this moment every territory's role that reads a dataset with a territory is held by its rule."""
    held = access.plan(client, bundle, declared).server
    for name, role_ in held.roles.items():
        if not name.startswith(declared.prefixes):
            continue
        ruled = held.rules.get(f"territoire : {name}")
        reads = {permission.removeprefix("read dataset ") for permission in role_.permissions}
        assert (reads & declared.covered) <= (ruled.datasets if ruled else set()), name


def test_a_dataset_under_rules_can_go_and_come_back(server, client, granted, tmp_path):
    """A rule does not keep Superset from deleting its dataset, and covers it again once it is back."""
    bundle, declared = granted
    number = client.ids("dataset")[bundles.identifier("dataset", "experiences")]
    client.delete(f"/api/v1/dataset/{number}")
    with pytest.raises(SupersetFailure, match="not there"):
        access.apply(client, bundle, declared)
    shown = str(access.plan(client, bundle, declared))
    assert "dataset experiences: absent -> 'given'" in shown
    people.grant(server, client, tmp_path)
    assert access.plan(client, bundle, declared).is_empty


def test_a_reserved_dashboard_is_seen_by_whom_it_is_reserved_to(server, client, granted, files, tmp_path):
    bundle, declared = granted
    edit(files / "roles.yml", lambda c: c["reserved"]["dashboards"].update(acteurs=["analyste"]))
    done = access.apply(client, bundle, changed(files, bundle, tmp_path))
    assert "~ update dashboard “acteurs”" in str(done)
    folk = people.People(server.url, client)
    assert folk["analyste"].get("/api/v1/dashboard/acteurs").is_success
    for name in ("gironde", "nationale"):
        assert folk[name].get("/api/v1/dashboard/acteurs").status_code in {403, 404}
        slugs = {dashboard["slug"] for dashboard in folk[name].get("/api/v1/dashboard/").json()["result"]}
        assert "acteurs" not in slugs
        assert "perception" in slugs
    access.apply(client, bundle, declared)
    assert folk["gironde"].get("/api/v1/dashboard/acteurs").is_success


def test_an_unknown_permission_is_named(client, granted, files, tmp_path):
    bundle, declared = granted
    edit(files / "roles.yml", lambda c: c["permissions"]["lecture"].append("can_fly on Superset"))
    with pytest.raises(SupersetFailure, match="this Superset has no permission can_fly on Superset"):
        access.apply(client, bundle, changed(files, bundle, tmp_path))
    access.apply(client, bundle, declared)


def test_policies_with_a_problem_send_nothing(server, granted, files, tmp_path):
    bundle, _ = granted
    set_field(files / "rls.yml", "without_territory", {})
    with Recorder(server) as recorder, pytest.raises(SupersetFailure, match=r"problem\(s\), so nothing is sent"):
        access.apply(recorder, bundle, changed(files, bundle, tmp_path))
    assert recorder.changes == []


def test_a_password_is_given_once_and_works(server, client, granted):  # noqa: ARG001 - everybody is there
    first, second = access.new_password(client, "gironde"), access.new_password(client, "gironde")
    assert first != second
    with pytest.raises(AssertionError):
        people.come_in(server.url, "gironde", first)
    assert people.come_in(server.url, "gironde", second).get("/api/v1/me/").json()["result"]["username"] == "gironde"
    with pytest.raises(SupersetFailure, match="Superset has no account nobody"):
        access.new_password(client, "nobody")


@pytest.mark.proof
def test_every_territory_of_france_is_applied(server, client):
    """Some 140 roles and rules; a second apply writes none, a third writes only what changed."""
    bundle = bundles.load(BUNDLE, server.manifest)
    declared = policies.load(POLICIES, bundle, seeds=people.SEEDS)
    began = time.monotonic()
    access.apply(client, bundle, declared)
    assert time.monotonic() - began < 180
    with Recorder(server) as recorder:
        assert access.apply(recorder, bundle, declared).is_empty
        assert [change for change in recorder.changes if "login" not in change] == []


def test_a_server_that_is_down(granted):
    with Client("http://127.0.0.1:9", "admin", "x") as nowhere, pytest.raises(SupersetFailure, match="does not answer"):
        access.plan(nowhere, *granted)


def test_a_wrong_password(server: Server, granted):
    with server.client("wrong") as stranger, pytest.raises(SupersetFailure, match="refused the account admin"):
        access.plan(stranger, *granted)
