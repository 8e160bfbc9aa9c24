"""The stand-in keeps the portal's contract, tells one history for ever, and fails when it is asked to."""

import csv
import io
import json
from collections import Counter
from datetime import date, timedelta

import httpx
import pytest

from sandbox import odsql
from sandbox.scenario import OUTAGE_DAYS, OUTAGE_EVERY_DAYS, START, departements, experiences_of, history, is_outage
from sandbox.services_publics_plus import FIELDS, record
from tests.ingestion.conftest import Sandbox

TODAY = date(2026, 10, 21)
DATASET = "/api/explore/v2.1/catalog/datasets/export-experiences"


@pytest.fixture(scope="module")
def portal():
    server = Sandbox(TODAY)
    server.start()
    with httpx.Client(base_url=server.origin) as client:
        yield client
    server.stop()


@pytest.fixture(scope="module")
def told():
    return list(history(17, TODAY))


def test_history_never_moves(told):
    earlier = list(history(17, TODAY - timedelta(days=30)))
    assert told[: len(earlier)] == earlier
    assert experiences_of(17, START) != experiences_of(18, START)


def test_an_answer_appears_on_its_day_and_nothing_else_changes(told):
    answered = next(e for e in told if e.answered_on and e.answered_on > e.published_on)
    before = record(answered, answered.answered_on - timedelta(days=1))
    after = record(answered, answered.answered_on)
    changed = {name for name in FIELDS if before[name] != after[name]}
    assert changed == {"etat_experience", "date_de_premiere_reponse", "reponse_structure_1"}
    assert (before["etat_experience"], after["etat_experience"]) == ("A traiter", "Traitée")


def test_the_history_has_what_a_reader_must_cope_with(told):
    assert 5000 < len(told) < 7000
    assert len({e.number for e in told}) == len(told)
    gendarmerie = sum("gendarmerie" in e.service.typology.lower() for e in told)
    assert gendarmerie > 800
    codes = Counter(e.departement.code for e in told if e.departement)
    assert len(codes) > 95
    assert codes["59"] > codes["48"]
    assert codes["974"] > 0
    assert any(e.country != "France" for e in told)
    assert any(e.country == "France" and e.postal_code is None for e in told)
    assert any(e.postal_code and len(e.postal_code) == 4 and e.departement for e in told)
    assert any(e.answered_on and e.answered_on < e.published_on for e in told)
    assert any(e.also == e.service for e in told)
    assert any(e.written_on is None for e in told)


def test_an_outage_of_the_online_complaint_can_be_seen():
    days = [START + timedelta(days=offset) for offset in range(2 * OUTAGE_EVERY_DAYS)]
    bad = Counter(
        is_outage(e.published_on) for day in days for e in experiences_of(17, day) if "PPEL" in e.service.typology
    )
    outage_days = 2 * OUTAGE_DAYS
    assert bad[True] / outage_days > 4 * bad[False] / (len(days) - outage_days)


def test_the_population_is_that_of_the_country():
    assert 67_000_000 < sum(d.population for d in departements()) < 70_000_000


def test_records_are_flat_limited_and_counted(portal, told):
    answer = portal.get(f"{DATASET}/records").json()
    assert answer["total_count"] == len(told)
    assert len(answer["results"]) == 10
    assert set(answer["results"][0]) == set(FIELDS)
    assert len(portal.get(f"{DATASET}/records", params={"limit": 100}).json()["results"]) == 100


@pytest.mark.parametrize(
    ("parameters", "code", "said"),
    [
        ({"limit": 101}, "InvalidRESTParameterError", "limit API parameter"),
        ({"limit": "dix"}, "InvalidRESTParameterError", "limit or offset"),
        ({"limit": 100, "offset": 9900}, "InvalidRESTParameterError", "sum of offset + limit API parameter: 10000"),
        ({"where": "date_de_publication >> 3"}, "ODSQLError", "malformed"),
        ({"where": "couleur = 'rouge'"}, "ODSQLError", "Unknown field: couleur"),
        ({"order_by": "couleur"}, "ODSQLError", "Unknown field: couleur"),
    ],
)
def test_a_wrong_question_is_refused_as_the_portal_does(portal, parameters, code, said):
    answer = portal.get(f"{DATASET}/records", params=parameters)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == code
    assert said in answer.json()["message"]


def test_a_question_is_filtered_ordered_and_paged(portal, told):
    where = "date_de_publication >= date'2026-09-01' and (ressenti_usager = 'Négatif' or not pays = \"France\")"
    expected = {
        str(e.number)
        for e in told
        if e.published_on >= date(2026, 9, 1) and (e.feeling == "Négatif" or e.country != "France")
    }
    found, offset = [], 0
    while page := portal.get(
        f"{DATASET}/records",
        params={"where": where, "order_by": "date_de_publication desc", "limit": 50, "offset": offset},
    ).json()["results"]:
        found += page
        offset += 50
    assert {r["id_experience"] for r in found} == expected
    dates = [r["date_de_publication"] for r in found]
    assert dates == sorted(dates, reverse=True)


def test_exports_have_no_window(portal, told):
    lines = portal.get(f"{DATASET}/exports/jsonl").text.splitlines()
    assert [json.loads(line)["id_experience"] for line in lines] == [str(e.number) for e in told]
    text = portal.get(f"{DATASET}/exports/csv").content.decode("utf-8")
    assert text.startswith("\ufeffid_experience;titre;")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert len(rows) == len(told)


def test_rate_headers_count_down(portal):
    first, second = (int(portal.get(DATASET).headers["X-RateLimit-Remaining"]) for _ in range(2))
    assert second == first - 1


def test_faults_are_asked_for_counted_and_taken_back(sandbox):
    client = httpx.Client(base_url=sandbox.origin)
    client.post("/_control/faults", json={"fault": "quota_reset", "times": 1, "seconds": 60})
    refused = client.get(DATASET)
    assert refused.status_code == 429
    assert refused.json()["errorcode"] == 10002
    assert refused.json()["reset_time"].endswith("Z")
    assert client.get(DATASET).status_code == 200
    client.post("/_control/faults", json={"fault": "server_error", "path": "records"})
    assert (client.get(DATASET).status_code, client.get(f"{DATASET}/records").status_code) == (200, 500)
    client.delete("/_control/faults")
    assert client.get(f"{DATASET}/records").status_code == 200
    assert client.get(DATASET, headers={"X-Sandbox-Fault": "forbidden"}).status_code == 403
    assert client.post("/_control/faults", json={"fault": "panne"}).status_code == 400


def test_the_module_serves_on_loopback(sandbox):
    assert httpx.get(f"{sandbox.origin}/health").json() == {"status": "ok"}


def test_a_filter_without_a_value_for_the_field_finds_nothing():
    assert not odsql.where("ecrit_le >= date'2026-01-01'", FIELDS)({"ecrit_le": None})
