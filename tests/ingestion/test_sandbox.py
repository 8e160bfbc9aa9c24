"""The stand-in keeps the portal's contract, serves one fixed history, and fails on request."""

import ast
import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest

from sandbox import odsql
from sandbox.app import dropped_files, running_files
from sandbox.brigade_numerique import contacts_of
from sandbox.cybermalveillance import HEADER, cases_of
from sandbox.drift import drifted, first_row
from sandbox.events import START, Event, active, events
from sandbox.experiences import experiences_of, history
from sandbox.files import xlsx_bytes
from sandbox.ma_securite import created_on
from sandbox.official_alerts import river_levels
from sandbox.periods import days
from sandbox.places import PARIS, REGIONS, departement, departements
from sandbox.services_publics_plus import FIELDS, record
from tests.ingestion.conftest import Sandbox

TODAY = date(2026, 10, 21)
DATASET = "/api/explore/v2.1/catalog/datasets/export-experiences"
TALKWALKER = "/talkwalker/api/v1/search/p/gendarmerie/results"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def portal():
    server = Sandbox(TODAY)
    server.start()
    with httpx.Client(base_url=server.origin) as client:
        yield client
    server.stop()


@pytest.fixture(scope="module")
def all_experiences():
    return list(history(17, TODAY))


def test_history_never_moves(all_experiences):
    earlier = list(history(17, TODAY - timedelta(days=30)))
    assert all_experiences[: len(earlier)] == earlier
    assert experiences_of(17, START) != experiences_of(18, START)


def test_an_answer_appears_on_its_day_and_nothing_else_changes(all_experiences):
    answered = next(e for e in all_experiences if e.answered_on and e.answered_on > e.published_on)
    before = record(answered, answered.answered_on - timedelta(days=1))
    after = record(answered, answered.answered_on)
    changed = {name for name in FIELDS if before[name] != after[name]}
    assert changed == {"etat_experience", "date_de_premiere_reponse", "reponse_structure_1"}
    assert (before["etat_experience"], after["etat_experience"]) == ("A traiter", "Traitée")


def test_the_history_has_what_a_reader_must_cope_with(all_experiences):
    assert 5000 < len(all_experiences) < 7000
    assert len({e.number for e in all_experiences}) == len(all_experiences)
    gendarmerie = sum("gendarmerie" in e.service.typology.lower() for e in all_experiences)
    assert gendarmerie > 800
    codes = Counter(e.departement.code for e in all_experiences if e.departement)
    assert len(codes) > 95
    assert codes["59"] > codes["48"]
    assert codes["974"] > 0
    assert any(e.country != "France" for e in all_experiences)
    assert any(e.country == "France" and e.postal_code is None for e in all_experiences)
    assert any(e.postal_code and len(e.postal_code) == 4 and e.departement for e in all_experiences)
    assert any(e.answered_on and e.answered_on < e.published_on for e in all_experiences)
    assert any(e.also == e.service for e in all_experiences)
    assert any(e.written_on is None for e in all_experiences)


def test_an_outage_of_the_online_complaint_can_be_seen():
    two_years = list(days(START, START + timedelta(days=729)))
    failing = {day for day in two_years if any(event.kind == "outage" for event in active(17, day))}
    complaints = Counter(
        day in failing for day in two_years for e in experiences_of(17, day) if "PPEL" in e.service.typology
    )
    # 8.5 experiences a day, of which 5 in 94 name the online complaint: 0.45, and several times that while it fails
    assert 0.35 < complaints[False] / (len(two_years) - len(failing)) < 0.55
    assert complaints[True] / len(failing) > 3


def test_the_population_is_that_of_the_country():
    assert 67_000_000 < sum(d.population for d in departements()) < 70_000_000


def test_each_departement_of_a_region_is_in_one_region_only():
    members = Counter(code for region in REGIONS for code in region.departements)
    assert set(members.values()) == {1}
    without = {"975", "977", "978", "986", "987", "988"}  # collectivities that belong to no region
    assert set(members) == {place.code for place in departements()} - without


DAY, LATER = date(2026, 1, 15), date(2026, 2, 14)


def test_events_of_a_day_are_the_same_when_they_are_asked_for_later():
    assert events(17, DAY) == tuple(event for event in events(17, LATER) if event.start <= DAY)
    assert {event.start for event in events(17, LATER)} > {event.start for event in events(17, DAY)}


def test_the_chat_tells_nothing_that_is_still_to_come():
    noon = datetime.combine(DAY, time(12))
    [so_far] = [file.content for file in running_files(17, noon) if file.name == "easiware_2026-S1.csv"]
    [whole] = [file.content for file in dropped_files(17, DAY) if file.name == "easiware_2026-S1.csv"]
    assert whole.startswith(so_far)
    moments = [line.split(b";")[1].decode() for line in so_far.splitlines()]
    assert "15/01/2026 00:00" < moments[-1] <= "15/01/2026 12:00"
    assert len(so_far) < len(whole)


def test_files_of_a_day_are_the_same_or_only_longer_when_they_are_asked_for_later():
    before, after = ({(p, name): content for p, name, content in dropped_files(17, day)} for day in (DAY, LATER))
    grown = {
        ("brigade_numerique", "easiware_2026-S1.csv"),
        ("pre_plainte", "ppel_2026-S1.csv"),
        ("prevention_actions", "actions_prevention_2026-S1.csv"),
        ("social_accounts", "social_accounts_2026-S1.csv"),
    }
    shared = before.keys() & after.keys()
    assert {key for key in shared if before[key] != after[key]} == grown
    assert all(after[key].startswith(before[key]) for key in grown)
    assert {
        ("cybermalveillance", "17cyber_2025-S2.json"),
        ("jdma", "Avis_Percev_l_2025-12-31_23-59-59.csv"),
        ("prevention_actions", "actions_prevention_2025-S2.xlsx"),
        ("reference", "crimes-et-delits-par-service-2020-2021.xlsx"),
    } <= shared


def test_the_series_of_a_file_with_another_name_are_the_same():
    before, after = (
        next(json.loads(content) for platform, _, content in dropped_files(17, day) if platform == "perceval")
        for day in (DAY, LATER)
    )
    for name, series in before.items():
        assert series.items() <= after[name].items()
        assert len(series) < len(after[name])


def test_a_workbook_does_not_know_the_clock():
    content = xlsx_bytes({"Feuille": [["a", 1]]})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2025, 1, 1, 0, 0, 0)}
        assert archive.read("docProps/core.xml").count(b"2025-01-01T00:00:00Z") == 2


# ---- platforms agree


WAVE = next(event for event in events(17, date(2025, 12, 31)) if event.code == "phishing-2025-09-17-0")
FLOOD = next(event for event in events(17, date(2025, 12, 31)) if event.code == "flood-2025-04-26-0")

#: Ordinary days before the wave, as many weeks as it lasts: no other wave touches them.
QUIET = list(days(date(2025, 9, 3), date(2025, 9, 16)))


def rise(of_day: Callable[[date], int], event: Event, lag_days: int) -> float:
    """Return the mean of the days on which a platform shows an event, over the mean of the quiet days."""
    shown = list(days(event.start, event.start + timedelta(days=event.days - 1)))
    during = sum(of_day(day + timedelta(days=lag_days)) for day in shown) / len(shown)
    return during / (sum(map(of_day, QUIET)) / len(QUIET))


def phishing_contacts(day: date) -> int:
    return sum(motive == "Hameçonnage" for _, _, _, _, motive, _ in contacts_of(17, day))


def phishing_cases(day: date, codes: frozenset[str] | None = None) -> int:
    rows = (dict(zip(HEADER, row, strict=True)) for row in cases_of(17, day))
    shown = (row for row in rows if codes is None or row["code_departement"] in codes)
    return sum(int(str(row["nb_parcours"])) for row in shown if row["categorie_menace"] == "hameçonnage")


def mentions_between(first: date, last: date) -> list[dict]:
    """Return what the listening tool shows on the last of some days of what was published on them."""
    after, before = (
        datetime.combine(day, time(), PARIS).timestamp() * 1000 for day in (first, last + timedelta(days=1))
    )
    asked = {"access_token": "cle", "q": f"published:>{after:.0f} AND published:<{before:.0f}", "hpp": 500}
    server, found = Sandbox(last), []
    server.start()
    with httpx.Client(base_url=server.origin, timeout=30) as client:
        while page := client.get(TALKWALKER, params={**asked, "offset": len(found)}).json()["result_content"]["data"]:
            found += [shown["data"] for shown in page]
    server.stop()
    return found


@pytest.fixture(scope="module")
def told_of_phishing() -> list[dict]:
    """What the listening tool shows of the wave, and of the quiet days before it."""
    end = WAVE.start + timedelta(days=WAVE.days - 1)
    found = mentions_between(QUIET[0], QUIET[-1]) + mentions_between(WAVE.start, end)
    return [mention for mention in found if mention["matched_profile"] == ["phishing"]]


def published_on(mention: dict) -> date:
    return datetime.fromtimestamp(mention["published"] / 1000, UTC).astimezone(PARIS).date()


def region_of(mention: dict) -> str:
    return mention["extra_source_attributes"]["world_data"]["region"]


def test_a_wave_of_phishing_shows_on_each_platform_with_its_delay(told_of_phishing):
    assert (WAVE.start, WAVE.days, WAVE.departements) == (date(2025, 9, 17), 13, ())
    assert not {event.kind for day in QUIET for event in active(17, day)} & {"phishing"}
    assert {published_on(mention) for mention in told_of_phishing} == set(days(date(2025, 9, 17), date(2025, 9, 29)))
    # an ordinary day has 1; the wave adds 3.3 at its height and 1.77 on the mean of its days
    assert 1.8 < rise(phishing_contacts, WAVE, lag_days=1) < 3.8
    assert 1.8 < rise(phishing_cases, WAVE, lag_days=2) < 3.8


def test_a_wave_without_departements_shows_in_the_whole_country(told_of_phishing):
    assert len({region_of(mention) for mention in told_of_phishing}) > 80
    large = [region for region in REGIONS if sum(departement(code).population for code in region.departements) > 3e6]
    assert len(large) == 10
    rises = {
        region.name: rise(lambda day, codes=region.departements: phishing_cases(day, codes), WAVE, lag_days=2)
        for region in large
    }
    assert min(rises.values()) > 1, rises


def test_a_flood_shows_on_each_platform_in_its_departements_and_nowhere_else():
    assert FLOOD.departements == ("84", "85", "86")
    last = FLOOD.start + timedelta(days=FLOOD.days - 1)
    watched = river_levels(17, FLOOD.start + timedelta(days=2))["features"]
    warned = {river["properties"]["CdEntCru"] for river in watched if river["properties"]["NivInfViCr"] > 1}
    assert warned == {"VC84", "VC85", "VC86"}
    mentions = mentions_between(FLOOD.start, last)
    assert {region_of(mention) for mention in mentions if mention["matched_profile"] == ["flood"]} == {
        "Vaucluse",
        "Vendée",
        "Vienne",
    }
    published = {
        item["localite"]
        for day in days(FLOOD.start, last)
        for item in created_on(17, day + timedelta(days=1))
        if item["titre"].startswith("Crue")
    }
    assert published == {"Vaucluse (84)", "Vendée (85)", "Vienne (86)"}


def test_the_sandbox_imports_nothing_of_the_project():
    own = {folder.name for folder in ROOT.iterdir() if any(folder.glob("*.py"))} - {"sandbox"}
    assert {"ingestion", "orchestration", "assets"} <= own
    for file in sorted((ROOT / "sandbox").glob("**/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, file.name
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & own, file.name


# ---- faults of data


@pytest.mark.parametrize(
    ("fault", "start", "moved", "begins"),
    [
        ("", 40, 1, 40),
        ("duplicated_page", 40, 1, 0),
        ("shifted_page", 40, 1, 41),
        ("shifted_page", 40, -2, 38),
        ("shifted_page", 0, 1, 0),
        ("shifted_page", 1, -2, 0),
    ],
)
def test_a_fault_of_paging_moves_the_page(fault, start, moved, begins):
    assert first_row(fault, start, moved) == begins


@pytest.mark.parametrize(
    ("fault", "becomes"),
    [
        ("", {"note": 3, "ville": "Lens"}),
        ("duplicated_page", {"note": 3, "ville": "Lens"}),
        ("unknown_column", {"note": 3, "ville": "Lens", "nouvelle_colonne": "valeur inattendue"}),
        ("renamed_column", {"score": 3, "ville": "Lens"}),
        ("type_flip", {"note": "plusieurs", "ville": "Lens"}),
        ("nested_value", {"note": 3, "ville": {"nom": "Lens"}}),
        ("late_edit", {"note": 4, "ville": "Lens"}),
    ],
)
def test_a_change_strikes_the_fields_that_the_record_has(fault, becomes):
    changed = drifted(
        {"note": 3, "ville": "Lens"},
        fault,
        renamed={"note": "score", "absent": "x"},
        flipped={"note": "plusieurs", "absent": "x"},
        nested={"ville": "nom", "absent": "x"},
        edited={"note": 4, "absent": "x"},
    )
    assert changed == becomes


# ---- the portal of Services Publics+


def test_records_are_flat_limited_and_counted(portal, all_experiences):
    answer = portal.get(f"{DATASET}/records").json()
    assert answer["total_count"] == len(all_experiences)
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


def test_a_question_is_filtered_ordered_and_paged(portal, all_experiences):
    where = "date_de_publication >= date'2026-09-01' and (ressenti_usager = 'Négatif' or not pays = \"France\")"
    expected = {
        str(e.number)
        for e in all_experiences
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


def test_exports_have_no_window(portal, all_experiences):
    lines = portal.get(f"{DATASET}/exports/jsonl").text.splitlines()
    assert [json.loads(line)["id_experience"] for line in lines] == [str(e.number) for e in all_experiences]
    text = portal.get(f"{DATASET}/exports/csv").content.decode("utf-8")
    assert text.startswith("\ufeffid_experience;titre;")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert len(rows) == len(all_experiences)


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


def added(client, *mentions):
    return client.post("/_control/mentions", json={"mentions": list(mentions)})


def newest(client, number):
    query = {"access_token": "x", "sort_by": "search_indexed", "sort_order": "desc", "hpp": number}
    return [hit["data"] for hit in client.get(TALKWALKER, params=query).json()["result_content"]["data"]]


def test_mentions_are_added_found_in_their_time_and_taken_back():
    server = Sandbox(datetime.now(PARIS).date())
    server.start()
    try:
        with httpx.Client(base_url=server.origin, timeout=30) as client:
            [before] = newest(client, 1)
            record = {"text": "zibeline à Évreux", "seconds": -1, "code": "27"}
            assert added(client, record, {"text": "plus tard", "seconds": 600}).json() == {"added": 2}
            [found, former] = newest(client, 2)
            assert (found["content"], former["url"]) == ("zibeline à Évreux", before["url"])
            assert found["extra_source_attributes"]["world_data"]["region"] == "Eure"
            assert client.delete("/_control/mentions").json() == {"added": 0}
            assert newest(client, 1)[0]["url"] == before["url"]
    finally:
        server.stop()


def test_a_history_that_has_ended_takes_no_mention(portal):
    assert added(portal, {"text": "trop tard", "seconds": 0}).status_code == 409


def test_the_module_serves_on_loopback(sandbox):
    assert httpx.get(f"{sandbox.origin}/health").json() == {"status": "ok"}


def test_a_filter_without_a_value_for_the_field_finds_nothing():
    assert not odsql.where("ecrit_le >= date'2026-01-01'", FIELDS)({"ecrit_le": None})
