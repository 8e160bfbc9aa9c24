"""Google Play and the App Store over real HTTP: two moving windows, what is lost between them, and their bad days."""

import json
import logging
import re
from datetime import UTC, date, datetime, timedelta
from functools import partial

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter

from core.errors import ExpectedFailure
from ingestion.connectors import app_stores
from ingestion.connectors.app_stores import client, contract
from ingestion.engine.http import Api
from ingestion.engine.loading import load
from tests.ingestion import conftest
from tests.ingestion.conftest import FIRST_TODAY
from tests.ingestion.drops import counts
from tests.ingestion.every_connector import IN_PROOF, refused
from tests.ingestion.reading import read_one

TOKEN = "jeton-secret-du-test"
PACKAGE, NUMBER = "fr.gouv.interieur.masecurite", "1606080425"


@pytest.fixture
def stores(sandbox, monkeypatch):
    """Both stores, with a token."""
    monkeypatch.setenv("CYBERIMPACT_APP_STORES_PLAY_TOKEN", TOKEN)
    monkeypatch.delenv("CYBERIMPACT_APP_STORES_PLAY_KEY_FILE", raising=False)
    monkeypatch.delenv("CYBERIMPACT_APP_STORES_APPS", raising=False)
    monkeypatch.setattr(app_stores, "today", lambda: sandbox.today)
    return sandbox


ask = partial(conftest.ask, name="app_stores")


def snapshot(home):
    return ask(home, "select * from reviews order by review_key")


def play(sandbox):
    """Return what Google Play shows, by identifier."""
    url = f"{sandbox.origin}/app_stores/play/androidpublisher/v3/applications/{PACKAGE}/reviews"
    answer = httpx.get(url, params={"maxResults": 100}, headers={"Authorization": "Bearer x"}).json()
    assert "tokenPagination" not in answer
    return {review["reviewId"]: review for review in answer["reviews"]}


def app_store(sandbox):
    found = {}
    for page in range(1, 11):
        url = f"{sandbox.origin}/app_stores/apple/fr/rss/customerreviews/page={page}/id={NUMBER}/sortby=mostrecent/json"
        entries = httpx.get(url).json()["feed"].get("entry", [])
        entries = [entries] if isinstance(entries, dict) else entries
        found |= {entry["id"]["label"]: entry for entry in entries if "im:rating" in entry}
    return found


# ---- what is read


def test_the_first_load_brings_both_windows_and_the_second_writes_nothing(stores, home):
    at_play, at_apple = play(stores), app_store(stores)
    assert counts(load("app_stores")) == (len(at_play) + len(at_apple), len(at_play) + len(at_apple), 0, 0, 0)
    expected = {("play", key): r["comments"][0]["userComment"]["starRating"] for key, r in at_play.items()}
    expected |= {("app_store", key): int(entry["im:rating"]["label"]) for key, entry in at_apple.items()}
    assert {
        (store, key): rating for store, key, rating in ask(home, "select store, review_id, rating from reviews")
    } == (expected)
    before = snapshot(home)
    assert counts(load("app_stores"))[1:3] == (0, 0)
    assert snapshot(home) == before


def test_weeks_later_old_reviews_stay_and_edited_ones_change(stores, home):
    load("app_stores")
    before = {(s, k): r for s, k, r in ask(home, "select store, review_id, written_at from reviews")}
    stores.today += timedelta(days=20)
    new_at_play = play(stores)
    report = load("app_stores")
    after = {(s, k): r for s, k, r in ask(home, "select store, review_id, written_at from reviews")}
    assert before.keys() < after.keys()
    assert any(store == "play" and key not in new_at_play for store, key in before), "the window of Play moved on"
    edited = [key for key in before if before[key] != after[key]]
    assert counts(report)[2] >= len(edited) > 0


def test_pages_of_google_play_follow_each_other(stores, monkeypatch):
    expected = play(stores)
    monkeypatch.setattr(client, "PLAY_PAGE_ROWS", 7)
    pages = list(client.Play().reviews(PACKAGE))
    assert [len(page) for page in pages[:-1]] == [7] * (len(pages) - 1)
    assert len(pages) == -(-len(expected) // 7) > 2
    assert {record["reviewId"] for page in pages for record in page} == set(expected)


def test_the_app_itself_is_no_review_and_a_single_entry_is_one(stores):
    url = f"{stores.origin}/app_stores/apple/fr/rss/customerreviews/page={{}}/id={NUMBER}/sortby=mostrecent/json"
    stores.today = date(2025, 1, 10)
    while len(app_store(stores)) % 50 != 1:
        stores.today += timedelta(days=1)
    entries, last = (httpx.get(url.format(page)).json()["feed"]["entry"] for page in (1, 2))
    assert "im:rating" not in entries[0]
    assert isinstance(last, dict)
    pages = list(client.AppStore().reviews(NUMBER))
    assert [len(page) for page in pages] == [50, 1]
    assert pages[1][0]["id"] == last["id"]["label"]


def test_an_app_without_reviews_is_read(stores, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_APP_STORES_APPS", "app_store:123")
    assert counts(load("app_stores")) == (0, 0, 0, 0, 0)
    assert app_stores.address() == f"{stores.origin}/app_stores/apple/fr"


# ---- what is lost


def test_reviews_that_left_the_window_between_two_loads_are_told(stores, caplog):
    load("app_stores")
    stores.today += timedelta(days=7)
    with caplog.at_level(logging.WARNING, "ingestion.connectors.app_stores"):
        load("app_stores")
    assert caplog.messages == [], "once a week is enough"
    stores.today += timedelta(days=12)
    with caplog.at_level(logging.WARNING, "ingestion.connectors.app_stores"):
        load("app_stores")
    said = (
        f"play:{PACKAGE} was last read on 2025-04-07, and the store shows reviews from 2025-04-12 only: those of 5 days"
    )
    assert [said in message for message in caplog.messages] == [True]


def test_a_full_window_of_the_app_store_goes_back_to_its_oldest_review():
    app = client.App("app_store", NUMBER)
    assert app_stores.window_start(app, date(2025, 3, 31), date(2025, 3, 20), 450) == date.min
    assert app_stores.window_start(app, date(2025, 3, 31), date(2025, 3, 20), 451) == date(2025, 3, 21)


# ---- access


@pytest.mark.usefixtures("stores")
def test_the_token_goes_to_google_play_only_and_never_into_an_address(monkeypatch):
    sent = []
    send = HTTPAdapter.send
    monkeypatch.setattr(
        HTTPAdapter, "send", lambda self, request, **options: sent.append(request) or send(self, request, **options)
    )
    load("app_stores")
    asked_with = {("apple" in request.url, request.headers.get("Authorization")) for request in sent}
    assert asked_with == {(False, f"Bearer {TOKEN}"), (True, None)}
    assert not any(TOKEN in request.url for request in sent)


def key_file(tmp_path, token_uri):
    """Write the key of an invented service account."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "compte.json"
    key = {"client_email": "lecture@exemple.iam", "private_key": private.decode(), "token_uri": token_uri}
    file.write_text(json.dumps(key), encoding="utf-8")
    return file


def test_a_service_account_gets_a_token_by_a_signed_assertion(stores, tmp_path, monkeypatch):
    file = key_file(tmp_path, f"{stores.origin}/app_stores/token")
    monkeypatch.delenv("CYBERIMPACT_APP_STORES_PLAY_TOKEN")
    monkeypatch.setenv("CYBERIMPACT_APP_STORES_PLAY_KEY_FILE", str(file))
    found = {record["reviewId"] for page in client.Play().reviews(PACKAGE) for record in page}
    assert found == set(play(stores))


def test_a_token_that_is_refused_is_told_without_the_assertion(stores, tmp_path, monkeypatch):
    file = key_file(tmp_path, f"{stores.origin}/app_stores/nowhere")
    monkeypatch.setenv("CYBERIMPACT_APP_STORES_PLAY_KEY_FILE", str(file))
    with pytest.raises(ExpectedFailure, match="no token was given for the service account") as failure:
        list(client.Play().reviews(PACKAGE))
    assert failure.value.__cause__ is None
    assert "eyJ" not in str(failure.value)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"client_email": "a", "token_uri": "b"}'])
@pytest.mark.usefixtures("stores")
def test_a_file_that_is_no_key_is_refused_by_the_name_of_its_setting(tmp_path, monkeypatch, content):
    file = tmp_path / "compte.json"
    file.write_text(content, encoding="utf-8")
    monkeypatch.setenv("CYBERIMPACT_APP_STORES_PLAY_KEY_FILE", str(file))
    with pytest.raises(ExpectedFailure, match="CYBERIMPACT_APP_STORES_PLAY_KEY_FILE names is no readable key"):
        list(client.Play().reviews(PACKAGE))


@pytest.mark.usefixtures("stores")
def test_google_play_without_access_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.delenv("CYBERIMPACT_APP_STORES_PLAY_TOKEN")
    with pytest.raises(ExpectedFailure, match="leave the play: apps out of CYBERIMPACT_APP_STORES_APPS"):
        load("app_stores")


@pytest.mark.parametrize("apps", ["masecurite", "windows:1", "play:", "app_store:1/../2"])
def test_an_app_that_is_none_is_refused(monkeypatch, apps):
    monkeypatch.setenv("CYBERIMPACT_APP_STORES_APPS", apps)
    with pytest.raises(ExpectedFailure, match="which names no app"):
        client.apps()


# ---- what is not kept


def test_no_author_and_no_device_reaches_the_warehouse(stores, home):
    texts = [*(r["comments"][0]["userComment"]["text"] for r in play(stores).values())]
    texts += [entry["content"]["label"] for entry in app_store(stores).values()]
    with_identifiers = sum("@exemple.fr" in text for text in texts)
    assert with_identifiers
    report = load("app_stores")
    assert {"author", "authorName", "device", "deviceMetadata"} <= report.entities[0].dropped_columns.keys()
    texts = [text for (text,) in ask(home, "select text from reviews")]
    assert sum("[MAIL]" in text and "[TÉLÉPHONE]" in text for text in texts) == with_identifiers
    kept = json.dumps(snapshot(home), default=str, ensure_ascii=False)
    gone = {r["authorName"] for r in play(stores).values()} | {
        "@exemple.fr",
        "06.12.34",
        "panther",
        "exemple.fr/reviews",
    }
    assert not [text for text in gone if text in kept]


# ---- bad days


@pytest.mark.parametrize(
    ("fault", "path", "said"),
    [
        ("unauthorized", "play", "refused with status 401.*PLAY_KEY_FILE or CYBERIMPACT_APP_STORES_PLAY_TOKEN"),
        pytest.param("forbidden", "play", "refused with status 403.*does not have permission", marks=IN_PROOF),
        pytest.param("quota", "play", "quota of requests is used up", marks=IN_PROOF),
        pytest.param("server_error", "apple", r"failed \(status 500\), 3 times in a row", marks=IN_PROOF),
        pytest.param("html", "apple", "a web page instead of JSON", marks=IN_PROOF),
        pytest.param("truncated", "play", "breaks off", marks=IN_PROOF),
        pytest.param("broken", "apple", "breaks off", marks=IN_PROOF),
        pytest.param("hang", "play", "does not answer in time", marks=IN_PROOF),
        pytest.param("redirect", "play", "redirects to another host, localhost.invalid", marks=IN_PROOF),
        ("renamed_column", "play", "required column rating of table 'reviews' is missing.*starRatingValue"),
        ("renamed_column", "apple", "required column rating of table 'reviews' is missing"),
        ("nested_value", "play", "'starRating' holds a dict"),
        ("nested_value", "apple", "'im:rating' holds a dict"),
        ("type_flip", "", "column rating is not a whole number in all of"),
    ],
)
def test_a_fault_is_told_and_nothing_is_loaded(stores, home, fault, path, said):
    stores.fault(fault, path=path)
    assert re.search(said, refused("app_stores", TOKEN), re.DOTALL)
    assert snapshot(home) == []


def test_a_failed_reading_does_not_move_the_day_of_the_last_one(stores, caplog):
    load("app_stores")
    stores.today += timedelta(days=9)
    stores.fault("server_error", path="apple")
    with pytest.raises(ExpectedFailure):
        load("app_stores")
    stores.reset()
    stores.today = FIRST_TODAY + timedelta(days=10)
    caplog.clear()
    load("app_stores")
    assert ["those of 3 days are lost" in message for message in caplog.messages] == [True]


def test_a_page_of_google_play_that_comes_twice_is_refused(stores, monkeypatch):
    monkeypatch.setattr(client, "PLAY_PAGE_ROWS", 7)
    stores.fault("duplicated_page")
    with pytest.raises(ExpectedFailure, match="a page came twice in place of the next one"):
        list(client.Play().reviews(PACKAGE))


def test_a_shifted_page_loses_nothing(stores, monkeypatch):
    expected = play(stores)
    monkeypatch.setattr(client, "PLAY_PAGE_ROWS", 6)
    stores.fault("shifted_page")
    found = {record["reviewId"] for page in client.Play().reviews(PACKAGE) for record in page}
    assert set(expected) - found <= {list(expected)[-1]}


def test_an_unknown_column_is_kept_and_reported(stores, home):
    stores.fault("unknown_column")
    assert load("app_stores").entities[0].unknown_columns == ("nouvelle_colonne",)
    kept = ask(home, "select distinct colonnes_inconnues from reviews")
    assert [json.loads(value) for (value,) in kept] == [{"nouvelle_colonne": "valeur inattendue"}]


@pytest.mark.parametrize("body", [{"items": []}, {"reviews": {}}, ["x"]])
@pytest.mark.usefixtures("stores")
def test_an_answer_of_another_form_is_no_empty_week(monkeypatch, body):
    monkeypatch.setattr(Api, "pages", lambda *_, **__: iter([[body]]))
    with pytest.raises(ExpectedFailure, match="the answer "):
        list(client.Play().reviews(PACKAGE))


@pytest.mark.usefixtures("stores")
def test_a_week_without_reviews_is_empty(monkeypatch):
    monkeypatch.setattr(Api, "pages", lambda *_, **__: iter([[{}]]))
    assert list(client.Play().reviews(PACKAGE)) == [[]]


# ---- the contract, by hand


def read(record):
    return read_one(contract.REVIEWS, record)


def test_a_review_of_google_play_is_read_by_hand_computed_values():
    review = {
        "reviewId": "gp:1",
        "authorName": "Quelqu'un",
        "comments": [
            {
                "userComment": {
                    "text": "\tUtile",
                    "lastModified": {"seconds": "1735714800", "nanos": 5},
                    "starRating": 4,
                    "reviewerLanguage": "fr",
                    "device": "panther",
                    "thumbsUpCount": 2,
                }
            },
            {"developerComment": {"text": "Merci", "lastModified": {"seconds": "1735801200"}}},
        ],
    }
    row = read(client._play_record(PACKAGE, review))
    assert row["review_key"] == f"play|{PACKAGE}|gp:1"
    assert (row["rating"], row["text"], row["votes_up"], row["language"]) == (4, "Utile", 2, "fr")
    assert row["written_at"] == datetime(2025, 1, 1, 7, tzinfo=UTC)
    assert (row["developer_answer"], row["developer_answered_at"]) == ("Merci", datetime(2025, 1, 2, 7, tzinfo=UTC))


def test_a_review_of_the_app_store_is_read_by_hand_computed_values():
    entry = {
        "id": {"label": "77"},
        "updated": {"label": "2025-01-01T00:00:00-07:00"},
        "im:rating": {"label": "1"},
        "im:version": {"label": "2.1.0"},
        "title": {"label": "Bof"},
        "content": {"label": "Rien ne marche", "attributes": {"type": "text"}},
        "author": {"name": {"label": "Quelqu'un"}},
        "im:voteCount": {"label": "3"},
    }
    row = read(client._app_store_record(NUMBER, entry))
    assert row["review_key"] == f"app_store|{NUMBER}|77"
    assert (row["rating"], row["title"], row["text"], row["app_version"]) == (1, "Bof", "Rien ne marche", "2.1.0")
    assert row["votes_total"] == 3
    assert row["written_at"] == datetime(2025, 1, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize("rating", [0, 6])
def test_a_rating_out_of_bounds_is_rejected(rating):
    record = {"store": "play", "app_id": "a", "reviewId": "1", "lastModified": "1735714800", "starRating": rating}
    assert read(record).reason == "is not a rating from 1 to 5"


# ---- the stand-in


def test_history_does_not_move(stores):
    before = {key: (entry["content"], entry["im:version"]) for key, entry in app_store(stores).items()}
    stores.today += timedelta(days=30)
    after = {key: (entry["content"], entry["im:version"]) for key, entry in app_store(stores).items()}
    assert before.items() < after.items()
