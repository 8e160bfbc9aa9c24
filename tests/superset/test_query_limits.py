"""Queries that take too long or too much on a Superset of two processes: each ends in words, and can be stopped."""

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from supersync.bundle import MAIN, identifier

from tests.ports import free_port
from tests.superset import attacks, people
from tests.superset.attacks import Target
from tests.superset.conftest import PYTHON, SERVER, Server, wait_for
from tests.superset.people import People

ENDLESS = "select count(*) from range(1000000) as a (i), range(1000000) as b (j) where i * j % 7 = 3"
ENDLESS_MEASURE = "sum(levenshtein(repeat(kpi_label, 300), repeat(value_label || kpi_code, 300)))"
CHART_SECONDS = 3
PATIENCE = 60


@pytest.fixture(scope="module")
def pair(server: Server, tmp_path_factory) -> Iterator[str]:
    """The address of two more processes on the same home, whose charts have less time."""
    folder = tmp_path_factory.mktemp("pair")
    port = free_port()
    environment = server.environment | {
        "CYBERIMPACT_SUPERSET_PORT": str(port),
        "CYBERIMPACT_SUPERSET_WORKERS": "2",
        "CYBERIMPACT_QUERY_CHART_SECONDS": str(CHART_SECONDS),
        "CYBERIMPACT_QUERY_SQL_LAB_SECONDS": "600",
    }
    log = folder / "superset.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([PYTHON, SERVER, "serve"], env=environment, stdout=stream, stderr=stream)
    try:
        wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)  # gunicorn gives queries that still run half of it


@pytest.fixture(scope="module")
def target(server: Server, tmp_path_factory) -> Target:
    with server.client() as client:
        bundle, _ = people.grant(server, client, tmp_path_factory.mktemp("policies"))
        numbers = client.ids("dataset")
        datasets = {dataset.slug: numbers[dataset.uuid] for dataset in bundle.datasets}
        return Target(datasets, {}, {}, client.ids("database")[identifier("database", MAIN)])


@pytest.fixture(scope="module")
def folk(server: Server, pair: str, target: Target) -> Iterator[People]:  # noqa: ARG001 - that fixture makes them
    with server.client() as client:
        yield People(pair, client)


def state(person, client_id: str) -> str | None:
    """Return the state of one of somebody's queries; None if it is not known."""
    listed = person.get("/api/v1/query/updated_since", params={"q": "(last_updated_ms:0)"}).json()["result"]
    return next((query["state"] for query in listed if query["id"] == client_id), None)


def started(folk, target, name: str) -> tuple[str, list[httpx.Response], threading.Thread]:
    """Start an endless query; return its name, where its answer will be, and the thread that waits for it."""
    client_id, answers = secrets.token_hex(5), []
    person = people.Person(name, httpx.Client(base_url=folk[name].http.base_url, timeout=600))
    person.http.headers.update(folk[name].http.headers)
    person.http.cookies.update(folk[name].http.cookies)
    thread = threading.Thread(
        target=lambda: answers.append(attacks.run_sql(person, target, ENDLESS, client_id=client_id))
    )
    thread.start()
    until = time.monotonic() + PATIENCE
    while state(folk[name], client_id) != "running":
        assert time.monotonic() < until, [answer.text for answer in answers]
        time.sleep(0.2)
    return client_id, answers, thread


def stop(pair: str, person, client_id: str) -> httpx.Response:
    """Stop a query over a new connection, which either of the two processes takes."""
    with httpx.Client(base_url=pair, headers=person.http.headers, cookies=person.http.cookies, timeout=60) as http:
        return http.post("/api/v1/query/stop", json={"client_id": client_id})


def test_a_query_is_stopped_by_its_owner_and_by_nobody_else(pair, folk, target):
    client_id, answers, thread = started(folk, target, "analyste")
    refused = stop(pair, folk["analyste_gironde"], client_id)
    assert refused.status_code == 403
    assert "autre compte" in refused.text
    assert thread.is_alive()
    assert stop(pair, folk["analyste"], client_id).status_code == 200
    thread.join(PATIENCE)
    assert answers[0].json()["status"] == "stopped"
    assert state(folk["analyste"], client_id) == "stopped"


def test_an_administrator_stops_what_others_ask_and_nobody_else_waits(pair, folk, target):
    heavy = [started(folk, target, "analyste") for _ in range(2)]
    third = secrets.token_hex(5)  # it waits for a place, and takes none from the others
    waiting = threading.Thread(
        target=attacks.run_sql, args=(folk["analyste"], target, ENDLESS), kwargs={"client_id": third}
    )
    waiting.start()
    try:
        (row,) = attacks.run_sql(folk["auditeur"], target, "select 1 as x").json()["data"]
        assert row == {"x": 1}
        assert attacks.CHARTS["every row"](folk["gironde"], target).startswith("HTTP 200")
    finally:
        for client_id in (third, *(query[0] for query in heavy)):
            assert stop(pair, folk["administrateur"], client_id).status_code == 200
        for _, answers, thread in heavy:
            thread.join(PATIENCE)
            assert answers[0].json()["status"] == "stopped"
        waiting.join(PATIENCE)
    assert not waiting.is_alive()


def test_a_query_that_has_ended_may_be_stopped(pair, folk, target):
    client_id = secrets.token_hex(5)
    attacks.run_sql(folk["analyste"], target, "select 1", client_id=client_id)
    assert stop(pair, folk["analyste"], client_id).status_code == 200
    assert stop(pair, folk["analyste"], "unknown").status_code == 404


@pytest.mark.parametrize(
    ("measure", "sentence"),
    [
        (ENDLESS_MEASURE, f"dure plus de {CHART_SECONDS} secondes"),
        ("max(length(repeat('x', 1500000000)))", "demande plus de mémoire que les 1024 Mo accordés"),
        ("list(repeat(kpi_label, 4000))", "demande plus de mémoire que les 1024 Mo accordés"),
    ],
)
def test_a_chart_that_takes_too_much_ends_in_words(folk, target, measure, sentence):
    answer = attacks.chart_data(**attacks.sql_metric(measure))(folk["gironde"], target)
    assert answer.startswith("HTTP 400")
    message = json.loads(answer.removeprefix("HTTP 400 "))["message"]
    assert message.startswith("Erreur\u00a0: La requête a été arrêtée : elle ")
    assert sentence in message


def test_sql_lab_says_in_words_that_memory_has_a_limit(folk, target):
    answer = attacks.run_sql(folk["analyste"], target, "select max(length(repeat('x', 1500000000)))")
    assert answer.status_code >= 400
    (error,) = answer.json()["errors"]
    assert error["message"].startswith("La requête a été arrêtée : elle demande plus de mémoire")
