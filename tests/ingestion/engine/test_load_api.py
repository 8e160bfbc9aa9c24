"""The API over real HTTP: first load, increments, late answers, and every bad day of a server."""

import itertools
import json
import re
import subprocess
import sys
import time
from datetime import date, timedelta

import httpx
import pytest
from requests.adapters import HTTPAdapter

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors.services_publics_plus import client
from ingestion.engine import quarantine
from ingestion.engine.http import Api, RetryPolicy, without_query
from ingestion.engine.loading import load
from privacy import redact
from tests.ingestion.conftest import FIRST_TODAY, ask, snapshot
from tests.ingestion.every_connector import refused

pytestmark = pytest.mark.usefixtures("open_databases")

SPP = "services_publics_plus"
KEY = "cle-secrete-du-test"
RESULTS_EXPORT = "resultats-de-qualite/exports/jsonl"


def counts(report, entity="experiences"):
    entity_report = next(found for found in report.entities if found.entity == entity)
    return (
        entity_report.rows_read,
        entity_report.rows_new,
        entity_report.rows_updated,
        entity_report.rows_unchanged,
        entity_report.rows_quarantined,
    )


def published(sandbox):
    lines = httpx.get(f"{sandbox.dataset}/exports/jsonl").text.splitlines()
    return {record["id_experience"]: record for record in map(json.loads, lines)}


# ---- what is read


def test_the_first_load_brings_everything_and_the_second_changes_nothing(sandbox, home):
    expected = published(sandbox)
    assert counts(load(SPP)) == (len(expected), len(expected), 0, 0, 0)
    before = snapshot(home)
    report = load(SPP)
    assert counts(report)[1:3] == (0, 0)
    assert counts(report)[0] < len(expected)
    assert snapshot(home) == before
    loaded = dict(ask(home, "select id_experience, ressenti_usager from experiences"))
    assert loaded == {key: record["ressenti_usager"] for key, record in expected.items()}
    assert set(ask(home, "select generation from experiences")) == {("api",)}
    assert ask(home, "select distinct origin, origin_kind from load_log") == [(sandbox.api, "api")]


def test_an_increment_brings_new_records_and_answers_that_came_late(sandbox, home):
    load(SPP)
    sandbox.today = FIRST_TODAY + timedelta(days=20)
    expected = published(sandbox)
    before = dict(ask(home, "select id_experience, date_de_premiere_reponse from experiences"))
    report = load(SPP)
    after = dict(ask(home, "select id_experience, date_de_premiere_reponse from experiences"))
    assert after == {key: record["date_de_premiere_reponse"] for key, record in expected.items()}
    answered = [key for key in before if before[key] != after[key]]
    assert answered
    assert counts(report)[1:3] == (len(expected) - len(before), len(answered))
    oldest_window = (FIRST_TODAY - client.LAG).isoformat()
    beyond_the_lag = [key for key in answered if expected[key]["date_de_publication"] < oldest_window]
    assert beyond_the_lag, "the window by publication alone would have missed these answers"


def test_many_days_at_once_equal_the_same_days_one_by_one(sandbox, tmp_path, monkeypatch):
    contents = []
    for name, steps in (("slow", (0, 3, 9)), ("fast", (9,))):
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / name))
        for step in steps:
            sandbox.today = FIRST_TODAY + timedelta(days=step)
            load(SPP)
        contents.append(ask(settings.home(), "select id_experience, _content_hash from experiences order by 1"))
    assert contents[0] == contents[1]


@pytest.mark.usefixtures("sandbox")
def test_a_question_beyond_the_paging_window_is_exported(home, monkeypatch):
    load(SPP)
    asked = []
    send = Api.lines

    def listen(self, path, params):
        asked.append(f"{self.base_url.rpartition('/')[2]}/{path}")
        return send(self, path, params)

    monkeypatch.setattr(Api, "lines", listen)
    load(SPP)
    assert asked == [RESULTS_EXPORT]
    asked.clear()
    monkeypatch.setattr(client, "MOST_PAGED_ROWS", 50)
    before = snapshot(home)
    load(SPP)
    assert asked == ["export-experiences/exports/jsonl", RESULTS_EXPORT]
    assert snapshot(home) == before


def test_the_last_page_that_is_asked_lies_within_the_window():
    last_offset = (client.MOST_PAGED_ROWS - 1) // client.PAGE_ROWS * client.PAGE_ROWS
    assert last_offset + client.PAGE_ROWS < client.WINDOW_ROWS


def test_the_csv_export_of_the_portal_loads_as_a_file(sandbox, home, tmp_path):
    file = tmp_path / "export.csv"
    file.write_bytes(httpx.get(f"{sandbox.dataset}/exports/csv").content)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    load(SPP, file=file)
    before = snapshot(home)
    assert counts(load(SPP))[1:3] == (0, 0), "the API says the same, so nothing changes"
    assert snapshot(home) == before


@pytest.mark.usefixtures("sandbox")
def test_the_key_goes_into_a_header_and_never_into_an_address(monkeypatch):
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    load(SPP)
    assert sent
    assert {request.headers["Authorization"] for request in sent} == {"Apikey cle-secrete-du-test"}
    assert not any("cle-secrete" in request.url for request in sent)


# ---- quality results


def results(sandbox):
    lines = httpx.get(f"{sandbox.api}/catalog/datasets/resultats-de-qualite/exports/jsonl").text.splitlines()
    return [json.loads(line) for line in lines]


def test_the_quality_results_are_loaded_once_and_then_from_the_last_update(sandbox, home):
    expected = results(sandbox)
    assert counts(load(SPP), "quality_results") == (len(expected), len(expected), 0, 0, 0)
    loaded = ask(home, "select code_structure, code_indicateur, date_mise_a_jour, valeur::double from quality_results")
    assert sorted(loaded) == sorted(
        (r["code_sp_de_la_structure"], r["code_sp_de_l_indicateur"], r["date_de_mise_a_jour"], r["valeur"])
        for r in expected
    )
    sandbox.today = FIRST_TODAY + timedelta(days=1)  # the results of April
    april = [r for r in results(sandbox) if r["date_de_mise_a_jour"] == "2025-04-01"]
    again = [r for r in expected if r["date_de_mise_a_jour"] >= "2025-01-20"]  # 1 March, the last update, less 40 days
    assert april
    assert counts(load(SPP), "quality_results") == (len(april + again), len(april), 0, len(again), 0)


def test_a_portal_without_quality_results_is_told_once_and_the_experiences_load(sandbox, monkeypatch, caplog):
    monkeypatch.setenv("CYBERIMPACT_SERVICES_PUBLICS_PLUS_RESULTS_DATASET", "autre-nom")
    report = load(SPP)
    assert counts(report)[1] == len(published(sandbox))
    assert counts(report, "quality_results") == (0, 0, 0, 0, 0)
    assert [record.message for record in caplog.records if record.name == f"ingestion.connectors.{SPP}"] == [
        "services_publics_plus: the portal has no dataset 'autre-nom'; the quality results are left out."
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("renamed_column", "required column valeur .* is missing .*mesure"),
        ("type_flip", "valeur is not a number in all of"),
        ("broken", "breaks off"),
        ("server_error", "3 times in a row"),
    ],
)
def test_a_fault_of_the_quality_results_loads_nothing(sandbox, home, fault, said):
    sandbox.fault(fault, path="resultats-de-qualite")
    assert re.search(said, refused(SPP, KEY))
    assert snapshot(home) == []
    assert ask(home, "select count(*) from quality_results") == [(0,)]


def test_results_that_are_fewer_than_counted_are_noticed(sandbox, home, monkeypatch):
    lines = Api.lines
    monkeypatch.setattr(
        Api, "lines", lambda self, path, params: itertools.islice(lines(self, path, params), 50)
    )  # a stream that ends early, and looks whole
    monkeypatch.setattr(client.Experiences, "_whole", lambda _, pages, __: pages)
    assert f"50 results came, and the portal counted {len(results(sandbox))}" in refused(SPP, KEY)
    assert ask(home, "select count(*) from quality_results") == [(0,)]


# ---- free texts


def test_free_texts_are_loaded_redacted(sandbox, home):
    expected = published(sandbox)
    load(SPP)
    columns = "id_experience, titre, description, reponse_structure_1"
    loaded = {key: texts for key, *texts in ask(home, f"select {columns} from experiences")}
    names = ("titre", "description", "reponse_structure_1")
    assert loaded == {
        key: [record[name] and redact(record[name]) for name in names] for key, record in expected.items()
    }
    written = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    for slip in ("06 39 98 10", "karim.benali", "Nathalie Garnier", "Sandrine Rousseau"):
        assert any(slip in f"{record}" for record in expected.values()), slip
        assert slip.encode() not in written


# ---- bad days


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unauthorized", "refused with status 401 .*CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY"),
        ("forbidden", "refused with status 403 .*Ask the platform for access"),
        ("quota", "quota of requests is used up .*no time is given"),
        ("server_error", r"failed \(status 500\), 3 times in a row"),
        ("html", "a web page instead of JSON"),
        ("truncated", "breaks off"),
        ("broken", "breaks off"),
        ("hang", "does not answer in time"),
        ("redirect", "redirects to another host, localhost.invalid, and nothing was sent to it"),
        ("renamed_column", "required column ressenti_usager .* is missing .*sentiment_exprime"),
        ("nested_value", "'ressenti_usager' holds a dict where a text or a number is declared"),
        ("type_flip", "experiences_similaires is not a whole number in all of"),
    ],
)
def test_a_fault_is_told_and_the_last_good_data_stays(sandbox, home, fault, said):
    load(SPP)
    before = snapshot(home)
    sandbox.today = FIRST_TODAY + timedelta(days=2)
    sandbox.fault(fault)
    assert re.search(said, refused(SPP, KEY))
    assert snapshot(home) == before
    sandbox.reset()
    sandbox.today = FIRST_TODAY + timedelta(days=2)
    load(SPP)
    assert {key for (key,) in ask(home, "select id_experience from experiences")} == set(published(sandbox))


@pytest.mark.parametrize("fault", ["truncated", "broken", "html", "server_error"])
def test_a_backfill_that_breaks_off_loads_nothing(sandbox, home, fault):
    sandbox.fault(fault, path="exports/jsonl")
    assert refused(SPP, KEY)
    assert snapshot(home) == []
    sandbox.reset()
    assert counts(load(SPP))[1] == len(published(sandbox))


def test_a_page_that_comes_twice_in_place_of_another_is_noticed(sandbox, home):
    load(SPP)
    before = snapshot(home)
    sandbox.fault("duplicated_page", path="records")
    assert "experiences came, and the portal counted" in refused(SPP, KEY)
    assert snapshot(home) == before


@pytest.mark.parametrize("fault", ["server_error", "truncated", "broken", "html", "quota"])
def test_a_fault_that_passes_is_only_a_delay(sandbox, fault):
    sandbox.fault(fault, times=2)
    assert counts(load(SPP))[1] == len(published(sandbox))


def test_a_quota_that_ends_soon_is_waited_for(sandbox):
    sandbox.fault("quota_reset", times=1, seconds=0.5)
    begin = time.monotonic()
    load(SPP)
    assert time.monotonic() - begin > 0.5


def test_a_quota_that_ends_late_is_told_with_its_time(sandbox):
    sandbox.fault("quota_reset", seconds=7200)
    assert "load again after 20" in refused(SPP, KEY)


def test_a_slow_answer_is_an_answer(sandbox):
    sandbox.fault("slow", times=3, seconds=0.2)
    assert counts(load(SPP))[1] == len(published(sandbox))


def test_an_unknown_column_is_kept_and_reported(sandbox, home):
    sandbox.fault("unknown_column")
    report = load(SPP)
    assert report.entities[0].unknown_columns == ("nouvelle_colonne",)
    kept = ask(home, "select distinct colonnes_inconnues from experiences")
    assert [json.loads(value) for (value,) in kept] == [{"nouvelle_colonne": "valeur inattendue"}]


@pytest.mark.usefixtures("sandbox")
def test_an_unknown_dataset_and_an_unreachable_portal_are_told(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_SERVICES_PUBLICS_PLUS_DATASET", "autre")
    assert "status 404 (DatasetNotFoundError: The requested dataset autre does not exist.)" in refused(SPP, KEY)
    monkeypatch.setenv("CYBERIMPACT_SERVICES_PUBLICS_PLUS_URL", "http://127.0.0.1:9/api/explore/v2.1")
    assert "cannot be reached" in refused(SPP, KEY)


def test_a_bad_record_of_the_api_is_quarantined_once_and_leaves_when_it_is_mended(sandbox, home, monkeypatch):
    sandbox.today = date(2025, 1, 20)
    monkeypatch.setattr(client, "MOST_PAGED_ROWS", 0)  # every answer comes through `lines`
    lines = Api.lines

    def with_a_bad_record(self, path, params):
        for number, record in enumerate(lines(self, path, params)):
            is_bad = number == 3 and "id_experience" in record
            yield record | {"date_de_publication": "2025-02-31"} if is_bad else record

    with monkeypatch.context() as bad_days:
        bad_days.setattr(Api, "lines", with_a_bad_record)
        assert counts(load(SPP))[4] == 1
        assert counts(load(SPP))[4] == 1
    assert [(entry.field, entry.value) for entry in quarantine.entries(SPP)] == [("date_de_publication", "2025-02-31")]
    assert counts(load(SPP))[1] == 1
    assert quarantine.entries(SPP) == []
    assert {key for (key,) in ask(home, "select id_experience from experiences")} == set(published(sandbox))


def test_the_command_exits_non_zero_and_says_what_to_do(sandbox, open_databases):
    open_databases.close()
    sandbox.fault("unauthorized")
    done = subprocess.run(
        [sys.executable, "-m", "ingestion", SPP], capture_output=True, text=True, check=False, cwd=settings.CHECKOUT
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Check the key in CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr
    assert "cle-secrete" not in done.stderr


# ---- settings


def test_a_patience_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_HTTP_ATTEMPTS", "beaucoup")
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_HTTP_ATTEMPTS is 'beaucoup'"):
        RetryPolicy.from_settings()


def test_an_address_is_shown_without_query_and_credentials():
    assert without_query("https://moi:secret@hote.fr:8443/a/b?apikey=cle#x") == "https://hote.fr:8443/a/b"


def test_the_day_of_the_sandbox_is_the_day_of_the_last_publication(sandbox, home):
    sandbox.today = date(2025, 2, 3)
    load(SPP)
    assert ask(home, "select max(date_de_publication) <= '2025-02-03' from experiences") == [(True,)]
