"""What watches the platform from outside: probes, metrics, and the rules and the dashboard that read them."""

import json
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import yaml
from django.db import connections
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from core.settings import CHECKOUT, Home
from operations import models, tokens
from tests.handmade import write_copy
from tests.ports import free_port
from warehouse import published

DEPLOY = CHECKOUT / "deploy"
COPY = """
    create schema audit;
    create table audit.publication as
        select 'p-1' as publication_id, timestamptz '2026-11-25 03:00:00+00' as published_at;
    create table audit.freshness as
        select 'jdma' as platform, 'Équipe' as owner_label, timestamp '2026-11-25 02:00:00' as last_loaded_at,
        date '2026-11-24' as data_as_of, 10 as rows, timestamp '2026-11-25 01:00:00' as late_at, true as is_late
        union all select 'perceval', 'Équipe', null, null, 0, null, false;
    create table audit.set_aside as select 'jdma' as platform, 3 as rows union all select 'jdma', 4;
    create table audit.dagster_run as select * from (values
        ('a', 'daily', 'SUCCESS', timestamp '2026-11-24 01:00:00', timestamp '2026-11-24 01:10:00'),
        ('b', 'daily', 'SUCCESS', timestamp '2026-11-25 01:00:00', timestamp '2026-11-25 01:05:00'),
        ('c', 'daily', 'FAILURE', timestamp '2026-11-25 02:00:00', timestamp '2026-11-25 02:09:00')
    ) as t (run_id, job, status, started_at, ended_at);
"""


@pytest.fixture
def client() -> Client:
    return Client(headers={"Host": "127.0.0.1"})


@pytest.fixture
def scrape(client: Client) -> dict[tuple[str, ...], float]:
    """The samples by name and labels, of a platform with a copy, a crisis, a trouble, and an alert that waits."""
    now = datetime(2026, 11, 25, 4, tzinfo=UTC)
    models.Crisis.objects.create(title="Panne", kind="panne", owner="veille")
    models.Crisis.objects.create(title="Close", kind="panne", owner="veille", closed_at=now)
    models.Trouble.objects.create(cause="a", subject="s", detail="d", remedy="r", address="")
    for number, age in enumerate((2, 1)):
        models.Alert.objects.create(
            alert_id=str(number), channel="mail", recipient="a@b.fr", subject="s", created_at=now - timedelta(hours=age)
        )
    models.Alert.objects.create(alert_id="sent", channel="mail", recipient="", subject="", created_at=now, sent_at=now)
    answer = client.get("/metrics", headers={"Authorization": f"bearer {tokens.add('prometheus', 'national')}"})
    assert answer.status_code == HTTPStatus.OK
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name.removeprefix("cyberimpact_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def copy(home: Home) -> None:
    write_copy(home, COPY)


@pytest.mark.usefixtures("copy")
def test_metrics_are_those_of_copy_and_operations(scrape):
    def seconds(day: int, hour: int, minute: int = 0) -> float:
        return datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()

    disk = {name: scrape.pop((name,)) for name in ("disk_free_bytes", "disk_needed_bytes")}
    quarantined = {key[1]: value for key, value in scrape.items() if key[0] == "platform_quarantined_rows"}
    assert (quarantined.pop("jdma"), set(quarantined.values())) == (7, {0})
    assert {key: value for key, value in scrape.items() if key[0] != "platform_quarantined_rows"} == {
        ("readable",): 1,
        ("platform_loaded_timestamp_seconds", "jdma"): seconds(25, 2),
        ("platform_late_timestamp_seconds", "jdma"): seconds(25, 1),
        ("published_timestamp_seconds", "daily"): seconds(25, 3),
        ("job_seconds", "daily"): 300,
        ("job_succeeded_timestamp_seconds", "daily"): seconds(25, 1, 5),
        ("alerts_waiting",): 2,
        ("alerts_waiting_since_timestamp_seconds",): seconds(25, 2),
        ("troubles",): 1,
        ("crises",): 1,
    }
    assert disk["disk_free_bytes"] > 0
    assert disk["disk_needed_bytes"] >= 2 * 1024**3


@pytest.mark.usefixtures("home")
def test_before_the_first_publication_only_that_is_said(scrape):
    assert scrape["readable",] == 0
    assert not any(name.startswith(("platform", "published", "job")) for name, *_ in scrape)


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic x", "departement-FR-33"])
def test_metrics_need_a_token_of_the_nation(client, header):
    if header == "departement-FR-33":
        header = f"Bearer {tokens.add('essai', header)}"
    answer = client.get("/metrics", headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert b"jdma" not in answer.content


def test_a_process_is_ready_once_there_is_a_copy(client, home):
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "not ready")
    assert "cyberimpact publish" in answer.json()["remedy"]
    write_copy(home, COPY)
    assert client.get("/readyz").status_code == HTTPStatus.OK


def test_without_its_database_a_process_is_not_ready(client, home):
    write_copy(home, COPY)
    assert client.get("/readyz").status_code == HTTPStatus.OK
    connections.close_all()
    home.operations.write_bytes(b"no database at all" * 100)
    answer = client.get("/readyz")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_who_asks_whether_a_process_is_ready_learns_of_no_path(client, home):
    write_copy(home, COPY)
    published.DAILY.link(home).write_bytes(b"no database at all" * 1000)
    answer = client.get("/readyz")
    assert (answer.status_code, str(home.root) in answer.text) == (HTTPStatus.SERVICE_UNAVAILABLE, False)


@pytest.mark.usefixtures("copy")
def test_rules_and_dashboard_read_metrics_that_exist(scrape):
    names = {f"cyberimpact_{name}" for name, *_ in scrape}
    read = set(re.findall(r"cyberimpact_\w+", " ".join(expressions(rules()) + expressions(dashboard()))))
    assert read
    assert read <= names


def rules() -> list[dict]:
    return yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"][0]["rules"]


def dashboard() -> list[dict]:
    panels = json.loads((DEPLOY / "grafana/cyberimpact.json").read_text())["panels"]
    return [target for panel in panels for target in panel["targets"]]


def expressions(read: list[dict]) -> list[str]:
    return [entry["expr"] for entry in read]


@pytest.fixture
def promtool() -> str:
    return shutil.which("promtool") or pytest.skip("promtool is not here (Debian's prometheus)")


def test_rules_hold_what_their_own_tests_say(promtool):
    tested = [promtool, "test", "rules", DEPLOY / "prometheus/alerts_test.yml"]
    assert "SUCCESS" in subprocess.run(tested, capture_output=True, text=True, check=True).stdout


@pytest.mark.long
@pytest.mark.usefixtures("copy", "promtool")
def test_a_prometheus_reads_the_pages_and_answers_the_dashboard(served, tmp_path: Path):
    configuration = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [served.removeprefix("http://")]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    (tmp_path / "token").write_text(tokens.add("prometheus", "national"))
    shutil.copy(DEPLOY / "prometheus/alerts.yml", tmp_path)
    listening = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    with subprocess.Popen(["prometheus", *options, f"--web.listen-address={listening}"]) as process:
        try:
            with httpx.Client(base_url=f"http://{listening}/api/v1") as http:
                assert answers(http, 'cyberimpact_platform_late_timestamp_seconds{platform="jdma"}') != []
                empty = [asked for asked in expressions(dashboard()) if answers(http, asked, seconds=1) == []]
                firing = {alert["labels"]["alertname"] for alert in http.get("/alerts").json()["data"]["alerts"]}
        finally:
            process.terminate()
    assert empty == ['time() - cyberimpact_published_timestamp_seconds{copy="live"}']
    assert {"DailyPublicationLate", "PlatformLate"} <= firing


def answers(http: httpx.Client, query: str, seconds: float = 60) -> list:
    """Return what Prometheus answers, as soon as it answers something."""
    until = time.monotonic() + seconds
    while True:
        try:
            found = http.get("/query", params={"query": query}).raise_for_status().json()["data"]["result"]
        except httpx.HTTPError:
            found = []
        if found or time.monotonic() > until:
            return found
        time.sleep(0.5)
