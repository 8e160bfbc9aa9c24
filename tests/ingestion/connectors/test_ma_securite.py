"""Ma Sécurité over real HTTP: news read back to the last creation, names that can be set, and its bad days."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from requests import Response
from requests.adapters import HTTPAdapter

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors.ma_securite import client, contract
from ingestion.engine import quarantine
from ingestion.engine.http import Api
from ingestion.engine.loading import load
from tests.ingestion import conftest
from tests.ingestion.conftest import FIRST_TODAY
from tests.ingestion.drops import counts
from tests.ingestion.every_connector import IN_PROOF, refused

KEY = "cle-secrete-du-test"


@pytest.fixture
def platform(sandbox, monkeypatch):
    """The stand-in, with a key."""
    monkeypatch.setenv("CYBERIMPACT_MA_SECURITE_API_KEY", KEY)
    for name in ("PATH", "KEY_HEADER", "NAMES"):
        monkeypatch.delenv(f"CYBERIMPACT_MA_SECURITE_{name}", raising=False)
    return sandbox


ask = partial(conftest.ask, name="ma_securite")


def snapshot(home):
    return ask(home, "select * from news order by id")


def published(sandbox):
    """Return what the platform shows, by identifier."""
    found, page = {}, 0
    while True:
        query = {"page": page, "size": 200, "sort": "dateCreation,desc"}
        answer = httpx.get(
            f"{sandbox.origin}/ma_securite/api/actualites", params=query, headers={"X-API-KEY": "une"}
        ).json()
        found |= {str(item["id"]): item for item in answer["content"]}
        page += 1
        if page >= answer["totalPages"]:
            return found


# ---- what is read


def test_the_first_load_brings_everything_and_the_second_writes_nothing(platform, home):
    expected = published(platform)
    assert counts(load("ma_securite")) == (len(expected), len(expected), 0, 0, 0)
    assert dict(ask(home, "select id, title from news")) == {key: item["titre"] for key, item in expected.items()}
    before = snapshot(home)
    report = load("ma_securite")
    assert counts(report)[1:3] == (0, 0)
    assert counts(report)[0] <= 2 * client.PAGE_ROWS < len(expected), "an increment ends at the lag"
    assert snapshot(home) == before


def test_an_increment_brings_what_was_shown_late(platform, home):
    load("ma_securite")
    known = dict(ask(home, "select id, created_at from news"))
    platform.today += timedelta(days=3)
    load("ma_securite")
    after = dict(ask(home, "select id, created_at from news"))
    assert set(after) == set(published(platform))
    newest = max(known.values())
    late = [key for key in after.keys() - known.keys() if after[key] < newest]
    assert late, "an increment without a lag would have missed these"


@pytest.mark.long
def test_many_days_at_once_equal_the_same_days_one_by_one(platform, empty_tables, tmp_path, monkeypatch):
    contents = []
    for name, steps in (("slow", (0, 2, 9, 30)), ("fast", (30,))):
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / name))
        (tmp_path / name).mkdir()
        shutil.copy(empty_tables("ma_securite"), settings.home().warehouse)
        for step in steps:
            platform.today = FIRST_TODAY + timedelta(days=step)
            load("ma_securite")
        contents.append(ask(settings.home(), "select * exclude (_dlt_load_id, _dlt_id) from news order by id"))
    assert contents[0] == contents[1]


def test_themes_are_spelled_alike_and_a_brigades_own_is_kept_and_counted(platform, home):
    items = published(platform)
    load("ma_securite")
    national = dict(ask(home, "select theme, count(id) from news where is_national_theme group by 1"))
    own = dict(ask(home, "select theme, count(id) from news where not is_national_theme group by 1"))
    assert set(national) == set(contract.THEMES)
    assert own == {"Vie de la brigade": sum(item["thematique"] == "Vie de la brigade" for item in items.values())}
    assert sum(national.values()) + sum(own.values()) == len(items)


@pytest.mark.usefixtures("platform")
def test_the_departement_is_told_by_a_code_only(home):
    load("ma_securite")
    places = ask(home, "select locality, department_code from news where locality is not null")
    for locality, code in places:
        in_parentheses = re.search(r"\((\w+)\)", locality)
        if in_parentheses:
            assert code == in_parentheses[1]
        elif not locality[0].isdecimal():
            assert code is None
    assert {code for _, code in places} > {"33", "59", "2A", "974", None}


@pytest.mark.usefixtures("platform")
def test_the_key_goes_into_the_header_that_the_settings_name(monkeypatch):
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    load("ma_securite")
    assert {request.headers["X-API-KEY"] for request in sent} == {KEY}
    assert not any(KEY in request.url for request in sent)
    monkeypatch.setenv("CYBERIMPACT_MA_SECURITE_KEY_HEADER", "Authorization")
    with pytest.raises(ExpectedFailure, match="refused with status 401"):
        load("ma_securite")
    assert sent[-1].headers["Authorization"] == KEY


# ---- what is not kept


def test_messages_are_redacted_and_images_left(platform, home):
    items = published(platform)
    with_identifiers = sum("@exemple.fr" in item["message"] for item in items.values())
    assert with_identifiers
    report = load("ma_securite")
    assert set(report.entities[0].dropped_columns) == {"image"}
    messages = [message for (message,) in ask(home, "select message from news")]
    assert sum("[MAIL]" in text and "[TÉLÉPHONE]" in text for text in messages) == with_identifiers
    kept = json.dumps(snapshot(home), default=str)
    assert not [gone for gone in ("@exemple.fr", "05 57", "exemple.fr/images") if gone in kept]


# ---- names that can be set


@pytest.fixture
def answers(monkeypatch):
    """Return a function that puts fixed pages in the place of the platform's, and returns the questions asked."""

    def install(*bodies):
        asked = []

        def pages(_, path, params, **__):
            asked.append((path, params))
            yield from ([body] for body in bodies)

        monkeypatch.setattr(Api, "pages", pages)
        return asked

    return install


def test_other_names_can_be_set(monkeypatch, answers):
    monkeypatch.setenv("CYBERIMPACT_MA_SECURITE_NAMES", "items=actus, created_at=publieLe,title=intitule,id=uuid")
    monkeypatch.setenv("CYBERIMPACT_MA_SECURITE_PATH", "/v2/actus/")
    item = {"uuid": "u1", "intitule": "Titre", "publieLe": "2025-01-01T08:00:00", "thematique": "x"}
    asked = answers({"actus": [item]})
    assert list(client.News().latest()) == [
        [{"id": "u1", "title": "Titre", "created_at": "2025-01-01T08:00:00", "thematique": "x"}]
    ]
    assert asked == [("v2/actus", {"size": 100, "sort": "publieLe,desc"})]


@pytest.mark.parametrize("names", ["titre", "couleur=teinte", "title="])
def test_a_name_that_names_nothing_is_refused(monkeypatch, names):
    monkeypatch.setenv("CYBERIMPACT_MA_SECURITE_NAMES", names)
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_MA_SECURITE_NAMES holds"):
        client.News()


def test_pages_end_where_they_are_announced_or_where_they_are_empty():
    def read(*bodies):
        paginator, asked = client.NumberedPages(client.News()), []
        for body in bodies:
            response = Response()
            response._content = json.dumps(body).encode()
            paginator.update_state(response)
            asked.append(paginator.has_next_page)
        return asked

    page = {"content": [{"id": 1}]}
    assert read(page | {"totalPages": 2}, page | {"totalPages": 2}) == [True, False]
    assert read(page, page, {"content": []}) == [True, True, False]


# ---- bad days


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unauthorized", "refused with status 401.*CYBERIMPACT_MA_SECURITE_API_KEY"),
        pytest.param("forbidden", "refused with status 403.*Forbidden", marks=IN_PROOF),
        pytest.param("quota", "quota of requests is used up", marks=IN_PROOF),
        pytest.param("server_error", r"failed \(status 500\), 3 times in a row", marks=IN_PROOF),
        pytest.param("html", "a web page instead of JSON", marks=IN_PROOF),
        pytest.param("truncated", "breaks off", marks=IN_PROOF),
        pytest.param("broken", "breaks off", marks=IN_PROOF),
        pytest.param("hang", "does not answer in time", marks=IN_PROOF),
        pytest.param("redirect", "redirects to another host, localhost.invalid", marks=IN_PROOF),
        ("duplicated_page", "do not come in the order of their creation"),
        ("renamed_column", "required column theme of table 'news' is missing.*rubrique"),
        ("nested_value", "'titre' holds a dict"),
        ("type_flip", "column created_at is not a date of the calendar in all of"),
    ],
)
def test_a_fault_is_told_and_the_last_good_data_stays(platform, home, fault, said):
    load("ma_securite")
    before = snapshot(home)
    platform.today = FIRST_TODAY + timedelta(days=40)
    platform.fault(fault)
    assert re.search(said, refused("ma_securite", KEY), re.DOTALL)
    assert snapshot(home) == before
    platform.reset()
    platform.today = FIRST_TODAY + timedelta(days=40)
    load("ma_securite")
    assert {key for (key,) in ask(home, "select id from news")} == set(published(platform))


def test_news_published_while_pages_are_read_are_no_disorder(platform, home):
    platform.fault("shifted_page")
    report = load("ma_securite")
    platform.reset()
    assert counts(report)[4] == 0
    assert {key for (key,) in ask(home, "select id from news")} == set(published(platform))


def test_an_order_that_is_not_kept_is_refused(answers):
    early = {"content": [{"id": 1, "dateCreation": "2025-01-01T08:00:00"}]}
    late = {"content": [{"id": 2, "dateCreation": "2025-01-02T08:00:00"}]}
    answers(late, early)
    assert len(list(client.News().latest())) == 2
    answers(early, late)
    with pytest.raises(ExpectedFailure, match="do not come in the order of their creation"):
        list(client.News().latest())


@pytest.mark.parametrize("body", [[], {"data": []}, {"content": {}}, {"content": ["x"]}])
def test_an_answer_of_another_form_is_no_empty_one(answers, body):
    answers(body)
    with pytest.raises(ExpectedFailure, match="has no list 'content' of news"):
        list(client.News().latest())


def test_an_unknown_column_is_kept_and_reported(platform, home):
    platform.fault("unknown_column")
    assert load("ma_securite").entities[0].unknown_columns == ("nouvelleColonne",)
    kept = ask(home, "select distinct colonnes_inconnues from news")
    assert [json.loads(value) for (value,) in kept] == [{"nouvelleColonne": "valeur inattendue"}]


def test_a_bad_record_is_quarantined_and_does_not_carry_the_cursor_away(platform, home, monkeypatch):
    pages = Api.pages

    def with_a_bad_record(self, path, params, **options):
        for number, (body,) in enumerate(pages(self, path, params, **options)):
            if number == 0:
                body["content"][0] |= {"dateCreation": "9999-12-31T00:00:00"}
            yield [body]

    with monkeypatch.context() as bad_day:
        bad_day.setattr(Api, "pages", with_a_bad_record)
        assert counts(load("ma_securite"))[4] == 1
    assert [(entry.field, entry.value) for entry in quarantine.entries("ma_securite")] == [
        ("created_at", "9999-12-31T00:00:00")
    ]
    platform.today += timedelta(days=2)
    load("ma_securite")
    assert {key for (key,) in ask(home, "select id from news")} == set(published(platform))
    assert quarantine.entries("ma_securite") == []


# ---- the contract, by hand


@pytest.mark.parametrize(
    ("locality", "code"),
    [
        ("Gironde (33)", "33"),
        ("Corse-du-Sud (2a)", "2A"),
        ("La Réunion (974)", "974"),
        ("33", "33"),
        ("2B", "2B"),
        ("33000 Bordeaux", "33"),
        ("20200 Bastia", "2B"),
        ("20000 Ajaccio", "2A"),
        ("97400 Saint-Denis", "974"),
        ("00100 Rome", None),
        ("20900 Nulle part", None),
        ("Gironde", None),
        ("Compagnie de Blaye (brigade)", None),
    ],
)
def test_a_locality_tells_its_departement(locality, code):
    assert contract.departement_in(locality) == code


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2025-01-01T08:00:00", datetime(2025, 1, 1, 7, tzinfo=UTC)),
        ("2025-07-01T08:00:00+02:00", datetime(2025, 7, 1, 6, tzinfo=UTC)),
        ("2025-07-01T06:00:00Z", datetime(2025, 7, 1, 6, tzinfo=UTC)),
        ("01/07/2025 08:00", datetime(2025, 7, 1, 6, tzinfo=UTC)),
        ("2025-07-01", datetime(2025, 6, 30, 22, tzinfo=UTC)),
    ],
)
def test_a_creation_is_an_instant(written, instant):
    assert contract.moment(written) == instant


@pytest.mark.parametrize(
    ("written", "theme"),
    [("NUMERIQUE", "Numérique"), ("aide aux  victimes", "Aide aux victimes"), ("Ruralité", "Ruralité")],
)
def test_a_theme_has_one_spelling(written, theme):
    assert contract.theme(written) == theme


# ---- the stand-in


def test_history_does_not_move(platform):
    before = published(platform)
    platform.today += timedelta(days=30)
    assert before.items() < published(platform).items()
