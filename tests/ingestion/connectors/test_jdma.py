"""Je donne mon avis over real HTTP and from its exports: what is read, how often, with which key, and what is kept."""

import base64
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from requests.adapters import HTTPAdapter

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors.jdma import client
from ingestion.connectors.jdma.contract import ANSWERS, REVIEWS, review_id
from ingestion.connectors.jdma.flattening import answers, short_id, statistics
from ingestion.connectors.jdma.questionnaire import QUESTIONS
from ingestion.engine import quarantine
from ingestion.engine.loading import load
from ingestion.engine.parsers import free_text
from sandbox.jdma import ITEMS, PREFIX, SERVICES, export, history
from tests.ingestion import every_connector
from tests.ingestion.engine.test_load_file import counts
from tests.ingestion.every_connector import IN_PROOF
from tests.ingestion.reading import read_one

KEY = "organisation-cle-secrete"
TODAY = date(2025, 1, 20)
ALL_FORMS = {(str(s.number), str(form)) for s in SERVICES for form, _ in s.forms}


@pytest.fixture
def platform(sandbox, monkeypatch):
    sandbox.today = TODAY
    monkeypatch.setenv("CYBERIMPACT_JDMA_API_KEYS", KEY)
    monkeypatch.setenv("CYBERIMPACT_JDMA_SINCE", "2025-01")
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "5")
    return sandbox


def ask(query):
    return every_connector.ask("jdma", query)


def read(entity, report):
    return next(report_.rows_read for report_ in report.entities if report_.entity == entity)


def reviews_until(until):
    return list(history(17, until))


def refused():
    with pytest.raises(ExpectedFailure) as failure:
        load("jdma")
    message = str(failure.value)
    assert "jdma, address http://127.0.0.1" in message
    assert "secrete" not in message
    return message


@pytest.fixture
def requests(monkeypatch):
    """Every request that is sent: path, query and body."""
    sent = []
    send = HTTPAdapter.send

    def listen(self, request, **options):
        sent.append(request)
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", listen)
    return sent


# ---- what is read


@pytest.mark.usefixtures("platform")
def test_the_first_load_brings_everything_and_the_second_changes_nothing():
    expected = reviews_until(TODAY)
    load("jdma")
    assert ask("select count(review_id), count(distinct id) from reviews") == [(len(expected), len(expected))]
    given = Counter(a["field_code"] for r in expected for a in r.shown(TODAY))
    del given["contact_email"]
    assert dict(ask("select field_code, count(answer_id) from answers group by 1")) == given
    assert set(ask("select product_id, form_id from services")) == ALL_FORMS
    assert set(ask("select distinct generation from reviews union select generation from answers")) == {("api",)}
    before = every_connector.snapshot("jdma")
    assert counts(load("jdma"))[1:3] == (0, 0)
    assert every_connector.snapshot("jdma") == before


@pytest.mark.usefixtures("platform")
def test_statistics_count_what_the_reviews_say():
    load("jdma")
    from_answers = ask(
        "select product_id, field_code, parent_answer, answer_text, count(answer_id) from answers"
        " join reviews using (review_id) where kind <> 'text' group by all order by all"
    )
    from_statistics = ask(
        "select product_id, category, parent_answer, label, sum(count)::bigint from statistics"
        " group by all order by all"
    )
    assert from_statistics == from_answers
    assert ask("select distinct interval_start, interval_length from statistics") == [("2025-01-01", "month")]
    assert {parent for (parent,) in ask("select distinct parent_category from statistics")} == {None, "contact_tried"}


def test_an_increment_reads_a_window_again_and_brings_answers_that_came_late(platform):
    begun = []
    while not begun:
        platform.today += timedelta(days=1)
        of_today = [review for review in reviews_until(platform.today) if review.created_at.date() == platform.today]
        begun = [review for review in of_today if review.shown(platform.today) != review.answers]
    load("jdma")
    late = {short_id(r.number): {a["field_code"] for a in r.answers} - {"contact_email"} for r in begun}
    query = "select review_id, field_code from answers where review_id in (select unnest({}))"
    assert {code for _, code in ask(query.format(list(late)))} <= {"satisfaction", "bug_kind"}
    platform.today += timedelta(days=15)
    report = load("jdma")
    found = {key: set() for key in late}
    for key, code in ask(query.format(list(late))):
        found[key].add(code)
    assert found == late
    assert ask("select count(review_id) from reviews") == [(len(reviews_until(platform.today)),)]
    assert read("reviews", report) < len(reviews_until(platform.today))
    assert {month for (month,) in ask("select distinct interval_start from statistics")} == {"2025-01-01", "2025-02-01"}


@pytest.mark.long
def test_many_days_at_once_equal_the_same_days_one_by_one(platform, tmp_path, monkeypatch):
    contents = []
    for name, steps in (("slow", (0, 3, 20)), ("fast", (20,))):
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / name))
        for step in steps:
            platform.today = TODAY + timedelta(days=step)
            load("jdma")
        contents.append(
            [ask(f"select _content_hash from {table} order by 1") for table in ("statistics", "reviews", "answers")]
        )
    assert contents[0] == contents[1]


@pytest.mark.usefixtures("platform")
def test_statistics_are_asked_of_ten_services_at_most_and_of_whole_months(requests):
    load("jdma")
    bodies = [json.loads(request.body) for request in requests if request.path_url.endswith("/statistiques")]
    january = [body for body in bodies if body["start_date"] == "2025-01-01"]
    assert [len(body["product_ids"]) for body in january] == [10, 2]
    assert {body["end_date"] for body in january} == {"2025-01-31"}
    assert {body["interval"] for body in bodies} == {"month"}
    requests.clear()
    load("jdma")
    again = {json.loads(request.body)["start_date"] for request in requests if request.method == "POST"}
    assert min(again) == "2024-11-01", "the last month with an answer, and the two before it"


@pytest.mark.usefixtures("platform")
def test_the_key_goes_into_a_header_and_never_into_an_address(requests):
    load("jdma")
    assert {request.headers["Authorization"] for request in requests} == {f"Bearer {KEY}"}
    assert not any("secrete" in request.url for request in requests)


# ---- keys and versions


@pytest.mark.usefixtures("platform")
def test_several_keys_are_read_and_nothing_twice(monkeypatch, requests):
    monkeypatch.setenv("CYBERIMPACT_JDMA_API_KEYS", f"service-3-secrete, {KEY}")
    report = load("jdma")
    assert set(ask("select product_id, form_id from services")) == ALL_FORMS
    assert report.total("rows_unchanged") == 0
    of_service_3 = {r.headers["Authorization"] for r in requests if "product_id=3&" in r.url}
    assert of_service_3 == {"Bearer service-3-secrete"}


@pytest.mark.usefixtures("platform")
def test_the_key_of_a_service_sees_that_service_only(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_JDMA_API_KEYS", "service-3-secrete")
    load("jdma")
    for table in ("services", "statistics", "reviews"):
        assert ask(f"select distinct product_id from {table}") == [("3",)]


@pytest.mark.usefixtures("home")
def test_a_missing_key_is_told(monkeypatch):
    monkeypatch.delenv("CYBERIMPACT_JDMA_API_KEYS", raising=False)
    monkeypatch.setenv("CYBERIMPACT_JDMA_URL", "http://127.0.0.1:9")
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_JDMA_API_KEYS is absent"):
        load("jdma")


@pytest.mark.usefixtures("platform")
def test_a_refused_key_is_named_by_its_rank(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_JDMA_API_KEYS", f"{KEY},refusee-secrete")
    send = HTTPAdapter.send

    def refuse_the_second(self, request, **options):
        if "refusee" in request.headers["Authorization"]:
            request.headers["X-Sandbox-Fault"] = "unauthorized"
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", refuse_the_second)
    message = refused()
    assert "/services: refused with status 401" in message
    assert "CYBERIMPACT_JDMA_API_KEYS, number 2" in message
    assert ask("select count(review_id) from reviews") == [(0,)]


def test_a_closed_listing_is_told_once_and_the_statistics_load(platform, caplog):
    platform.fault("closed_route", path="/avis")
    report = load("jdma")
    assert [record.message for record in caplog.records if record.name == "ingestion.connectors.jdma"] == [
        "jdma: the platform has no /avis, or closed it; reviews come with exports only, in drop/jdma/."
    ]
    assert report.complete
    assert report.summary().endswith(
        "; note: the platform has no /avis, or closed it; reviews come with exports only, in drop/jdma/."
    )
    assert (read("reviews", report), read("answers", report)) == (0, 0)
    assert read("statistics", report) > 0
    platform.reset()
    platform.today = TODAY
    load("jdma")
    assert ask("select count(review_id) from reviews") == [(len(reviews_until(TODAY)),)]


def close_the_second_version(platform):
    platform.fault("closed_route", path="/services")
    platform.fault("closed_route", path="/statistiques")


def test_the_first_version_of_the_api_is_read_where_there_is_no_second(platform):
    close_the_second_version(platform)
    load("jdma")
    assert set(ask("select product_id, form_id, generation from services")) == {
        (str(s.number), None, "v1") for s in SERVICES
    }
    assert ask("select distinct form_id, generation from statistics") == [(None, "v1")]
    before = ask("select sum(count) from statistics where product_id = '3'")
    platform.reset()
    platform.today = TODAY
    load("jdma")
    assert ask("select sum(count) from statistics where product_id = '3' and generation = 'v2'") == before


def test_the_first_version_is_refused_after_the_second(platform):
    load("jdma")
    before = every_connector.snapshot("jdma")
    close_the_second_version(platform)
    assert "in the first version of its API only" in refused()
    assert every_connector.snapshot("jdma") == before


# ---- bad days


@pytest.mark.parametrize(
    ("fault", "path", "said"),
    [
        pytest.param("forbidden", "", "Ask the platform for access", marks=IN_PROOF),
        pytest.param("server_error", "/avis", "3 times in a row", marks=IN_PROOF),
        pytest.param("truncated", "/statistiques", "breaks off", marks=IN_PROOF),
        ("duplicated_page", "/avis", "comes again, or out of order: pages overlap"),
        ("renamed_column", "/services", "a service has no number"),
        ("renamed_column", "/statistiques", "a statistic is not as declared .*product_id"),
        ("nested_value", "/statistiques", "'product_id' holds a dict"),
        ("nested_value", "/avis", "'id' holds a dict"),
        ("type_flip", "/avis", "created_at is not a time in ISO 8601 in all of"),
    ],
)
def test_a_fault_is_told_and_the_last_good_data_stays(platform, monkeypatch, fault, path, said):
    monkeypatch.setattr(client, "PAGE_ROWS", 20)
    platform.today = TODAY - timedelta(days=2)
    load("jdma")
    before = every_connector.snapshot("jdma")
    platform.today = TODAY + timedelta(days=10)
    platform.fault(fault, path=path)
    with pytest.raises(ExpectedFailure, match=said):
        load("jdma")
    assert every_connector.snapshot("jdma") == before


def test_an_unknown_column_is_kept_and_reported(platform):
    for path in ("/services", "/statistiques", "/avis"):
        platform.fault("unknown_column", path=path)
    report = load("jdma")
    unknown = {report_.entity: report_.unknown_columns for report_ in report.entities}
    assert unknown == {
        "services": ("nouvelle_colonne",),
        "statistics": ("nouvelle_colonne",),
        "reviews": ("nouvelle_colonne",),
        "answers": (),
    }


@pytest.mark.usefixtures("platform")
def test_a_first_month_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_JDMA_SINCE", "janvier")
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_JDMA_SINCE is 'janvier'"):
        load("jdma")


# ---- privacy


@pytest.mark.usefixtures("platform")
def test_no_mail_address_reaches_the_disk_and_verbatims_are_redacted(home):
    expected = reviews_until(TODAY)
    mails = [a["answer_text"] for r in expected for a in r.answers if a["field_code"] == "contact_email"]
    texts = [a["answer_text"] for r in expected for a in r.answers if a["field_code"] == "verbatim"]
    assert mails
    assert any(free_text(text) != text for text in texts)
    load("jdma")
    written = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert b"satisfaction" in written
    assert not [mail for mail in mails if mail.encode() in written]
    kept = {text for (text,) in ask("select answer_text from answers where field_code = 'verbatim'")}
    assert kept <= {free_text(text.replace("’", "'")) for text in texts}


def test_redaction_leaves_the_items_of_the_questionnaire_alone():
    for question in QUESTIONS:
        for item in question.items:
            assert free_text(item.label) == item.label


# ---- exports

HEADER = (
    "Date de l'avis,Nom du formulaire,Lien d’intégration,Identifiant Avis,"
    '"De façon générale, comment ça s’est passé ?",'
    "\"Durant votre parcours, avez-vous tenté d'obtenir de l'aide par l’un des moyens suivants ?\","
    '"Quand vous avez cherché de l’aide, avez-vous réussi à joindre l\'administration ?",'
    "Souhaitez-vous nous en dire plus ?,Adresse mail,Votre département ?"
)
PHONE = "Par téléphone avec l'administration"
TEXT = "Appelez le 06 12 34 56 78 / merci"
LINES = (
    f"2026-02-03 09:12:44,Évaluation,B,1605B,Très bien,{PHONE} / Une association,{PHONE} : Oui,{TEXT},m@x.fr,Gironde",
    "2026-02-03 23:30:00,Évaluation,B,001605c,Pas bien,Par pigeon,,,,",
)


@pytest.fixture
def exported(tmp_path):
    file = tmp_path / "Avis_Percev_l_2026-02-04_10-00-00.csv"
    file.write_text("\n".join([HEADER, *LINES]) + "\n", encoding="utf-8")
    return file


@pytest.mark.usefixtures("home")
def test_an_export_gives_reviews_and_their_answers(exported):
    assert counts(load("jdma", file=exported)) == (10, 10, 0, 0, 0)
    columns = "review_id, product_title, form_title, button_title, has_verbatim, id, generation"
    assert ask(f"select {columns} from reviews order by 1") == [
        ("001605b", "Percev l", "Évaluation", "B", True, None, "csv"),
        ("001605c", "Percev l", "Évaluation", "B", False, None, "csv"),
    ]
    assert ask("select created_at from reviews order by 1")[0][0].astimezone(UTC) == datetime(
        2026, 2, 3, 9, 12, 44, tzinfo=UTC
    )
    columns = "review_id, field_code, answer_item_id, parent_field_code, parent_answer, answer_text, intention, kind"
    assert ask(f"select {columns} from answers order by 1, 2, 3") == [
        ("001605b", "contact_reached", "17", "contact_tried", PHONE, "Oui", "good", "radio"),
        ("001605b", "contact_tried", "10", None, None, PHONE, "neutral", "checkbox"),
        ("001605b", "contact_tried", "14", None, None, "Une association", "neutral", "checkbox"),
        ("001605b", "satisfaction", "3", None, None, "Très bien", "good", "radio"),
        ("001605b", "verbatim", "0", None, None, "Appelez le [TÉLÉPHONE] / merci", "neutral", "text"),
        ("001605b", "votredepartement", "0", None, None, "Gironde", None, "text"),
        ("001605c", "contact_tried", "Par pigeon", None, None, "Par pigeon", None, "checkbox"),
        ("001605c", "satisfaction", "1", None, None, "Pas bien", "bad", "radio"),
    ]


@pytest.mark.usefixtures("home")
def test_an_export_with_a_bad_record_loads_the_others(exported):
    exported.write_text("\n".join([HEADER, *LINES, "2026-02-30 10:00:00,É,B,1605d,,,,,,", "court"]) + "\n")
    report = load("jdma", file=exported)
    assert report.total("rows_quarantined") == 2
    assert [(e.entity, e.line, e.field) for e in quarantine.entries("jdma")] == [
        ("reviews", 4, "created_at"),
        ("reviews", 5, None),
    ]


@pytest.mark.usefixtures("home")
def test_an_export_without_the_identifier_is_refused(exported):
    exported.write_text(HEADER.replace("Identifiant Avis", "Numéro") + "\n" + LINES[0] + "\n")
    with pytest.raises(ExpectedFailure, match=r"required column review_id .*Identifiant Avis"):
        load("jdma", file=exported)


@pytest.mark.usefixtures("platform")
def test_an_export_and_the_api_tell_the_same_reviews(tmp_path):
    """Whatever comes first: no review and no answer twice, and the second reading of either writes nothing."""
    load("jdma")
    tables = every_connector.keys("jdma")
    reviews = [review for review in reviews_until(TODAY) if review.service.number == 3]
    file = tmp_path / "Avis_Percev_l_2025-01-20_10-00-00.csv"
    file.write_bytes(export(reviews, TODAY))
    report = load("jdma", file=file)
    updated = {report_.entity: (report_.rows_new, report_.rows_updated) for report_ in report.entities}
    assert updated == {"reviews": (0, len(reviews)), "answers": (0, 0)}
    assert every_connector.keys("jdma") == tables
    assert counts(load("jdma", file=file))[1:3] == (0, 0)
    assert counts(load("jdma"))[1:3] == (0, 0)
    assert ask("select count(review_id) from reviews where product_title = 'Percev l' and id is not null") == [
        (len(reviews),)
    ]


# ---- single rules


def test_the_identifier_of_an_export_is_the_end_of_the_number_in_base_16():
    assert short_id(90211) == review_id("16063") == review_id("0016063") == "0016063"
    assert short_id(0x12345678) == "2345678"
    assert short_id("90211") is None
    with pytest.raises(ValueError, match="seven hexadecimal digits"):
        review_id("1.6E+04")


def test_item_17_is_two_items():
    said = [
        {"field_code": "contact_tried", "answer_item_id": 17, "answer_text": "Je n'ai pas eu besoin d'aide"},
        {"field_code": "contact_reached", "answer_item_id": 17, "answer_text": "Oui"},
    ]
    review = {
        "id": 1,
        "created_at": "2026-02-03T09:12:44.120Z",
        "answers": [answer | {"parent": None} for answer in said],
    }
    found = list(answers(review, "jdma"))
    keys = [read_one(ANSWERS, answer)["answer_id"] for answer in found]
    assert keys == ["0000001|contact_tried|17||", "0000001|contact_reached|17||"]


def test_statistics_are_flattened_to_any_depth():
    deepest = [{"category": "c", "label": "C ?", "number_hits": [{"intention": "bad", "label": "Non", "count": 1}]}]
    middle = [{"label": "Oui", "intention": "good", "count": 2, "children": deepest}]
    below = [{"category": "b", "label": "B ?", "number_hits": middle}]
    top = [{"label": "Chat", "intention": "neutral", "count": 3, "children": below}]
    interval = {"date": "2026-01-01T00:00:00.000Z", "length_interval": "month"}
    interval["data"] = [{"category": "a", "label": "A ?", "number_hits": top}]
    product = {"product_id": "3", "product_name": "Percev@l"}
    product["forms"] = [{"form_id": "12", "form_name": "F", "intervals": [interval]}]
    found = [
        (record["category"], record["label"], record["count"], record["parent_category"], record["parent_answer"])
        for record in statistics([product], "jdma")
    ]
    assert found == [
        ("a", "Chat", 3, None, None),
        ("b", "Oui", 2, "a", "Chat"),
        ("c", "Non", 1, "b", "Chat > Oui"),
    ]


def test_the_stand_in_knows_the_questionnaire_of_the_contract():
    straight = {
        code: {number: (label.replace("’", "'"), intention) for number, (label, intention) in items.items()}
        for code, items in ITEMS.items()
        if code != "bug_kind"
    }
    declared = {q.code: {i.number: (i.label, i.intention) for i in q.items} for q in QUESTIONS if q.items}
    del declared["contact_tried"][16]
    assert straight == declared


# ---- the stand-in


def test_the_stand_in_keeps_the_contract(platform):
    with httpx.Client(base_url=platform.origin + PREFIX, headers={"Authorization": f"Bearer {KEY}"}) as http:
        assert http.get("/health").json()["status"] == "ok"
        period = {"start_date": "2025-01-01", "end_date": "2025-01-31"}
        numbers = [service.number for service in SERVICES]
        too_many = http.post("/statistiques", json={**period, "product_ids": numbers})
        assert (too_many.status_code, too_many.json()["message"]) == (
            400,
            "Veuillez réduire le nombre de services requêtés (max 10)",
        )
        unknown = http.post("/statistiques", json={**period, "product_ids": [999]})
        assert "n'existent pas en base : 999" in unknown.json()["message"]
        assert http.post("/stats", json=period).status_code == 400
        assert isinstance(http.get("/services").json()["data"][0]["id"], int)
        page = http.get("/avis", params={"form_id": 12, "limit": 5}).json()
        cursor = page["metadata"]["next_cursor"]
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        assert place == {"ts": page["data"][-1]["created_at"], "id": page["data"][-1]["id"]}
        following = http.get("/avis", params={"form_id": 12, "limit": 5, "cursor": cursor}).json()
        assert following["data"][0]["id"] < page["data"][-1]["id"]
        assert http.get("/avis", params={"form_id": 12, "cursor": "abc"}).json()["message"] == "Cursor invalide"
        assert http.get("/avis", params={"form_id": 99}).status_code == 404
        assert httpx.get(f"{platform.origin}{PREFIX}/services").json()["message"] == "Please provide your API key"
        basic = httpx.get(f"{platform.origin}{PREFIX}/services", headers={"Authorization": "Basic x"})
        assert (basic.status_code, basic.json()["message"]) == (401, "Please provide a valid API key")


def test_a_form_that_is_lost_between_two_questions_costs_its_reviews_only(platform, monkeypatch, caplog):
    scope = client.Account.scope

    def with_a_lost_form(self):
        found = scope(self)
        found.services[0]["forms"].append({"id": 99, "title": "Fermé"})
        return found

    monkeypatch.setattr(client.Account, "scope", with_a_lost_form)
    load("jdma")
    assert "jdma: form 99 of service 3 cannot be read any more." in caplog.messages
    assert ask("select count(review_id) from reviews") == [(len(reviews_until(platform.today)),)]


def test_the_page_of_the_platform_names_every_setting():
    page = (settings.CHECKOUT / "ingestion" / "connectors" / "jdma" / "README.md").read_text(encoding="utf-8")
    for setting in ("CYBERIMPACT_JDMA_URL", "CYBERIMPACT_JDMA_API_KEYS", "CYBERIMPACT_JDMA_SINCE"):
        assert setting in page
    for table in (REVIEWS, ANSWERS):
        for group in table.dropped:
            assert all(label in page for label in group.labels)
