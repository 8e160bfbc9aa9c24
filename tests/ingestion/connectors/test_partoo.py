"""Partoo over real HTTP: whole listings, increments that catch late answers, unstable days, and its bad days."""

import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from functools import partial

import httpx
import pytest
from requests import Request, Response
from requests.adapters import HTTPAdapter

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors import partoo
from ingestion.connectors.partoo import contract
from ingestion.connectors.partoo.client import MaxPagePaginator, Partoo
from ingestion.engine import quarantine
from ingestion.engine.http import Api
from ingestion.engine.loading import load
from tests.ingestion import conftest
from tests.ingestion.conftest import FIRST_TODAY
from tests.ingestion.every_connector import IN_PROOF, refused
from tests.ingestion.reading import read_one

KEY = "cle-secrete-du-test"
SINCE = FIRST_TODAY - timedelta(days=12)


@pytest.fixture
def platform(sandbox, monkeypatch):
    """The stand-in, as a platform whose day is the sandbox's."""
    monkeypatch.setenv("CYBERIMPACT_PARTOO_API_KEY", KEY)
    monkeypatch.setenv("CYBERIMPACT_PARTOO_SINCE", SINCE.isoformat())
    monkeypatch.setattr(partoo, "today", lambda: sandbox.today)
    return sandbox


ask = partial(conftest.ask, name="partoo")


def published(sandbox, path, name, **query):
    """Return what the platform shows, read by hand: page after page."""
    found, page = [], 1
    while True:
        answer = httpx.get(
            f"{sandbox.origin}/partoo/v2/{path}", params={**query, "page": page}, headers={"x-APIKey": "une"}
        ).json()
        found += answer[name]
        if page >= answer["max_page"]:
            return found
        page += 1


def counts(report):
    return {e.entity: (e.rows_read, e.rows_new, e.rows_updated, e.rows_quarantined) for e in report.entities}


def everything(home):
    return [ask(home, f"select * from {table.name} order by {table.key}") for table in contract.CONTRACT]


# ---- what is read


def test_the_first_load_brings_everything_and_the_second_writes_nothing(platform, home):
    reviews = published(platform, "reviews", "reviews")
    businesses = published(platform, "business/search", "businesses")
    report = counts(load("partoo"))
    assert report["reviews"] == (len(reviews), len(reviews), 0, 0)
    assert report["businesses"] == (len(businesses), len(businesses), 0, 0)
    # one group has a subgroup; ten listings are counted on twelve days by five metrics; six publishers, three states
    assert report["groups"][1] == len(published(platform, "groups", "groups")) + 1
    assert report["presence"][1] == 10 * 12 * 5
    assert report["publisher_states"][1] == 6 * 3
    before = everything(home)
    again = counts(load("partoo"))
    assert [(new, updated) for _, new, updated, _ in again.values()] == [(0, 0)] * 5
    assert again["reviews"][0] < len(reviews), "an increment does not read everything"
    assert everything(home) == before
    loaded = dict(ask(home, "select id, business_id from reviews"))
    assert loaded == {str(review["id"]): review["business_id"] for review in reviews}


def test_an_increment_brings_new_reviews_and_every_answer(platform, home):
    load("partoo")
    before = dict(ask(home, "select id, state from reviews"))
    platform.today += timedelta(days=12)
    load("partoo")
    expected = {str(r["id"]): r for r in published(platform, "reviews", "reviews")}
    after = {key: (state, n) for key, state, n in ask(home, "select id, state, comments_count from reviews")}
    assert after == {key: (r["state"], len(r["comments"])) for key, r in expected.items()}
    answered = [key for key in before if before[key] == "not_treated" and after[key][0] == "treated"]
    window = (FIRST_TODAY - partoo.LAG).isoformat()
    at_google = [key for key in answered if expected[key]["update_date"] < window]
    assert answered
    assert at_google, "an increment by update_date alone would have missed these answers"


def test_a_review_is_dated_and_answered_in_utc(platform, home):
    load("partoo")
    answered = next(r for r in published(platform, "reviews", "reviews") if r["comments"])
    found = ask(home, f"select date, update_date, answered_at from reviews where id = '{answered['id']}'")
    expected = (answered["date"], answered["update_date"], answered["comments"][0]["date"])
    assert [moment.astimezone(UTC) for moment in found[0]] == [datetime.fromisoformat(text) for text in expected]


@pytest.mark.long
def test_many_days_at_once_equal_the_same_days_one_by_one(platform, empty_tables, tmp_path, monkeypatch):
    contents = []
    for name, steps in (("slow", (0, 2, 9)), ("fast", (9,))):
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / name))
        (tmp_path / name).mkdir()
        shutil.copy(empty_tables("partoo"), settings.home().warehouse)
        for step in steps:
            platform.today = FIRST_TODAY + timedelta(days=step)
            load("partoo")
        contents.append(
            [
                ask(settings.home(), f"select * exclude (_dlt_load_id, _dlt_id) from {table} order by 1")
                for table in ("businesses", "groups", "reviews", "presence")
            ]
        )
    assert contents[0] == contents[1]


def test_the_last_five_days_of_presence_are_read_again_until_they_are_final(platform, home):
    load("partoo")
    query = "select presence_key, value from presence where metric = 'views_search' and date {} order by 1"
    young = f">= '{(FIRST_TODAY - timedelta(days=3)).isoformat()}'"
    old = f"<= '{(FIRST_TODAY - timedelta(days=5)).isoformat()}'"
    youngest_before, old_before = ask(home, query.format(young)), ask(home, query.format(old))
    platform.today += timedelta(days=3)
    report = counts(load("partoo"))
    assert 0 < report["presence"][2] <= 10 * 5 * 5, "no more than five days of ten listings change"
    assert ask(home, query.format(old)) == old_before
    youngest_after = dict(ask(home, query.format(young)))
    grown = [key for key, value in youngest_before if youngest_after[key] > value]
    assert len(grown) == len(youngest_before) == 10 * 3


@pytest.mark.usefixtures("platform")
def test_later_names_of_metrics_are_accepted_and_others_refused(home, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PARTOO_METRICS", "call_clicks, business_impressions_mobile_maps")
    load("partoo")
    assert ask(home, "select distinct metric from presence order by 1") == [
        ("business_impressions_mobile_maps",),
        ("call_clicks",),
    ]
    monkeypatch.setenv("CYBERIMPACT_PARTOO_METRICS", "call_clicks,likes")
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_PARTOO_METRICS names likes, which Partoo does not count"):
        load("partoo")


def test_a_first_day_that_is_no_date_is_refused(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PARTOO_SINCE", "janvier")
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_PARTOO_SINCE is 'janvier'"):
        partoo.build_source()


@pytest.mark.usefixtures("platform")
def test_the_key_goes_into_a_header_and_never_into_an_address(monkeypatch):
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    load("partoo")
    assert {request.headers["x-APIKey"] for request in sent} == {KEY}
    assert not any(KEY in request.url for request in sent)


# ---- what is not kept


def test_no_person_and_no_contact_reaches_the_warehouse(platform, home):
    reviews = published(platform, "reviews", "reviews")
    assert any("@exemple.fr" in (r["content"] or "") for r in reviews), "the stand-in must say what is to be masked"
    assert any("45 67" in (r["content"] or "") for r in reviews)
    report = load("partoo")
    dropped = {name for entity in report.entities for name in entity.dropped_columns}
    assert {"author_name", "contacts", "link", "partner_id"} <= dropped
    texts = [text or "" for (text,) in ask(home, "select content from reviews")]
    assert sum("[MAIL]" in text for text in texts) == sum("@exemple.fr" in (r["content"] or "") for r in reviews)
    assert sum("[TÉLÉPHONE]" in text for text in texts) == sum("45 67" in (r["content"] or "") for r in reviews)
    assert all("[NOM]" in text for text in texts if "Signé Mme" in text)
    # other names in running text are the redactor's affair, and measured with it
    others = [*ask(home, "select * exclude (content) from reviews"), *ask(home, "select * from businesses"), *texts]
    kept = json.dumps(others, default=str, ensure_ascii=False)
    authors = {r["author_name"] for r in reviews}
    assert not any(gone in kept for gone in ("@exemple.fr", "45 67", "exemple.fr/avis"))
    assert not any(author in json.dumps(others[: len(reviews)], default=str, ensure_ascii=False) for author in authors)


# ---- paging


def page_response(**body):
    response = Response()
    response._content = json.dumps(body).encode()
    return response


@pytest.mark.parametrize("first", [0, 1])
def test_paging_ends_at_max_page_wherever_it_begins(first):
    paginator, asked = MaxPagePaginator("partoo"), []
    request = Request("GET", "http://hote/v2/reviews", params={"per_page": 100})
    for page in range(first, 4):
        paginator.update_state(page_response(page=page, max_page=3))
        if paginator.has_next_page:
            paginator.update_request(request)
            asked.append(request.prepare().url)
    assert asked == [f"http://hote/v2/reviews?per_page=100&page={page}" for page in range(first + 1, 4)]
    assert not paginator.has_next_page


def test_a_page_that_does_not_move_on_is_refused():
    paginator = MaxPagePaginator("partoo, address x")
    paginator.update_state(page_response(page=1, max_page=3))
    with pytest.raises(ExpectedFailure, match="page 2 was asked for, and page 1 came"):
        paginator.update_state(page_response(page=1, max_page=3))


def test_an_answer_without_paging_is_refused():
    with pytest.raises(ExpectedFailure, match="the answer has no number 'max_page'"):
        MaxPagePaginator("partoo").update_state(page_response(page=1))


# ---- bad days


@pytest.mark.parametrize(
    ("fault", "path", "said"),
    [
        ("unauthorized", "", "refused with status 401.*CYBERIMPACT_PARTOO_API_KEY"),
        pytest.param("forbidden", "/reviews", "refused with status 403.*Ask the platform for access", marks=IN_PROOF),
        pytest.param("quota", "/groups", "quota of requests is used up", marks=IN_PROOF),
        pytest.param("server_error", "presence", r"failed \(status 500\), 3 times in a row", marks=IN_PROOF),
        pytest.param("html", "/reviews", "a web page instead of JSON", marks=IN_PROOF),
        pytest.param("truncated", "publisher_states", "breaks off", marks=IN_PROOF),
        pytest.param("broken", "/reviews", "breaks off", marks=IN_PROOF),
        pytest.param("hang", "business", "does not answer in time", marks=IN_PROOF),
        pytest.param("redirect", "/reviews", "redirects to another host, localhost.invalid", marks=IN_PROOF),
        ("duplicated_page", "business", r"30 businesses came, and the platform counts \d+"),
        ("shifted_page", "/reviews", r"reviews came, and the platform counts \d+"),
        ("renamed_column", "/reviews", "required column rating of table 'reviews' is missing"),
        ("renamed_column", "business", "required column status of table 'businesses' is missing"),
        ("renamed_column", "presence", "metric views_maps was asked for, and the answer does not have it"),
        ("renamed_column", "publisher_states", "required column count of table 'publisher_states' is missing"),
        ("nested_value", "/reviews", "'rating' holds a dict"),
        ("nested_value", "presence", "'value' holds a dict"),
        ("type_flip", "/reviews", "column rating is not a whole number in all of"),
        ("type_flip", "business", "column status is none of: open, closed in all of"),
    ],
)
def test_a_fault_is_told_and_nothing_is_loaded(platform, home, fault, path, said):
    platform.fault(fault, path=path)
    assert re.search(said, refused("partoo", KEY), re.DOTALL)
    assert everything(home) == [[]] * 5


def test_after_a_bad_day_the_next_load_is_complete(platform, home):
    load("partoo")
    before = everything(home)
    platform.today += timedelta(days=6)
    platform.fault("server_error", path="publisher_states")  # the last thing that is read
    with pytest.raises(ExpectedFailure):
        load("partoo")
    assert everything(home) == before
    platform.reset()
    platform.today = FIRST_TODAY + timedelta(days=6)
    load("partoo")
    expected = {str(r["id"]) for r in published(platform, "reviews", "reviews")}
    assert {key for (key,) in ask(home, "select id from reviews")} == expected
    assert ask(home, "select max(date) from presence") == [((FIRST_TODAY + timedelta(days=5)).isoformat(),)]


@pytest.mark.parametrize(
    "fault", ["truncated", *(pytest.param(f, marks=IN_PROOF) for f in ("server_error", "html", "quota"))]
)
def test_a_fault_that_passes_is_only_a_delay(platform, fault):
    platform.fault(fault, times=2, path="/reviews")
    found = [review for page in Partoo().reviews({}) for review in page]
    assert len(found) == len(published(platform, "reviews", "reviews"))


def test_an_unknown_column_is_kept_and_reported(platform, home):
    platform.fault("unknown_column")
    report = load("partoo")
    assert {entity.unknown_columns for entity in report.entities if entity.entity != "groups"} == {
        ("nouvelle_colonne",)
    }
    kept = ask(home, "select distinct colonnes_inconnues from presence")
    assert [json.loads(value) for (value,) in kept] == [{"nouvelle_colonne": "valeur inattendue"}]


def test_a_bad_record_is_quarantined_and_does_not_carry_the_cursor_away(platform, home, monkeypatch):
    pages = Api.pages

    def with_a_bad_record(self, path, params, **options):
        for number, (body,) in enumerate(pages(self, path, params, **options)):
            if path == "reviews" and number == 0:
                body["reviews"][0] |= {"update_date": "9999-12-31T00:00:00+00:00"}
            yield [body]

    with monkeypatch.context() as bad_day:
        bad_day.setattr(Api, "pages", with_a_bad_record)
        assert counts(load("partoo"))["reviews"][3] == 1
    assert [(entry.entity, entry.field) for entry in quarantine.entries("partoo")] == [("reviews", "update_date")]
    platform.today += timedelta(days=2)
    load("partoo")
    expected = {str(r["id"]) for r in published(platform, "reviews", "reviews")}
    assert {key for (key,) in ask(home, "select id from reviews")} == expected
    assert quarantine.entries("partoo") == []


# ---- the contract, by hand


@pytest.mark.parametrize(
    ("zipcode", "code"),
    [
        ("06600", "06"),
        ("20000", "2A"),
        ("20167", "2A"),
        ("20200", "2B"),
        ("20600", "2B"),
        ("20900", None),
        ("75016", "75"),
        ("69300", "69"),
        ("97233", "972"),
        ("97133", "977"),
        ("98800", "988"),
    ],
)
def test_a_postal_code_tells_the_departement(zipcode, code):
    assert contract.departement_of(zipcode) == code


def read(table, record):
    return read_one(table, record)


def test_a_listing_is_read_by_hand_computed_values():
    row = read(
        contract.BUSINESSES,
        {
            "id": "5409c35a97bbc544d8e26737",
            "status": "open",
            "zipcode": "1000",
            "country": "FR",
            "lat": 46.2,
            "created": 1409925979.5,
            "presence_management_active": True,
            "contacts": [{"name": "Quelqu'un"}],
        },
    )
    assert row["department_code"] == "01"
    assert row["lat"] == 46.2
    assert row["created"] == datetime(2014, 9, 5, 14, 6, 19, 500000, tzinfo=UTC)
    assert row["presence_management_active"] is True
    assert "contacts" not in row


@pytest.mark.parametrize(("zipcode", "country"), [("10115", "DE"), ("ABC", "FR"), (None, "FR")])
def test_a_listing_abroad_or_without_postal_code_has_no_departement(zipcode, country):
    row = read(contract.BUSINESSES, {"id": "a", "status": "open", "zipcode": zipcode, "country": country})
    assert row["department_code"] is None


def test_a_review_with_six_stars_is_rejected():
    record = {"id": 1, "business_id": "a", "date": "2025-01-01T08:00:00+01:00", "update_date": 1735714800, "rating": 6}
    assert read(contract.REVIEWS, record).reason == "is more than 5 stars"
    row = read(contract.REVIEWS, record | {"rating": None})
    assert row["date"] == datetime(2025, 1, 1, 7, tzinfo=UTC) == row["update_date"]


# ---- the stand-in


def test_history_does_not_move(platform):
    platform.today = date(2025, 2, 1)
    before = {r["id"]: (r["date"], r["content"], r["business_id"]) for r in published(platform, "reviews", "reviews")}
    platform.today = date(2025, 3, 1)
    after = {r["id"]: (r["date"], r["content"], r["business_id"]) for r in published(platform, "reviews", "reviews")}
    assert before.items() <= after.items()
    assert len(after) > len(before)


def test_a_request_without_key_is_refused_in_the_platforms_words(platform):
    answer = httpx.get(f"{platform.origin}/partoo/v2/reviews")
    assert (answer.status_code, answer.json()) == (401, {"errors": {"authentication": "User not authenticated"}})
