"""A wave that is staged stands beside the history of the seed: it begins in the past, ends by itself, and stays."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from analytics.signals import topics
from core.settings import CHECKOUT
from sandbox import clock, listening, ma_securite, staging
from sandbox.app import build_app
from sandbox.events import events
from sandbox.faults import Fault
from sandbox.staging import BACKDATED, KINDS, LASTS, TERRITORIES, Stage, Wave

SEED = 17
NOW = datetime(2025, 3, 12, 14, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def served(client: TestClient) -> dict[str, dict]:
    """Return what the listening platform has published in the last two days, by address."""
    since = round((NOW - timedelta(days=2)).timestamp() * 1000)
    query = {"access_token": "x", "q": f"published:>{since}", "hpp": 500, "sort_by": "published"}
    found = {}
    for offset in range(0, 9_000, 500):
        answer = client.get(f"{listening.BASE}/results", params=query | {"offset": offset}).json()
        found |= {hit["data"]["url"]: hit["data"] for hit in answer["result_content"]["data"]}
    return found


def begin(client: TestClient, kind: str = "inondation", territory: str = "FR-27"):
    return client.post("/_control/waves", json={"kind": kind, "territory": territory})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_the_topic_that_finds_the_mentions_of_its_wave(kind: str) -> None:
    topic = next(topic for topic in topics.read() if topic.code == kind)
    for mention in listening.mentions_of_wave(Wave(kind, "27", NOW, NOW)):
        assert topic.compiled.finds(topics.folded(mention.get("content", "")), mention["matched_profile"])


def test_a_wave_begins_in_the_past_is_found_now_and_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(build_app(SEED, clock.today))
    assert begin(client).status_code == 201
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=1))
    before, after = served(TestClient(build_app(SEED, clock.today))), served(client)
    assert {address: after[address] for address in before} == before
    wave = [after[address] for address in after.keys() - before.keys()]
    published = sorted(mention["published"] for mention in wave)
    now = clock.now().timestamp() * 1000
    assert 30 < len(wave) < 60, "9 of 50 parts of 240 are published in the first three of ten hours"
    assert (NOW - BACKDATED).timestamp() * 1000 <= published[0]
    assert published[-1] <= now
    assert {mention["extra_source_attributes"]["world_data"]["region"] for mention in wave} == {"Eure"}
    assert all(mention["matched_profile"] == ["flood"] for mention in wave)


def test_nothing_of_a_wave_is_found_before_it_was_staged_nor_published_after_its_end() -> None:
    wave = Wave("inondation", "27", NOW - BACKDATED, NOW)
    mentions = listening.mentions_of_wave(wave)
    assert len(mentions) == len({mention["url"] for mention in mentions}) == staging.MENTIONS
    assert all(mention["search_indexed"] >= NOW.timestamp() * 1000 for mention in mentions)
    assert all(mention["search_indexed"] >= mention["published"] for mention in mentions)
    assert max(mention["published"] for mention in mentions) <= wave.ends_at.timestamp() * 1000


def test_a_wave_rises_and_falls() -> None:
    wave = Wave("inondation", "27", NOW, NOW)
    hours = [int((moment - NOW) / timedelta(hours=1)) for moment in wave.moments(wave.chance())]
    counts = [hours.count(hour) for hour in range(10)]
    assert counts[0] < counts[2] < counts[4]
    assert counts[5] > counts[7] > counts[9]


def test_a_staged_rumour_repeats_one_message_of_an_account_that_few_follow() -> None:
    first, *others = listening.mentions_of_wave(Wave("rumeur_enlevement", "27", NOW, NOW))
    shares = [mention for mention in others if mention.get("parent_url") == first["url"]]
    assert 0.75 < len(shares) / len(others) < 0.95
    assert first["source_extended_attributes"]["followers"] < 1000
    assert {mention["content"] for mention in shares} == {first["content"]}


@pytest.mark.parametrize(
    ("asked", "known"), [({"kind": "panne"}, KINDS), ({"kind": "inondation", "territory": "FR-NOR"}, TERRITORIES)]
)
def test_what_is_unknown_is_refused_with_what_exists(asked: dict, known: dict) -> None:
    answer = TestClient(build_app(SEED, clock.today)).post("/_control/waves", json=asked)
    assert answer.status_code == 400
    assert answer.json()["known"] == sorted(known)


def test_a_wave_that_is_under_way_is_not_begun_again_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(build_app(SEED, clock.today))
    assert begin(client).status_code == 201
    assert begin(client).status_code == 409
    assert begin(client, territory="FR-75C").status_code == begin(client, kind="incendie").status_code == 201
    monkeypatch.setattr(clock, "now", lambda: NOW + LASTS)
    assert begin(client).status_code == 201


def test_what_was_shown_is_shown_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(build_app(SEED, clock.today, tmp_path))
    begin(client)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    assert served(TestClient(build_app(SEED, clock.today, tmp_path))) == served(client)
    assert Stage(tmp_path).waves == client.app.state.stage.waves


@pytest.mark.parametrize("hour", range(0, 24, 4))
def test_a_newcomer_finds_a_wave_under_way_and_one_that_was_closed_lately(
    hour: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = NOW.replace(hour=hour)
    monkeypatch.setattr(clock, "now", lambda: now)
    Stage(tmp_path).prepare(SEED)
    running, closed = stage = Stage(tmp_path).waves
    assert running.began_at + timedelta(hours=2) < now < running.ends_at - timedelta(hours=2)
    assert timedelta(days=1) < now - closed.ends_at < timedelta(days=3)
    assert running.code != closed.code
    Stage(tmp_path).prepare(SEED)
    assert Stage(tmp_path).waves == stage, "a restart adds nothing"
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=6))
    Stage(tmp_path).prepare(SEED)
    assert len(Stage(tmp_path).waves) == 4, "days later, there is a new one of each"


def test_the_history_of_a_seed_knows_no_wave_and_the_truth_of_a_demonstration_does(tmp_path: Path) -> None:
    Stage(tmp_path).add("inondation", "27", datetime.now(UTC))

    def truth(*options: str) -> list[dict]:
        file = tmp_path / "truth.json"
        command = [sys.executable, "-m", "sandbox", "--now", "2025-03-12", "--truth", str(file), *options]
        subprocess.run(command, cwd=CHECKOUT, check=True)
        return [happened for happened in json.loads(file.read_text()) if happened["kind"] != "action_effect"]

    drawn = truth()
    assert [happened["code"] for happened in drawn] == [event.code for event in events(SEED, date(2025, 3, 12))]
    staged = [happened for happened in truth("--state", str(tmp_path)) if happened not in drawn]
    assert [(happened["kind"], happened["departements"]) for happened in staged] == [("flood", ["27"])]


def test_a_platform_that_is_down_comes_back_by_itself() -> None:
    later = datetime.now(UTC).timestamp() + 60
    news = f"{ma_securite.PREFIX}/api/actualites"
    for ends_at, status in ((later, 500), (later - 120, 200)):
        faults = [Fault("server_error", path=ma_securite.PREFIX, ends_at=ends_at)]
        client = TestClient(build_app(SEED, clock.today, faults=faults), headers={"x-api-key": "a"})
        assert client.get(news).status_code == status
        assert client.get("/health").status_code == 200
