"""Dagster's real pages behind the gate, with the real Superset that says who comes in."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import httpx
import pytest
from supersync.access import new_password
from supersync.client import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core import settings
from tests.superset import people
from tests.superset.conftest import Server, wait_for
from tests.superset.people import People, Person

GRAPH = """
import dagster as dg

@dg.asset
def seen() -> None: ...

@dg.schedule(cron_schedule="@daily", target=[seen])
def nightly() -> dg.RunRequest:
    return dg.RunRequest()

defs = dg.Definitions(assets=[seen], schedules=[nightly])
"""
QUERY = {"query": "{ version assetNodes { assetKey { path } } }"}
#: Adds a key to the instance: what a stranger must not be able to do, and can be seen without asking a page.
MUTATION = {
    "query": 'mutation($limit: Int!) { setConcurrencyLimit(concurrencyKey: "%s", limit: $limit) }',
    "variables": {"limit": 3},
}


@dataclass
class Dagster:
    """A running webserver, the people who ask it, and the instance behind it."""

    url: str
    process: subprocess.Popen[bytes]
    folk: People
    server: Server
    admin: Client

    def asks(self, person: Person) -> httpx.Client:
        """Return what the browser of a person is to this server: the same cookie, since the host is the same."""
        return httpx.Client(base_url=self.url, cookies=dict(person.http.cookies), timeout=60)

    def own(self, **headers: str) -> dict[str, str]:
        """Return the headers that a browser adds for a page of this server itself."""
        return {"Origin": self.url, "Sec-Fetch-Site": "same-origin", **headers}

    def mutation(self) -> tuple[str, dict]:
        """Return a mutation, and the key by which it is seen whether it took place."""
        key = f"key-{secrets.token_hex(8)}"
        return key, {**MUTATION, "query": MUTATION["query"] % key}

    def took_place(self, key: str) -> bool:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("CYBERIMPACT_HOME", str(self.server.home.root))
            environment.setenv("DAGSTER_HOME", str(self.server.home.dagster))
            instance = dg.DagsterInstance.get()
        with instance:
            return key in instance.event_log_storage.get_concurrency_keys()


@pytest.fixture(scope="module")
def dagster(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    folder = tmp_path_factory.mktemp("dagster")
    (folder / "graph.py").write_text(GRAPH)
    workspace = folder / "workspace.yaml"
    workspace.write_text(f"load_from: [{{python_file: {folder / 'graph.py'}}}]")
    environment = server.environment | {"CYBERIMPACT_HOME": str(server.home.root), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    environment |= {"DAGSTER_HOME": str(server.home.dagster)}
    log = folder / "webserver.log"
    command = [sys.executable, "-m", "orchestration.webserver", workspace]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, cwd=settings.CHECKOUT, stdout=stream, stderr=stream)
    try:
        url = f"http://127.0.0.1:{server.environment['CYBERIMPACT_DAGSTER_PORT']}"
        with server.client() as admin:
            people.grant(server, admin, folder)
            wait_for(url, process, log)
            yield Dagster(url, process, People(server.url, admin), server, admin)
    finally:
        process.terminate()
        process.wait(30)


def test_a_stranger_gets_nothing(dagster: Dagster) -> None:
    key, mutation = dagster.mutation()
    for cookie in ({}, {"session": "forged"}):
        with httpx.Client(base_url=dagster.url, cookies=cookie, headers=dagster.own()) as stranger:
            for path in ("/", "/server_info", "/dagit_info", "/graphql?query={version}", "/logs/x", "/favicon.png",
                         "/download_debug/x", "/notebook?path=x.ipynb&repoLocName=x", "/asset-groups"):  # fmt: skip
                answer = stranger.get(path)
                assert answer.status_code in {401, 405}, path
                assert "dagster" not in answer.text.lower(), path
            assert stranger.post("/graphql", json=mutation).status_code == 401
            assert stranger.post("/report_asset_materialization/seen", json={}).status_code == 401
    assert not dagster.took_place(key)


@pytest.mark.parametrize("name", ["gironde", "nationale", "analyste"])
def test_a_role_without_the_right_reads_why(dagster: Dagster, name: str) -> None:
    with dagster.asks(dagster.folk[name]) as http:
        page = http.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, "Votre rôle" in page.text) == (403, True)
        assert http.post("/graphql", json=QUERY, headers=dagster.own()).status_code == 403


@pytest.mark.parametrize("name", ["ingenieur", "administrateur", "admin"])
def test_the_right_opens_it(dagster: Dagster, name: str) -> None:
    person = (
        people.come_in(dagster.server.url, "admin", dagster.server.password) if name == "admin" else dagster.folk[name]
    )
    with dagster.asks(person) as http:
        page = http.get("/asset-groups", headers={"Accept": "text/html"})
        assert page.is_success
        assert page.headers["X-Frame-Options"] == "DENY"
        script = re.search(r'src="(/assets/[^"]+\.js)"', page.text)
        assert script is None or http.get(script[1]).is_success
        answer = http.post("/graphql", json=QUERY, headers=dagster.own()).json()
        assert [node["assetKey"]["path"] for node in answer["data"]["assetNodes"]] == [["seen"]]
        key, mutation = dagster.mutation()
        assert http.post("/graphql", json=mutation, headers=dagster.own()).json()["data"] == {
            "setConcurrencyLimit": True
        }
        assert dagster.took_place(key)


def test_an_auditor_reads_and_changes_nothing(dagster: Dagster) -> None:
    with dagster.asks(dagster.folk["auditeur"]) as http:
        assert http.get("/asset-groups", headers={"Accept": "text/html"}).is_success
        answer = http.post("/graphql", json=QUERY, headers=dagster.own()).json()
        assert [node["assetKey"]["path"] for node in answer["data"]["assetNodes"]] == [["seen"]]
        key, mutation = dagster.mutation()
        assert http.post("/graphql", json=mutation, headers=dagster.own()).json().get("data") != {
            "setConcurrencyLimit": True
        }
        assert http.post("/report_asset_materialization/seen", json={}, headers=dagster.own()).status_code == 403
        permissions = {"query": "{ permissions { permission value } }"}
        granted = http.post("/graphql", json=permissions, headers=dagster.own()).json()["data"]["permissions"]
        assert granted
        assert not [cookie for cookie in granted if cookie["value"]]
        with open_socket(dagster, dagster.folk["auditeur"].http.cookies["session"], dagster.url) as connection:
            connection.send('{"type": "connection_init"}')
            connection.recv(30)
            connection.send(json.dumps({"type": "start", "id": "1", "payload": mutation}))
            connection.recv(30)
    assert not dagster.took_place(key)


def test_a_login_leads_back(dagster: Dagster) -> None:
    password = new_password(dagster.admin, "ingenieur")
    dagster.folk.pop("ingenieur", None)
    with httpx.Client(follow_redirects=False, timeout=60) as http:
        there = http.get(f"{dagster.url}/runs?view=all", headers={"Accept": "text/html"}).headers["location"]
        assert there == f"{dagster.server.url}/dagster/?to=%2Fruns%3Fview%3Dall"
        form = http.get(there).headers["location"]
        page = http.get(f"{dagster.server.url}{form}")
        token = re.search(r'csrf_token[^>]*value="([^"]+)', page.text)
        assert token
        fields = {"username": "ingenieur", "password": password, "csrf_token": token[1]}
        back = http.post(f"{dagster.server.url}{form}", data=fields).headers["location"]
        here = http.get(httpx.URL(dagster.server.url).join(back)).headers["location"]
        assert here == f"{dagster.url}/runs?view=all"
        assert http.get(here, headers={"Accept": "text/html"}).is_success


FOREIGN = [
    {},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8090"},
    {"Origin": "http://127.0.0.1:8090", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_nothing_is_changed_from_another_page(dagster: Dagster, headers: dict[str, str]) -> None:
    key, mutation = dagster.mutation()
    with dagster.asks(dagster.folk["ingenieur"]) as http:
        assert http.post("/graphql", json=mutation, headers=headers).status_code == 403
        as_text = {**headers, "Content-Type": "text/plain"}
        query = {"query": mutation["query"], "variables": json.dumps(mutation["variables"])}
        assert http.post("/graphql", params=query, headers=as_text).status_code == 403
        assert http.post("/report_asset_materialization/seen", json={}, headers=headers).status_code == 403
    assert not dagster.took_place(key)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_graphql_is_posted_only(dagster: Dagster, method: str) -> None:
    key, mutation = dagster.mutation()
    query = {"query": mutation["query"], "variables": json.dumps(mutation["variables"])}
    with dagster.asks(dagster.folk["ingenieur"]) as http:
        for path in ("/graphql", "/%67raphql", "/graphql/"):
            for accept in ("application/json", "text/html"):
                headers = dagster.own(Accept=accept)
                assert http.request(method, path, params=query, headers=headers).status_code == 405, path
    assert not dagster.took_place(key)


def test_a_host_that_is_not_ours_is_refused(dagster: Dagster) -> None:
    with dagster.asks(dagster.folk["ingenieur"]) as http:
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:3000"):
            headers = {"Host": host, "Origin": f"http://{host}"}
            assert http.post("/graphql", json=QUERY, headers=headers).status_code == 400
        name = dagster.url.replace("127.0.0.1", "localhost")
        headers = {"Host": name.removeprefix("http://"), "Origin": name}
        assert http.post("/graphql", json=QUERY, headers=headers).is_success


def open_socket(dagster: Dagster, cookie: str | None, origin: str | None) -> ClientConnection:
    return connect(
        f"{dagster.url.replace('http', 'ws')}/graphql",
        subprotocols=[Subprotocol("graphql-ws")],
        origin=origin,
        additional_headers={"Cookie": f"session={cookie}"} if cookie else {},
        open_timeout=30,
    )


def test_subscriptions_are_guarded(dagster: Dagster) -> None:
    mine, other = (dagster.folk[name].http.cookies["session"] for name in ("ingenieur", "gironde"))
    for cookie, origin in (
        (None, dagster.url), (other, dagster.url), (mine, None), (mine, "http://evil.example"),
        (mine, "http://127.0.0.1:8090"), ("forged", dagster.url),
    ):  # fmt: skip
        with pytest.raises(InvalidStatus, match="403"):
            open_socket(dagster, cookie, origin)
    with open_socket(dagster, mine, dagster.url) as connection:
        connection.send('{"type": "connection_init"}')
        assert json.loads(connection.recv(30)) == {"type": "connection_ack"}


def test_a_session_that_ends_shuts_pages_and_open_connections(dagster: Dagster) -> None:
    person = people.come_in(dagster.server.url, "ingenieur", new_password(dagster.admin, "ingenieur"))
    dagster.folk.pop("ingenieur", None)
    cookie = person.http.cookies["session"]
    with (
        httpx.Client(base_url=dagster.url, cookies={"session": cookie}, headers=dagster.own(), timeout=60) as http,
        open_socket(dagster, cookie, dagster.url) as connection,
    ):
        assert http.post("/graphql", json=QUERY).is_success
        person.get("/logout/")
        deadline = time.monotonic() + 30
        while http.post("/graphql", json=QUERY).is_success:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert http.post("/graphql", json=QUERY).status_code == 401
        connection.send('{"type": "connection_init"}')
        with pytest.raises(ConnectionClosed):
            connection.recv(30)


def descendants(pid: int) -> set[int]:
    children: dict[int, set[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, set()).add(int(stat.parent.name))
    found, left = set(), {pid}
    while left:
        found |= left
        left = set().union(*(children.get(pid, set()) for pid in left)) - found
    return found


def listening(pids: set[int]) -> set[int]:
    """Return the TCP ports on which processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(descriptor))  # noqa: PTH115 - not a path
            except FileNotFoundError:
                continue
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}


def test_no_other_port_is_open(dagster: Dagster) -> None:
    assert listening(descendants(dagster.process.pid)) == {httpx.URL(dagster.url).port}
