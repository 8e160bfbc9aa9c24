"""Superset's own metadata in Postgres, which real use needs: a real server, made for the test and removed after it."""

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.ports import free_port
from tests.postgres import Postgres, serving
from tests.superset import people
from tests.superset.conftest import PYTHON, SERVER, Server, run, wait_for

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving("postgresql+psycopg2") as made:
        yield made


@pytest.fixture(scope="module")
def on_postgres(server: Server, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("on_postgres")
    port = free_port()
    environment = server.environment | {
        "SUPERSET_HOME": str(folder / "superset"),
        "CYBERIMPACT_SUPERSET_PORT": str(port),
        "CYBERIMPACT_SUPERSET_METADATA_URI": postgres,
    }
    prepared = run("init", environment)
    assert prepared.returncode == 0, prepared.stderr
    log = folder / "superset.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([PYTHON, SERVER, "serve"], env=environment, stdout=stream, stderr=stream)
    try:
        started = replace(server, url=f"http://127.0.0.1:{port}", environment=environment)
        wait_for(started.url, process, log)
        yield started
        assert password_of(postgres) not in log.read_text()
    finally:
        process.terminate()
        process.wait(30)


def password_of(address: str) -> str:
    password = make_url(address).password
    assert password
    return password


def test_preparing_again_changes_nothing(on_postgres):
    outcome = on_postgres.init()
    assert outcome.returncode == 0
    assert "metadata database: up to date" in outcome.stderr
    assert not list(Path(on_postgres.environment["SUPERSET_HOME"]).glob("*.db"))


def test_bundle_and_policies_are_applied_and_hold(on_postgres, tmp_path):
    with on_postgres.client() as client:
        bundle, declared = people.grant(on_postgres, client, tmp_path)
        again = people.access.apply(client, bundle, declared)
        assert again.is_empty
        folk = people.People(on_postgres.url, client)
        body = {
            "datasource": {"id": again.server.dataset_ids["rpt_kpi"], "type": "table"},
            "queries": [{"columns": ["territory_code"], "metrics": ["valeur"], "row_limit": 10_000}],
        }
        rows = folk["gironde"].post("/api/v1/chart/data", json=body).json()["result"][0]["data"]
        assert {row["territory_code"] for row in rows} == {"FR", "FR-33"}


def test_sessions_end_and_plain_passwords_never_reach_the_database(on_postgres, postgres, tmp_path):
    with on_postgres.client() as client:
        people.grant(on_postgres, client, tmp_path)
        person = people.come_in(on_postgres.url, "administrateur", people.access.new_password(client, "administrateur"))
        secret = f"clair-{secrets.token_hex(12)}"
        users = client.list("security/users", ["id", "username", "roles.id"], order="username")
        other = next(user for user in users if user["username"] == "gironde")
        # The password stands before the roles, which the server looks up in between.
        body = {"password": secret, "roles": [role["id"] for role in other["roles"]]}
        assert person.put(f"/api/v1/security/users/{other['id']}", json=body).is_success
        files = [path for path in postgres.data.rglob("*") if path.is_file()]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
        mine = people.come_in(on_postgres.url, "gironde", secret)
        mine.get("/logout/")
        assert mine.get("/api/v1/me/").status_code == 401


def test_a_database_that_is_down_is_one_sentence(server, postgres, tmp_path):
    address = f"{postgres.rpartition(':')[0]}:{free_port()}/postgres"
    outcome = run(
        "init", server.environment | {"SUPERSET_HOME": str(tmp_path), "CYBERIMPACT_SUPERSET_METADATA_URI": address}
    )
    assert outcome.returncode == 1
    assert outcome.stderr.strip().splitlines()[-1] == (
        "The metadata database does not answer. Start it, or correct CYBERIMPACT_SUPERSET_METADATA_URI."
    )
