"""Audience over real HTTP: both tools behind one contract, in one unit, read again where they are not final yet."""

import json
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qs

import httpx
import pytest
from requests.adapters import HTTPAdapter

from core import clock
from core.errors import ExpectedFailure
from ingestion.connectors.audience import matomo, piano, sites
from ingestion.connectors.audience.client import first_day
from ingestion.connectors.audience.contract import bare_address, hour, known_term, known_text, month
from ingestion.connectors.audience.matomo import Matomo
from ingestion.connectors.audience.piano import Piano
from ingestion.engine.loading import load
from ingestion.engine.windows import Window
from sandbox.audience import MA_SECURITE, hours, shared, visits
from tests.ingestion import conftest
from tests.ingestion.conftest import FIRST_TODAY

AUDIENCE = "audience"
KEY, TOKEN = "cle-secrete-du-test", "jeton-secret-du-test"

SITES = """
sites:
  - {name: gendarmerie, tool: piano, site_id: 614694, since: 2025-02-10}
  - {name: service-public, tool: piano, site_id: 1, since: 2025-02-10, page_contains: gendarmerie}
  - {name: ma-securite, tool: matomo, site_id: 1, since: 2025-02-10}
"""
SINCE = date(2025, 2, 10)
TABLES = ("hourly_visits", "geo_visits", "pages_visits", "sources_visits", "devices_visits")


@pytest.fixture
def declared(home):
    """Return a function that declares sites."""

    def declare(text):
        home.config.mkdir(exist_ok=True)
        (home.config / "sites.yml").write_text(text, encoding="utf-8")

    return declare


@pytest.fixture
def tools(sandbox, declared, monkeypatch):
    """Both stand-ins, on the day of the sandbox, with three sites read since February."""
    declared(SITES)
    monkeypatch.setenv("CYBERIMPACT_AUDIENCE_PIANO_KEY", KEY)
    monkeypatch.setenv("CYBERIMPACT_AUDIENCE_MATOMO_TOKEN", TOKEN)
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    monkeypatch.setattr(clock, "today", lambda: sandbox.today)
    return sandbox


ask = partial(conftest.ask, name="audience")


def snapshot(home):
    return [ask(home, f"select * from {table} order by audience_key") for table in TABLES]


def listen(monkeypatch):
    """Return the list to which every request will be added."""
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    return sent


# ---- values


@pytest.mark.parametrize(("given", "expected"), [("N/A", -1), ("0", 0), ("9h", 9), ("07", 7), ("23", 23)])
def test_an_hour(given, expected):
    assert hour(given) == expected


@pytest.mark.parametrize("given", ["24", "-1", "midi"])
def test_no_hour(given):
    with pytest.raises(ValueError, match="is not an hour of the day"):
        hour(given)


@pytest.mark.parametrize(
    ("given", "expected"), [("2026 January", "2026-01"), ("2025 december", "2025-12"), ("2026-09", "2026-09")]
)
def test_a_month(given, expected):
    assert month(given) == expected


@pytest.mark.parametrize("given", ["2026 Janvier", "None None", "2026-13", "January 2026"])
def test_no_month(given):
    with pytest.raises(ValueError, match="is not a month"):
        month(given)


def test_an_address_loses_what_a_visitor_typed():
    assert bare_address("https://u:p@www.google.com/search?q=jean@exemple.fr#a") == "https://www.google.com/search"
    assert bare_address("/contact/jean@exemple.fr") == "/contact/[MAIL]"
    assert bare_address("N/A") is known_text("N/A") is None


def test_a_kind_of_the_tool_is_no_name_of_a_person():
    assert known_term("Portal sites") == "Portal sites"
    assert known_term("N/A") is None


def test_the_last_days_are_read_again():
    assert first_day(date(2025, 1, 1), None) == date(2025, 1, 1)
    # The 28th, 29th and 30th are read again.
    assert first_day(date(2025, 1, 1), date(2025, 3, 30)) == date(2025, 3, 28)
    assert first_day(date(2025, 3, 30), date(2025, 3, 30)) == date(2025, 3, 30)


# ---- loads


def test_every_visit_is_counted_once_in_each_table_and_a_second_load_writes_nothing(tools, home):
    load(AUDIENCE)
    days = [SINCE + timedelta(days=offset) for offset in range((FIRST_TODAY - SINCE).days + 1)]
    identifiers = {"gendarmerie": "614694", "service-public": "1", "ma-securite": MA_SECURITE}
    counted = {name: sum(visits(17, key, day) for day in days) for name, key in identifiers.items()}
    assert dict(ask(home, "select site, sum(visits) from hourly_visits group by 1")) == counted
    march = {name: sum(visits(17, key, day) for day in days if day.month == 3) for name, key in identifiers.items()}
    for table in ("geo_visits", "sources_visits", "devices_visits"):
        found = f"select site, sum(visits) from {table} where month = '2025-03' group by 1"
        assert dict(ask(home, found)) == march, table
    before = snapshot(home)
    report = load(AUDIENCE)
    assert [report.total(f"rows_{outcome}") for outcome in ("new", "updated", "quarantined")] == [0, 0, 0]
    assert snapshot(home) == before
    assert tools.today == FIRST_TODAY


@pytest.mark.usefixtures("tools")
def test_both_tools_give_the_time_spent_as_a_sum_in_seconds(home):
    load(AUDIENCE)
    rows = ask(
        home,
        "select tool, visits, time_spent_per_visit_milliseconds, visit_length_seconds, time_spent_seconds"
        " from hourly_visits where date = '2025-03-14' and visit_hour = 10",
    )
    assert {row[0] for row in rows} == {"piano", "matomo"}
    for tool, count, milliseconds, seconds, total in rows:
        if tool == "piano":
            assert seconds is None
            assert total == (milliseconds * count / Decimal(1000)).quantize(Decimal("0.000001"))
        else:
            assert milliseconds is None
            assert total == seconds == 140 * count


@pytest.mark.usefixtures("tools")
def test_a_visit_of_unknown_hour_is_kept_and_flagged(home):
    load(AUDIENCE)
    days = [SINCE + timedelta(days=offset) for offset in range((FIRST_TODAY - SINCE).days + 1)]
    unknown = [day.isoformat() for day in days if any(at == "N/A" for at, _, _ in hours(17, "614694", day))]
    assert unknown
    found = ask(home, "select date, visits, site_level2 from hourly_visits where visit_hour = -1 order by 1")
    assert found == [(day, 5, None) for day in unknown]
    assert ask(home, "select distinct visit_hour >= 0, is_hour_known from hourly_visits order by 1") == [
        (False, False),
        (True, True),
    ]


@pytest.mark.usefixtures("tools")
def test_no_query_of_an_address_is_written(home):
    load(AUDIENCE)
    assert ("https://www.google.com/search",) in ask(home, "select distinct src_referrer_url from sources_visits")
    assert ask(home, "select distinct page from pages_visits where page like '%accueil%' and tool = 'matomo'") == [
        ("https://masecurite.interieur.gouv.fr/accueil",)
    ]
    assert b"exemple.fr" not in home.warehouse.read_bytes()


@pytest.mark.usefixtures("tools")
def test_bounces_of_pages_come_from_their_rounded_share(home):
    load(AUDIENCE)
    rows = ask(home, "select visits, bounces, unique_visitors, daily_visitors from pages_visits where tool = 'matomo'")
    assert rows
    for count, bounces, unique, daily in rows:
        assert bounces == round(count // 2 * 41 / 100)
        assert unique is None
        assert daily == round(count * 0.9)


def test_an_increment_asks_for_the_last_days_and_the_months_that_are_not_final(tools, home, monkeypatch):
    load(AUDIENCE)
    tools.today = date(2025, 4, 2)
    sent = listen(monkeypatch)
    load(AUDIENCE)
    asked = [json.loads(request.body) for request in sent if "getData" in request.path_url]
    periods = {
        ("date" in question["columns"], *question["period"]["p1"][0].values())
        for question in asked
        if question["space"]["s"] == [614694]
    }
    assert periods == {
        (True, "D", "2025-03-28", "2025-03-31"),
        (True, "D", "2025-04-01", "2025-04-02"),
        (False, "D", "2025-03-01", "2025-03-31"),
        (False, "D", "2025-04-01", "2025-04-02"),
    }
    forms = [parse_qs(request.body) for request in sent if "index.php" in request.path_url]
    assert {(form["period"][0], form["date"][0]) for form in forms} == {
        ("day", "2025-03-28,2025-03-31"),
        ("day", "2025-04-01,2025-04-02"),
        ("month", "2025-03-01"),
        ("month", "2025-04-01"),
    }
    [(found,)] = ask(home, "select sum(visits) from hourly_visits where site = 'gendarmerie' and date >= '2025-03-28'")
    assert found == sum(visits(17, "614694", date(2025, 3, 28) + timedelta(days=offset)) for offset in range(6))


def test_a_site_whose_number_changes_is_read_from_its_start(tools, home, declared):
    declared("sites: [{name: a, tool: piano, site_id: 1, since: 2025-03-01, page_contains: gendarmerie}]")
    load(AUDIENCE)
    declared("sites: [{name: b, tool: piano, site_id: 614694, since: 2025-03-01}]")
    load(AUDIENCE)
    assert ask(home, "select site, min(date) from hourly_visits group by 1 order by 1") == [
        ("a", "2025-03-01"),
        ("b", "2025-03-01"),
    ]
    assert tools.today == FIRST_TODAY


# ---- Piano


@pytest.mark.usefixtures("tools")
def test_pages_of_piano_are_read_to_the_empty_one(monkeypatch, home):
    load(AUDIENCE)
    whole = ask(home, "select audience_key, visits from hourly_visits where tool = 'piano' order by 1")
    monkeypatch.setattr(piano, "PAGE_ROWS", 100)
    [site, *_] = sites.declared_sites()
    pages = list(Piano().hours(site, Window(date(2025, 3, 1), date(2025, 3, 31))))
    assert {len(page) for page in pages[:-1]} == {100}
    in_march = [key for key, _ in whole if key.startswith("piano|gendarmerie|2025-03")]
    assert sum(len(page) for page in pages) == len(in_march)


@pytest.mark.usefixtures("tools")
def test_a_question_with_more_rows_than_piano_gives_is_refused(monkeypatch):
    monkeypatch.setattr(piano, "MOST_ROWS", 1000)
    with pytest.raises(ExpectedFailure, match=r"hourly_visits of gendarmerie from .* has 1000 rows or more"):
        load(AUDIENCE)


@pytest.mark.usefixtures("tools")
def test_the_filter_of_a_site_is_sent_and_counts(monkeypatch):
    sent = listen(monkeypatch)
    load(AUDIENCE)
    filters = {
        question["space"]["s"][0]: question.get("filter")
        for question in (json.loads(request.body) for request in sent if "getData" in request.path_url)
    }
    assert filters == {614694: None, 1: {"property": {"page_full_name": {"$lk": "gendarmerie"}}}}
    segments = {parse_qs(request.body).get("segment", [""])[0] for request in sent if "index.php" in request.path_url}
    assert segments == {""}


def test_the_future_is_refused_by_piano_and_never_asked_for(tools, monkeypatch):
    monkeypatch.setattr(clock, "today", lambda: date(2049, 1, 1))
    with pytest.raises(ExpectedFailure, match=r"Piano refuses the question .The period must not be in the future"):
        list(Piano().hours(sites.declared_sites()[0], Window(date(2049, 1, 1), date(2049, 1, 1))))
    monkeypatch.setattr(clock, "today", lambda: tools.today)
    sent = listen(monkeypatch)
    load(AUDIENCE)
    ends = {json.loads(request.body)["period"]["p1"][0]["end"] for request in sent if "getData" in request.path_url}
    assert max(ends) == FIRST_TODAY.isoformat()


# ---- Matomo


@pytest.mark.usefixtures("tools")
def test_secrets_travel_in_a_header_and_in_a_body_and_never_in_an_address(monkeypatch):
    sent = listen(monkeypatch)
    load(AUDIENCE)
    assert not any(secret in request.url for request in sent for secret in (KEY, TOKEN))
    assert {request.headers.get("x-api-key") for request in sent if "getData" in request.path_url} == {KEY}
    assert {parse_qs(r.body)["token_auth"][0] for r in sent if "index.php" in r.path_url} == {TOKEN}


@pytest.mark.usefixtures("tools")
def test_an_error_that_matomo_gives_with_status_200_is_told_and_nothing_is_loaded(monkeypatch, home):
    monkeypatch.delenv("CYBERIMPACT_AUDIENCE_MATOMO_TOKEN")
    with pytest.raises(
        ExpectedFailure, match=r"index.php: Matomo refuses .*'view' access.*CYBERIMPACT_AUDIENCE_MATOMO"
    ):
        load(AUDIENCE)
    assert snapshot(home) == [[]] * len(TABLES)


def test_a_day_without_visits_is_an_empty_list_and_no_failure(tools, home):
    days = [SINCE + timedelta(days=offset) for offset in range((FIRST_TODAY - SINCE).days + 1)]
    [empty, *_] = [day for day in days if not visits(17, MA_SECURITE, day)]
    form = {"module": "API", "method": matomo.HOURS, "idSite": "1", "format": "JSON", "token_auth": "un"}
    answer = httpx.post(
        f"{tools.origin}/audience/matomo/index.php", data={**form, "period": "day", "date": f"{empty},{empty}"}
    ).json()
    assert answer == {empty.isoformat(): []}
    load(AUDIENCE)
    measured = {day for (day,) in ask(home, "select distinct date from hourly_visits where tool = 'matomo'")}
    assert measured == {day.isoformat() for day in days if visits(17, MA_SECURITE, day)}


@pytest.mark.usefixtures("tools")
def test_reports_of_matomo_are_paged_by_limit_and_offset(monkeypatch):
    site = sites.declared_sites()[-1]
    period = Window(date(2025, 3, 1), date(2025, 3, 31))
    [whole] = Matomo().month("geo_visits", site, period)
    monkeypatch.setattr(matomo, "PAGE_ROWS", 10)
    pages = list(Matomo().month("geo_visits", site, period))
    assert len(pages) > 5
    assert [row for page in pages for row in page] == whole


@pytest.mark.usefixtures("tools")
def test_a_matomo_site_without_an_address_of_matomo_is_told(monkeypatch):
    monkeypatch.delenv("CYBERIMPACT_AUDIENCE_MATOMO_URL")
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_AUDIENCE_MATOMO_URL is absent"):
        load(AUDIENCE)


# ---- bad days


@pytest.mark.parametrize(
    ("path", "fault", "said"),
    [
        ("/piano/", "unauthorized", "getData: refused with status 401.*CYBERIMPACT_AUDIENCE_PIANO_KEY"),
        ("/piano/", "duplicated_page", "getData: the listing does not end after 21 pages"),
        ("/piano/", "renamed_column", "the required column visits .* is missing .*m_visits_v4"),
        ("/piano/", "type_flip", "the column visits is not a whole number in all of"),
        ("/piano/", "nested_value", "the column 'm_visits' holds a dict"),
        ("/matomo/", "server_error", "matomo/index.php: the platform failed"),
        ("/matomo/", "renamed_column", "the required column visits .* is missing .*nb_visits_v4"),
        ("/matomo/", "nested_value", "the column 'nb_visits' holds a dict"),
    ],
)
def test_a_fault_of_one_tool_is_told_and_the_data_loaded_before_stays(tools, home, path, fault, said):
    load(AUDIENCE)
    before = snapshot(home)
    tools.today = FIRST_TODAY + timedelta(days=1)
    tools.fault(fault, path=path)
    with pytest.raises(ExpectedFailure, match=said) as failure:
        load(AUDIENCE)
    assert not any(secret in str(failure.value) for secret in (KEY, TOKEN))
    assert snapshot(home) == before


def test_an_unknown_metric_is_kept_and_reported(tools, home):
    tools.fault("unknown_column", path="/piano/")
    report = load(AUDIENCE)
    assert report.entities[0].unknown_columns == ("nouvelle_colonne",)
    kept = ask(home, "select distinct colonnes_inconnues from hourly_visits where tool = 'piano'")
    assert [json.loads(value) for (value,) in kept] == [{"nouvelle_colonne": "valeur inattendue"}]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["{name: a, tool: ga4, site_id: 1, since: 2025-01-01}"], "line 2: its tool must be piano or matomo"),
        (["{name: a, tool: piano, site_id: un, since: 2025-01-01}"], "line 2: site_id must be a int"),
        (["{name: a, tool: piano, site_id: 1, since: hier}"], "line 2: since must be a date"),
        (["{name: a, tool: piano, site_id: 1, since: 2025-01-01, page: b}"], "line 2: page means nothing here"),
        (["{name: a, tool: piano, site_id: 1, since: 2025-01-01}"] * 2, "line 3: a is declared twice"),
    ],
)
def test_a_wrong_entry_of_the_list_of_sites_is_told(declared, entries, said):
    declared("\n  - ".join(["sites:", *entries]))
    with pytest.raises(ExpectedFailure, match=said):
        sites.declared_sites()


# ---- the stand-in


def test_visits_are_dealt_out_whole():
    assert shared(10, [1, 1, 1]) == [4, 3, 3]
    assert shared(0, [1, 2]) == [0, 0]
    assert shared(7, [0, 5]) == [0, 7]
