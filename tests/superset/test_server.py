"""The configured server: what it refuses, what it sends to a browser, and that preparing it again changes nothing."""

import re
from email.utils import parsedate_to_datetime

import httpx
import pytest
from supersync.apply import apply
from supersync.bundle import MAIN, identifier
from supersync.client import Client
from supersync.errors import SupersetFailure

from tests.superset.conftest import SERVER, run


def test_preparing_again_changes_only_a_password_that_differs(server):
    changed = server.init(SUPERSET_ADMIN_PASSWORD="another-one")
    assert said(changed) == [
        "metadata database: up to date",
        "roles: up to date",
        "account admin: password set again from SUPERSET_ADMIN_PASSWORD",
    ]
    assert "another-one" not in changed.stderr + changed.stdout
    try:
        with server.client("another-one") as client:
            assert client.get("/api/v1/me/")["result"]["username"] == "admin"
        with server.client() as client, pytest.raises(SupersetFailure, match="refused the account admin"):
            client.get("/api/v1/me/")
    finally:
        server.init()
    assert said(server.init())[-1] == "account admin: present"


def said(outcome) -> list[str]:
    assert outcome.returncode == 0, outcome.stderr
    return [line for line in outcome.stderr.splitlines() if line.startswith(("metadata", "roles", "account"))]


@pytest.mark.parametrize("missing", ["SUPERSET_SECRET_KEY", "SUPERSET_HOME", "SUPERSET_ADMIN_PASSWORD"])
def test_a_missing_secret_is_one_sentence(server, missing):
    environment = {name: value for name, value in server.environment.items() if name != missing}
    outcome = run("init", environment)
    assert outcome.returncode == 1
    assert outcome.stderr.strip() == (
        f"The setting {missing} is absent. Run `make install`, which writes it to .env, or export it."
    )


def test_a_stranger_sees_nothing(server):
    with httpx.Client(base_url=server.url) as stranger:
        for path in ("/api/v1/chart/", "/api/v1/dashboard/", "/api/v1/dataset/", "/api/v1/database/"):
            answer = stranger.get(path)
            assert answer.status_code == 401 or answer.json()["count"] == 0, path
        page = stranger.get("/superset/dashboard/perception/")
        assert page.status_code in {302, 401, 403, 404}


def test_what_a_browser_may_do(server):
    page = httpx.get(f"{server.url}/login/")
    policy = page.headers["content-security-policy"]
    # A form may lead on to the pages and back to Superset. Nothing else names an address, and no address is outside.
    naming = [directive for directive in policy.split(";") if "http" in directive]
    assert all(directive.split()[0] == "form-action" for directive in naming), policy
    assert set(re.findall(r"https?://([^:/\s]+)", policy)) <= {"127.0.0.1", "localhost"}
    assert "unsafe-eval" not in policy
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_session_ends_an_hour_after_the_last_click(server):
    with httpx.Client(base_url=server.url) as browser:
        token = re.search(r'csrf_token[^>]*value="([^"]+)', browser.get("/login/").text)
        browser.post("/login/", data={"username": "admin", "password": server.password, "csrf_token": token[1]})
        for _ in range(2):
            click = browser.get("/api/v1/me/")
            assert click.json()["result"]["username"] == "admin"
            ends = re.search(r"Expires=([^;]+)", click.headers["set-cookie"])
            assert ends
            left = parsedate_to_datetime(ends[1]) - parsedate_to_datetime(click.headers["date"])
            assert abs(left.total_seconds() - 3600) < 10


def test_passwords_are_slow_to_guess(server):
    with httpx.Client(base_url=server.url) as stranger:
        token = re.search(r'csrf_token[^>]*value="([^"]+)', stranger.get("/login/").text)
        form = {"username": "guessed", "password": "x", "csrf_token": token[1]}
        codes = [stranger.post("/login/", data=form).status_code for _ in range(11)]
        assert codes == [302] * 10 + [429]
    with Client(server.url, "guessed", "x") as client, pytest.raises(SupersetFailure, match="too many wrong passwords"):
        client.get("/api/v1/me/")
    with Client(server.url, "guessed too", "x") as client, pytest.raises(SupersetFailure, match="refused the account"):
        client.get("/api/v1/me/")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('/etc/hostname')",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "attach '/tmp/other.duckdb' as other",
        "copy (select 1) to '/tmp/leak.csv'",
        "set enable_external_access = true",
        "select getenv('SUPERSET_SECRET_KEY')",
        "create table kpi.mine as select 1",
        "update kpi.rpt_kpi set value = 0",
        "install httpfs",
    ],
)
def test_sql_lab_does_not_leave_the_published_copy(server, client, bundle, sql):
    apply(client, bundle, server.database_uri)
    with pytest.raises(SupersetFailure):
        execute(client, sql)


def test_sql_lab_reads_the_published_copy(server, client, bundle):
    apply(client, bundle, server.database_uri)
    (row,) = execute(client, "select count(experience_id) as experiences from perception.fct_experience")["data"]
    assert row == {"experiences": 900}


def execute(client, sql: str):
    database = client.ids("database")[identifier("database", MAIN)]
    body = {"database_id": database, "sql": sql, "runAsync": False, "queryLimit": 10}
    return client.post("/api/v1/sqllab/execute/", json=body)


def test_both_sides_have_the_same_duckdb():
    reader = SERVER.parents[2] / ".venv-superset"
    (found,) = reader.glob("lib/python*/site-packages/duckdb-*.dist-info")
    import duckdb

    assert found.name == f"duckdb-{duckdb.__version__}.dist-info"


def test_everything_is_written_below_the_home(server):
    owned = {path.name for path in server.home.superset.iterdir()}
    assert owned >= {"superset.db", "cache", "roles.version"}
    opened = [path for path in (server.home.superset, *server.home.superset.rglob("*")) if path.stat().st_mode & 0o077]
    assert opened == []
