"""Official alerts over real HTTP: what is raised, how it ends, what was missed, and which source failed."""

from datetime import date, timedelta
from functools import partial

import httpx
import pytest
from requests.adapters import HTTPAdapter

from core.errors import ExpectedFailure
from ingestion.connectors import official_alerts
from ingestion.connectors.official_alerts.client import HealthAlerts, Rivers
from ingestion.engine.http import Api
from ingestion.engine.loading import load
from tests.ingestion import conftest
from tests.ingestion.every_connector import IN_PROOF

ALERTS = "official_alerts"
KEY = "cle-secrete-du-test"

#: The scenario's flood in the Allier: eight days of strength 3.32, which rise to their height in 8/3 days.
FLOOD_BEGINS = date(2025, 2, 7)


@pytest.fixture
def sources(sandbox, monkeypatch):
    """The stand-ins of the three sources on the first day of the flood; what is read begins two weeks before."""
    sandbox.today = FLOOD_BEGINS
    monkeypatch.setenv("CYBERIMPACT_OFFICIAL_ALERTS_METEO_FRANCE_API_KEY", KEY)
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    monkeypatch.setattr(official_alerts, "today", lambda: sandbox.today)
    monkeypatch.setattr(official_alerts, "SINCE", FLOOD_BEGINS - timedelta(days=14))
    return sandbox


ask = partial(conftest.ask, name="official_alerts")


def snapshot(home):
    return ask(home, "select * from alerts order by alert_id")


def flood_levels(home):
    """Return day of issue, term and colour of the flood's warnings in the Allier, oldest first."""
    return ask(
        home,
        "select issued_at::date::text, (valid_from::date - issued_at::date), level from alerts"
        " where source = 'meteo_france' and territory = '03' and phenomenon = 'crues' order by issued_at, valid_from",
    )


def test_a_flood_is_read_from_its_announcement_to_its_end_and_loading_again_writes_nothing(sources, home):
    sources.today = FLOOD_BEGINS + timedelta(days=8)  # the day after its last
    load(ALERTS)
    # Added on day d: 3.32 x min(1, (d+1)/2.667, (8-d)/6.333) = 1.25 2.49 3.15 2.62 2.10 1.57 1.05 0.52;
    # red above 2.2, orange above 1, yellow above 0. Each bulletin says today from six o'clock, and tomorrow.
    colours = ["orange", "rouge", "rouge", "rouge", "orange", "orange", "orange", "jaune", "vert"]
    expected = [("2025-02-06", 0, "vert"), ("2025-02-06", 0, "orange")]
    days = [str(FLOOD_BEGINS + timedelta(days=offset)) for offset in range(9)]
    for day, colour, tomorrow in zip(days, colours, [*colours[1:], None], strict=True):
        expected += [(day, 0, colour)] + ([(day, 0, tomorrow)] if tomorrow else [])
    # Tomorrow begins at 23:00 UTC: the day of `valid_from` in UTC is the day of issue.
    found = flood_levels(home)
    assert found[: len(expected)] == expected
    assert len(found) == len(expected) + 1  # the last bulletin says green for its tomorrow too
    before = snapshot(home)
    report = load(ALERTS)
    assert [report.total(f"rows_{outcome}") for outcome in ("new", "updated", "quarantined")] == [0, 0, 0]
    assert snapshot(home) == before


def test_what_is_raised_equals_the_map_and_its_empty_chronologies_lose_no_flood(sources, home):
    load(ALERTS)
    [origin] = ask(home, "select distinct origin from load_log")
    assert "/meteo_france/public/DPVigilance/v1" in origin[0]
    carte = httpx.get(
        f"{sources.origin}/official_alerts/meteo_france/public/DPVigilance/v1/cartevigilance/encours",
        headers={"apikey": "une"},
    ).json()
    published = {
        (domain["domain_id"], period["begin_validity_time"]): item
        for period in carte["product"]["periods"]
        for domain in period["timelaps"]["domain_ids"]
        for item in domain["phenomenon_items"]
        if item["phenomenon_id"] == "4" and item["phenomenon_max_color_id"] > 1
    }
    assert all(item["timelaps_items"] == [] for item in published.values())
    found = ask(
        home,
        "select territory, strftime(valid_from, '%Y-%m-%dT%H:%M:%SZ') from alerts"
        " where phenomenon = 'crues' and level <> 'vert' and source = 'meteo_france'"
        f" and issued_at::date = '{FLOOD_BEGINS}'",
    )
    assert set(found) == published.keys()
    assert {territory for territory, _ in found} == {"03", "FRA"}


def test_territories_are_told_apart(sources, home):
    sources.today = FLOOD_BEGINS + timedelta(days=20)
    load(ALERTS)
    kinds = dict(ask(home, "select territory_type, any_value(territory order by territory) from alerts group by 1"))
    assert {"departement", "littoral", "pays", "region"} <= kinds.keys()
    assert kinds["pays"] == "FRA"
    assert len(kinds["littoral"]) == 4
    assert kinds["littoral"].endswith("10")


def test_a_section_that_falls_back_to_green_is_said_so_once(sources, home):
    levels = (
        "select issued_at::date::text, level from alerts where source = 'vigicrues' and territory = 'VC03' order by 1"
    )
    sources.today = FLOOD_BEGINS + timedelta(days=7)
    load(ALERTS)
    assert ask(home, levels) == [("2025-02-14", "jaune")]
    for offset in (8, 9):
        sources.today = FLOOD_BEGINS + timedelta(days=offset)
        load(ALERTS)
    assert ask(home, levels) == [("2025-02-14", "jaune"), ("2025-02-15", "vert")]


def test_the_days_on_which_nothing_was_loaded_are_read_from_the_archive(sources, home):
    load(ALERTS)
    sources.today = FLOOD_BEGINS + timedelta(days=3)
    load(ALERTS)
    issued = "select distinct issued_at::date::text from alerts where territory = '03' and source = 'meteo_france'"
    days = [day for (day,) in ask(home, f"{issued} order by 1")]
    assert days == ["2025-02-06", "2025-02-07", "2025-02-08", "2025-02-09", "2025-02-10"]


@pytest.mark.usefixtures("sources")
def test_health_levels_keep_the_words_of_the_source_and_late_corrections_are_read(home, monkeypatch):
    load(ALERTS)
    rows = ask(
        home,
        "select territory, phenomenon, level, source_level from alerts where source = 'sante_publique_france'"
        " and valid_from = '2025-02-02'",
    )
    assert len(rows) == 18 * 4
    assert {level for _, _, level, _ in rows} == {None}
    assert {level for _, theme, _, level in rows if theme == "Gastro-entérite"} == {"1"}
    assert {level for _, theme, _, level in rows if theme == "Grippe"} <= {"2", "3", "4"}
    corrected = HealthAlerts._statement

    def later(row, where):
        statement = corrected(row, where)
        is_corrected = (row["date"], row["reg"], row["theme"]) == ("2025-02-02", "53", "Grippe")
        return {**statement, "source_level": 5} if is_corrected else statement

    monkeypatch.setattr(HealthAlerts, "_statement", staticmethod(later))
    report = load(ALERTS)
    assert report.total("rows_updated") == 1
    assert ask(home, "select territory from alerts where source_level = '5'") == [("53",)]


def test_both_spellings_of_the_properties_of_vigicrues_are_read(monkeypatch):
    sections = [
        {"CdEntCru": "AN11", "LbEntCru": "Isère moyenne", "NivInfViCr": 3},
        {"CdEntCru": "AN12", "lbentcru": "Isère grenobloise", "NivInfViCr": "2"},
    ]
    answer = {
        "DtHrInfoVigiCru": "2026-07-15T13:55:38+00:00",
        "features": [{"properties": properties, "geometry": None} for properties in sections],
    }
    monkeypatch.setattr(Api, "get", lambda *_: answer)
    found = [(each["territory"], each["territory_name"], each["level"]) for each in Rivers().in_force()]
    assert found == [("AN11", "Isère moyenne", 3), ("AN12", "Isère grenobloise", "2")]


@pytest.mark.usefixtures("sources")
def test_the_key_goes_to_meteo_france_alone_and_never_into_an_address(monkeypatch):
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    load(ALERTS)
    assert not any(KEY in request.url for request in sent)
    with_key = {request.path_url for request in sent if KEY in request.headers.values()}
    assert with_key == {"/official_alerts/meteo_france/public/DPVigilance/v1/cartevigilance/encours"}


FAULTS = [
    ("/meteo_france/", "unauthorized", "DPVigilance/v1/cartevigilance/encours: refused with status 401"),
    ("/meteo_france/", "renamed_column", "cartevigilance/encours: the answer has no 'phenomenon_max_color_id'"),
    ("/meteo_france/", "nested_value", "the column 'level' holds a dict"),
    ("/vigicrues/", "server_error", "vigicrues/services/InfoVigiCru.geojson: the platform failed"),
    ("/vigicrues/", "renamed_column", "InfoVigiCru.geojson: the answer has no 'nivinfvicr'"),
    ("/odisse/", "html", "odisse/api/explore/v2.1/catalog/datasets/.*: the platform answers a web page"),
    ("/odisse/", "renamed_column", "records: the answer has no 'valeur'"),
    ("/odisse/", "duplicated_page", "levels came, and the portal counted .*: a page came twice"),
    ("/odisse/", "shifted_page", "levels came, and the portal counted"),
]
#: Each source fails once in each run, and in every way in the proof.
IN_TURN = [
    pytest.param(*fault, marks=[] if fault[1] in ("unauthorized", "server_error", "duplicated_page") else [IN_PROOF])
    for fault in FAULTS
]


@pytest.mark.parametrize(("path", "fault", "said"), IN_TURN)
def test_the_source_that_fails_is_named_and_nothing_of_the_load_stays(sources, home, path, fault, said):
    load(ALERTS)
    before = snapshot(home)
    sources.today = FLOOD_BEGINS + timedelta(days=1)
    sources.fault(fault, path=path)
    with pytest.raises(ExpectedFailure, match=said) as failure:
        load(ALERTS)
    assert KEY not in str(failure.value)
    assert snapshot(home) == before
    sources.reset()
    sources.today = FLOOD_BEGINS + timedelta(days=1)
    assert load(ALERTS).total("rows_new") > 0


def test_a_level_that_is_no_level_is_quarantined_and_the_others_load(sources):
    sources.fault("type_flip", path="/vigicrues/")
    report = load(ALERTS)
    assert report.total("rows_quarantined") == 96  # the sections of the mainland
    assert report.total("rows_new") > 0
