"""Plan, apply, prune and drift against a real Superset, with the faults that a person meets."""

import base64
import hashlib
import hmac
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from supersync import __main__ as command
from supersync import bundle as bundles
from supersync import layout
from supersync.apply import apply
from supersync.client import Client
from supersync.drift import drift
from supersync.errors import SupersetFailure
from supersync.plan import plan

from tests.superset import people
from tests.superset.conftest import Server
from tests.superset.edits import edit, set_field

CHARTS = Path("charts") / "perception"


class Recorder(Client):
    """A client that remembers what it changed."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.url, "admin", server.password)
        self.changes: list[str] = []

    def _request(self, method: str, path: str, **options: object) -> httpx.Response:
        if method != "GET":
            self.changes.append(f"{method} {path}")
        return super()._request(method, path, **options)


@pytest.fixture
def applied(server, client, bundle):
    """The server as the bundle declares it, whatever the tests before have done to it."""
    apply(client, bundle, server.database_uri)
    return bundle


def put(client: Client, kind: str, uuid: UUID, body: dict) -> None:
    """Change an object as the web interface would."""
    client._request("PUT", f"/api/v1/{kind}/{client.ids(kind)[uuid]}", json=body)


def lines(changes) -> list[str]:
    return [line for change in changes for line in str(change).splitlines()]


def test_a_theme_and_filters_given_by_hand_are_named_and_taken_back(server, client, applied):
    dashboard = next(dashboard for dashboard in applied.dashboards if dashboard.slug == "visibilite")
    number = client.ids("dashboard")[dashboard.uuid]
    own = {"theme_name": "à la main", "json_data": json.dumps({"token": {}})}
    theme = client.post("/api/v1/theme/", json=own)["id"]
    metadata = json.loads(client.get(f"/api/v1/dashboard/{number}")["result"]["json_metadata"])
    [first, second, *_] = [chart["id"] for chart in client.get(f"/api/v1/dashboard/{number}/charts")["result"]]
    scopes = {first: {"rootPath": ["ROOT_ID"], "excluded": [second]}, second: {"rootPath": [], "excluded": []}}
    metadata["chart_configuration"] = {
        str(chart): {"id": chart, "crossFilters": {"scope": scope, "chartsInScope": []}}
        for chart, scope in scopes.items()
    }
    put(client, "dashboard", dashboard.uuid, {"theme_id": theme, "json_metadata": json.dumps(metadata)})
    [change] = drift(client, applied, server.database_uri)
    found = lines([change])
    assert found[0] == "~ update dashboard “Visibilité”"
    [crossed] = [
        difference.on_server["of_one"]
        for difference in change.differences
        if difference.path == "metadata.cross_filters"
    ]
    assert sorted(sorted(scope) for scope in crossed.values()) == [["excluded"], ["within"]]
    assert any(line.strip().startswith("theme_uuid") for line in found)
    apply(client, applied, server.database_uri)
    assert drift(client, applied, server.database_uri) == []
    client.delete(f"/api/v1/theme/{theme}")


def test_a_second_apply_writes_nothing(server, applied):
    with Recorder(server) as recorder:
        assert apply(recorder, applied, server.database_uri).is_empty
        assert recorder.changes == []


@pytest.mark.usefixtures("applied")
def test_a_plan_says_what_would_change_and_changes_nothing(server, client, workshop):
    set_field(workshop / CHARTS / "answer_rate.yaml", "title", "Taux de réponse du mois")
    changed = bundles.load(workshop, server.manifest)
    expected = [
        "~ update chart “Taux de réponse du mois”",
        "    slice_name: 'Taux de réponse' -> 'Taux de réponse du mois'",
        "~ update dashboard “Perception”",
        "    position.CHART-answer_rate.meta.sliceName: 'Taux de réponse' -> 'Taux de réponse du mois'",
    ]
    with Recorder(server) as recorder:
        first = plan(recorder, changed, server.database_uri)
        assert recorder.changes == []
    assert lines(first.changes) == expected
    assert str(first).endswith("0 to create, 2 to update, 0 to delete.")
    assert lines(plan(client, changed, server.database_uri).changes) == expected


def test_a_hand_edit_is_named_and_undone(server, client, applied):
    chart = bundles.identifier("chart", "answer_rate")
    put(client, "chart", chart, {"slice_name": "Réponses", "description": "à la main"})
    found = drift(client, applied, server.database_uri)
    assert lines(found)[0] == "~ update chart “Taux de réponse”"
    assert "    slice_name: 'Réponses' -> 'Taux de réponse'" in lines(found)
    apply(client, applied, server.database_uri)
    assert drift(client, applied, server.database_uri) == []


def test_a_dashboard_renamed_by_hand(server, client, applied):
    dashboard = bundles.identifier("dashboard", "perception")
    put(client, "dashboard", dashboard, {"dashboard_title": "Mon tableau", "slug": "mon-tableau"})
    assert lines(drift(client, applied, server.database_uri)) == [
        "~ update dashboard “Perception”",
        "    dashboard_title: 'Mon tableau' -> 'Perception'",
        "    slug: 'mon-tableau' -> 'perception'",
    ]
    apply(client, applied, server.database_uri)
    assert client.get("/api/v1/dashboard/perception")["result"]["dashboard_title"] == "Perception"


def test_a_chart_deleted_by_hand_comes_back(server, client, applied):
    chart = bundles.identifier("chart", "structures")
    client.delete(f"/api/v1/chart/{client.ids('chart')[chart]}")
    assert "+ create chart “Structures les plus citées”" in lines(drift(client, applied, server.database_uri))
    apply(client, applied, server.database_uri)
    perception = next(dashboard for dashboard in applied.dashboards if dashboard.slug == "perception")
    charts = client.get("/api/v1/dashboard/perception/charts")["result"]
    assert len(charts) == len(perception.reads)


@pytest.mark.usefixtures("applied")
def test_what_is_no_longer_declared_goes_and_what_others_made_stays(server, client, workshop):
    mine = client.post("/api/v1/chart/", json=a_chart_of_a_user(client, "kpi_catalogue"))["id"]
    (workshop / CHARTS / "structures.yaml").unlink()
    (workshop / "datasets" / "structure_experiences.yaml").unlink()
    edit(workshop / "dashboards" / "perception.yaml", without("structures"))
    smaller = bundles.load(workshop, server.manifest)
    done = apply(client, smaller, server.database_uri)
    assert [(change.kind, change.title) for change in done.deletions] == [
        ("chart", "Structures les plus citées"),
        ("dataset", "fct_experience_structure_count"),
    ]
    assert bundles.identifier("chart", "structures") not in client.ids("chart")
    assert bundles.identifier("dataset", "structure_experiences") not in client.ids("dataset")
    assert mine in client.ids("chart").values()
    client.delete(f"/api/v1/chart/{mine}")


@pytest.mark.usefixtures("applied")
def test_a_dataset_that_others_read_is_kept(server, client, workshop):
    mine = client.post("/api/v1/chart/", json=a_chart_of_a_user(client, "structure_experiences"))["id"]
    (workshop / CHARTS / "structures.yaml").unlink()
    (workshop / "datasets" / "structure_experiences.yaml").unlink()
    edit(workshop / "dashboards" / "perception.yaml", without("structures"))
    smaller = bundles.load(workshop, server.manifest)
    apply(client, smaller, server.database_uri)
    again = apply(client, smaller, server.database_uri)
    assert again.is_empty
    kept = "= keep dataset “fct_experience_structure_count”"
    assert lines(again.changes) == [f"{kept} (no longer declared, but read by “À moi”)"]
    client.delete(f"/api/v1/chart/{mine}")


@pytest.mark.usefixtures("applied")
def test_a_renamed_dataset_keeps_what_others_made_on_it(server, client, bundle, workshop, tmp_path):
    apply(client, of_the_version_before(workshop, server.manifest, tmp_path), server.database_uri)
    mine = client.post("/api/v1/chart/", json=a_chart_of_a_user(client, "kpi_reading"))["id"]
    number = client.ids("dataset")[bundles.identifier("dataset", "kpi_reading")]
    assert client.get(f"/api/v1/dataset/{number}")["result"]["table_name"] == "kpi_reading"

    apply(client, bundle, server.database_uri)

    assert client.get(f"/api/v1/dataset/{number}")["result"]["table_name"] == "rpt_kpi"
    [kept] = [row for row in client.list("chart", ["id", "datasource_id"]) if row["id"] == mine]
    assert kept["datasource_id"] == number
    assert plan(client, bundle, server.database_uri).is_empty
    client.delete(f"/api/v1/chart/{mine}")


def of_the_version_before(workshop: Path, manifest: Path, folder: Path) -> bundles.Bundle:
    """The bundle when its dataset, and the table of it, had the former name."""
    for file in (path for kind in ("*.yaml", "*.sql") for path in workshop.rglob(kind)):
        file.write_text(file.read_text(encoding="utf-8").replace("rpt_kpi", "kpi_reading"), encoding="utf-8")
    (workshop / "datasets" / "rpt_kpi.yaml").rename(workshop / "datasets" / "kpi_reading.yaml")
    former = folder / "manifest.json"
    former.write_text(manifest.read_text(encoding="utf-8").replace("rpt_kpi", "kpi_reading"), encoding="utf-8")
    return bundles.load(workshop, former)


def a_chart_of_a_user(client: Client, dataset: str) -> dict:
    number = client.ids("dataset")[bundles.identifier("dataset", dataset)]
    return {
        "slice_name": "À moi",
        "viz_type": "table",
        "datasource_id": number,
        "datasource_type": "table",
        "params": "{}",
    }


def without(slug: str):
    def change(dashboard: dict) -> None:
        rows = list(layout.each_row(dashboard["rows"]))
        for row in rows:
            row.get("charts", {}).pop(slug, None)
        dashboard["rows"] = [row for row in rows if row.get("charts") or "text" in row]
        dashboard["captioned"].remove(slug)
        for declared in dashboard["filters"].values():
            for listed in ("only", "except"):
                if slug in declared.get(listed, []):
                    declared[listed].remove(slug)

    return change


@pytest.mark.usefixtures("applied")
def test_a_broken_reference_sends_nothing(server, workshop):
    set_field(workshop / CHARTS / "answer_rate.yaml", "dataset", "kpi_readings")
    with Recorder(server) as recorder, pytest.raises(SupersetFailure) as failure:
        apply(recorder, bundles.load(workshop, server.manifest), server.database_uri)
    assert recorder.changes == []
    assert "charts/perception/answer_rate.yaml: dataset: there is no dataset kpi_readings." in failure.value.what


@pytest.mark.usefixtures("applied")
def test_a_vanished_column_sends_nothing(server, workshop, tmp_path):
    manifest = json.loads(server.manifest.read_text(encoding="utf-8"))
    del manifest["nodes"]["model.cyberimpact.rpt_kpi"]["columns"]["breakdown_value"]
    poorer = tmp_path / "manifest.json"
    poorer.write_text(json.dumps(manifest), encoding="utf-8")
    with Recorder(server) as recorder, pytest.raises(SupersetFailure) as failure:
        apply(recorder, bundles.load(workshop, poorer), server.database_uri)
    assert recorder.changes == []
    assert "no column breakdown_value" in failure.value.what


def test_an_apply_killed_at_any_moment_is_completed_by_the_next(server, client, applied, workshop):
    for slug in ("answer_rate", "experiences", "positive_share"):
        set_field(workshop / CHARTS / f"{slug}.yaml", "title", f"Essai {slug}")
    (workshop / CHARTS / "structures.yaml").unlink()
    edit(workshop / "dashboards" / "perception.yaml", without("structures"))
    other = bundles.load(workshop, server.manifest)
    arguments = [
        "--manifest",
        server.manifest,
        "--bundle",
        workshop,
        "--url",
        server.url,
        "--database-uri",
        server.database_uri,
    ]
    environment = os.environ | {"SUPERSET_ADMIN_PASSWORD": server.password}
    for moment in random.Random(5).sample(range(5, 17), 3):
        apply(client, applied, server.database_uri)
        process = subprocess.Popen(
            [sys.executable, "-m", "supersync", "apply", *arguments], env=environment, stdout=subprocess.DEVNULL
        )
        time.sleep(moment / 10)
        process.send_signal(signal.SIGKILL)
        process.wait()
        apply(client, other, server.database_uri)
        assert plan(client, other, server.database_uri).is_empty


def test_an_import_that_the_server_refuses_changes_nothing(server, client, applied):
    before = client.export_assets()
    files = plan(client, applied, server.database_uri).files
    spoilt = {**files, "charts/answer_rate.yaml": {**files["charts/answer_rate.yaml"], "slice_name": None}}
    with pytest.raises(SupersetFailure) as failure:
        client.import_assets({"metadata.yaml": {"version": "1.0.0", "type": "assets"}, **spoilt})
    assert "Superset failed inside on POST /api/v1/assets/import/ (HTTP 500)." in failure.value.what
    assert client.export_assets() == before


def test_objects_beyond_the_first_page_are_seen(client, applied, monkeypatch):
    monkeypatch.setattr("supersync.client.PAGE_SIZE", 4)
    assert {chart.uuid for chart in applied.charts} <= client.ids("chart").keys()
    assert len(applied.charts) > 8


def test_the_command_line(server, client, tmp_path, monkeypatch, capsys):
    people.grant(server, client, tmp_path)
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", server.password)
    options = ["--manifest", str(server.manifest), "--url", server.url, "--database-uri", server.database_uri]
    options += ["--seeds", str(tmp_path), "--users", str(tmp_path / "users.yml")]
    assert command.main(["plan", *options]) == 0
    assert command.main(["apply", *options]) == 0
    assert command.main(["drift", *options]) == 0
    assert capsys.readouterr().out.splitlines() == ["No change.", "No change.", "Nothing was changed by hand."]
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "wrong")
    assert command.main(["plan", *options]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"Superset at {server.url} refused the account admin.")
    assert "wrong" not in message


def test_an_expired_token_is_renewed(server, client):
    client.get("/api/v1/dashboard/")
    bearer = client._headers["Authorization"].removeprefix("Bearer ")
    client._headers["Authorization"] = f"Bearer {expired(bearer, server.environment['SUPERSET_SECRET_KEY'])}"
    response = httpx.get(f"{server.url}/api/v1/dashboard/", headers={"Authorization": client._headers["Authorization"]})
    assert response.status_code == 401
    assert client.get("/api/v1/dashboard/")["count"] >= 0


def test_a_lost_session_is_renewed(client):
    client.get("/api/v1/dashboard/")
    client._http.cookies.clear()
    assert client.post("/api/v1/cachekey/invalidate", json={"datasource_uids": []}) is not None


def expired(token: str, secret: str) -> str:
    """Return the same token as the server would have signed it for an hour that has passed."""
    head, payload, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | {"exp": int(time.time()) - 3600}
    body = f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}"
    digest = hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
