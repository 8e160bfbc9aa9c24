"""The operations database in SQLite and in PostgreSQL: taken over from version 0.1.0, and written by many at once."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections

from analytics.signals.topics import Topic
from core.errors import ExpectedFailure
from core.settings import CHECKOUT, OPERATIONS_SETTING, Home
from ingestion.engine.loading import load
from ingestion.erasure import purge
from operations import acts, crises, database, models, tokens, topics, verdicts
from operations.acts import Author
from operations.alerts import links
from operations.alerts.links import RefusedLinkError
from operations.alerts.outbox import derived
from tests.analytics.signalling import FLOOD
from tests.ingestion.conftest import ask
from tests.operations import writers
from tests.postgres import Postgres, serving
from warehouse import operations_database

WATCHING = Author("veille")
PROCESSES = 4

#: What version 0.1.0 made.
FORMER = """
create table topics (code text primary key, label text not null, query text not null, kind text not null,
    platforms text not null, owner text not null, active integer not null check (active in (0, 1)),
    created_at text not null, updated_at text not null) strict;
create table verdicts (verdict_id text primary key, signal_id text not null, verdict text not null,
    author_role text not null, note text, decided_at text not null, topic_code text, crisis_kind text,
    territory_code text, severity integer, signal_opened_at text) strict;
create index verdicts_by_signal on verdicts (signal_id, decided_at);
create table crises (crisis_id text primary key, title text not null, kind text not null, status text not null,
    opened_at text not null, closed_at text, territories text not null, topics text not null,
    owner text not null) strict;
create table crisis_events (event_id text primary key, crisis_id text not null references crises on delete cascade,
    kind text not null, note text not null, author_role text not null, happened_at text not null) strict;
create table outbox (alert_id text primary key, channel text not null, recipient text not null, subject text not null,
    created_at text not null, sent_at text, attempts integer not null default 0 check (attempts >= 0), last_error text,
    signal_id text, topic_code text, crisis_kind text, territory_code text, severity integer, signal_opened_at text,
    message_id text, attempted_at text) strict;
create index outbox_unsent on outbox (created_at) where sent_at is null;
create table used_links (link_id text primary key, used_at text not null) strict;

insert into topics values ('colis', 'Faux colis', '"faux colis"', 'cyber', 'listening,app_stores', 'team:veille', 0,
    '2026-01-02T10:00:00+01:00', '2026-01-03T10:00:00Z');
insert into crises values ('c1', 'Crue', 'climatique', 'ouverte', '2026-01-03T10:00:00.250+00:00', null, 'FR-27,FR-33',
    'crue', 'team:veille');
insert into crisis_events values ('e2', 'c1', 'dit', 'Appel au calme', 'veille', '2026-01-03T11:00:00+00:00');
insert into crisis_events values ('e1', 'c1', 'fait', 'Pont fermé', 'veille', '2026-01-03T11:30:00+01:00');
insert into verdicts values ('v1', 's1', 'vu', 'officier', null, '2026-01-03T10:00:00Z', 'crue', 'climatique', 'FR-33',
    3, '2026-01-03T09:00:00+00:00');
"""


@pytest.fixture
def former(home: Home) -> Home:
    """A home of version 0.1.0, with an alert that is out, its link, one that was used, and two tokens."""
    home.root.mkdir()
    written_at = datetime.now(UTC).isoformat(timespec="microseconds")
    values = "?, 'mail', 'p_x', 'Crue', ?, ?, 1, null, 's9', 'crue', 'climatique', 'FR-27', 3, ?, 'm1', ?"
    with closing(sqlite3.connect(home.operations)) as connection, connection:
        connection.execute("pragma journal_mode = wal")
        connection.executescript(FORMER)
        for name in ("a1", "a2"):
            connection.execute(f"insert into outbox values ({values})", [name, *[written_at] * 4])
        connection.execute("insert into used_links values (?, ?)", [derived("a2", "confirmé"), written_at])
    with closing(sqlite3.connect(home.root / "api_tokens.sqlite")) as connection, connection:
        connection.execute(
            "create table tokens (name text primary key, sha256 text not null unique, role text not null,"
            " created_on text not null, expires_on text not null) strict"
        )
        sha256 = hashlib.sha256(b"secret").hexdigest()
        connection.execute(
            f"insert into tokens values ('essai', '{sha256}', 'gendarmerie_region-GN-NAQ', '2026-01-01', '2036-01-01')"
        )
    return home


def link(alert: str, verdict: str = "vu") -> links.Link:
    return links.opened(links.address(alert, verdict, "veille", datetime.now(UTC)).rpartition("/")[2])


def test_a_home_of_the_former_version_is_taken_over_whole(former: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_LINK_KEY", "a key of thirty-two bytes at least.")
    [topic] = [known for known in topics.listed() if known.topic.code == "colis"]
    assert (topic.is_watched, topic.topic.platforms) == (False, ("listening", "app_stores"))
    assert topic.updated_at == datetime(2026, 1, 3, 10, tzinfo=UTC)
    [crisis] = crises.listed()
    assert (crisis.crisis_id, crisis.is_open, crisis.territories) == ("c1", True, ("FR-27", "FR-33"))
    assert crisis.opened_at == datetime(2026, 1, 3, 10, 0, 0, 250_000, tzinfo=UTC)
    assert [(event.event_id, event.number) for event in crises.events(crisis)] == [("e1", 1), ("e2", 2)]
    assert crises.note("c1", "La suite", kind="fait", author=WATCHING).number == 3
    [verdict] = verdicts.given("s1")
    assert (verdict.verdict, verdict.severity, verdict.decided_at.hour) == ("vu", 3, 10)
    with pytest.raises(RefusedLinkError, match="déjà reçu un verdict : « confirmé »"):
        verdicts.answer(link("a2"))
    assert verdicts.answer(link("a1")).signal_id == "s9"
    with pytest.raises(RefusedLinkError, match="déjà reçu un verdict : « vu »"):
        verdicts.answer(link("a1", "confirmé"))
    assert tokens.holder_of("secret").role == "region-gendarmerie-GN-NAQ"
    assert not (former.root / "api_tokens.sqlite").exists()
    with closing(sqlite3.connect(former.operations)) as connection:
        names = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    assert not {name for name in names if name.startswith("former_")}


def test_what_is_not_taken_over_yet_is_read_all_the_same(former: Home) -> None:
    [topic] = operations_database.rows(former, "topics", ("code", "updated_at", "novelty"))
    assert topic == {"code": "colis", "updated_at": "2026-01-03T10:00:00Z"}
    assert operations_database.rows(former, "acts") == []


def test_a_take_over_that_fails_leaves_the_former_file(former: Home) -> None:
    with closing(sqlite3.connect(former.operations)) as connection, connection:
        connection.execute("update crises set opened_at = 'hier'")
    for _ in range(2):
        with pytest.raises(ValueError, match="hier"):
            crises.listed()
    with closing(sqlite3.connect(former.operations)) as connection, connection:
        assert connection.execute("select count(*) from crisis_events").fetchone() == (2,)
        connection.execute("update crises set opened_at = '2026-01-01T00:00:00Z'")
    assert len(crises.events(crises.find("c1"))) == 2


def test_a_process_follows_the_home_and_the_file_in_it(home: Home, tmp_path: Path, monkeypatch) -> None:
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille"), WATCHING)
    saved = tmp_path / "saved.sqlite"
    with closing(sqlite3.connect(home.operations)) as read, closing(sqlite3.connect(saved)) as written:
        read.backup(written)
    topics.end("crue", WATCHING)
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "another"))
    assert not models.Topic.objects.exists()
    monkeypatch.setenv("CYBERIMPACT_HOME", str(home.root))
    assert not models.Topic.objects.get().active
    for suffix in ("", "-wal", "-shm"):
        former = home.operations.with_name(home.operations.name + suffix)
        former.rename(tmp_path / former.name)
    shutil.copy(saved, home.operations)
    assert models.Topic.objects.get().active, "a backup was put back"


def test_a_newer_database_is_refused_in_words(home: Home) -> None:
    assert crises.listed() == []
    with closing(sqlite3.connect(home.operations)) as connection, connection:
        connection.execute("insert into django_migrations (app, name, applied) values ('operations', '0999_later', '')")
    connections["default"].close()
    database._ready.clear()
    with pytest.raises(ExpectedFailure, match="version plus récente"):
        crises.listed()


def test_a_database_that_stays_locked_is_told_in_words(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert crises.listed() == []
    monkeypatch.setitem(connections["default"].settings_dict["OPTIONS"], "timeout", 0.1)
    connections["default"].close()
    with closing(sqlite3.connect(home.operations, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(ExpectedFailure, match=r"operations\.sqlite est inutilisable .*locked.* Un autre processus"):
            topics.end("inondation", WATCHING)
        other.execute("rollback")
    connections["default"].close()
    topics.end("inondation", WATCHING)


def plain(*code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a process that has no settings of Django, as commands do."""
    own = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, *code]
    return subprocess.run(command, env=own | environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_a_command_needs_no_settings_of_django_and_the_list_of_kpis_no_django(
    home: Home, copy_manifests: Callable[[Home], None]
) -> None:
    copy_manifests(home)
    ask_topics = (
        "import sys; from operations import topics; print(len(topics.watched()), 'web.settings' in sys.modules)"
    )
    counted = plain("-c", ask_topics)
    assert counted.stdout == f"{len(topics.watched())} False\n", counted.stderr
    listing = "import sys; sys.argv = ['cyberimpact', 'kpi', 'list']\nfrom cli.main import main\ntry: main()\nfinally: "
    listed = plain("-c", listing + "print('django' in sys.modules, file=sys.stderr)")
    assert listed.stderr.endswith("False\n"), listed.stderr


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "postgresql://u:secret@h", "secret", "postgresql://[secret/d"])
def test_an_address_that_is_none_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(OPERATIONS_SETTING, url)
    with pytest.raises(ExpectedFailure, match=OPERATIONS_SETTING) as refused:
        database.databases()
    assert "secret" not in str(refused.value)


# ---- many at once, on both engines


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Postgres]:
    with serving() as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def engine(request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty operations database in one engine, for this process and those that it starts."""
    home.root.mkdir()
    if request.param == "postgresql":
        monkeypatch.setenv(OPERATIONS_SETTING, request.getfixturevalue("postgres_server"))
    use_settings()
    if request.param == "postgresql":
        clear()
    yield request.param
    monkeypatch.delenv(OPERATIONS_SETTING, raising=False)
    use_settings()


def use_settings() -> None:
    """Have this thread connect to what the settings name now; a process of the platform never changes its engine."""
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = connections.configure_settings(database.databases())["default"]


def clear() -> None:
    for model in (models.CrisisEvent, models.Pin, models.WallAccess, models.Crisis, models.Verdict, models.Act):
        model.objects.all().delete()
    models.Topic.objects.all().delete()


def opened() -> models.Crisis:
    return crises.open_crisis(
        topics=["inondation"], territories=["FR-27"], title="Crue", kind=None, owner="team:veille", author=WATCHING
    )


def test_many_judge_and_write_at_once_and_nothing_is_lost(engine: str, tmp_path: Path) -> None:
    crisis = opened()
    go = tmp_path / "go"
    command = [sys.executable, "-m", "tests.operations.writers"]
    started = [
        subprocess.Popen([*command, str(number), crisis.crisis_id, go], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]
    go.touch()
    said = Counter(line for process in started for line in process.communicate(timeout=120)[0].splitlines())
    writing = PROCESSES * writers.THREADS
    assert said == {"first": 1, "meanwhile confirmé": writing - 1}, engine
    assert len(verdicts.given(FLOOD.signal_id)) == 1
    journal = crises.events(crisis)
    assert len({event.note for event in journal}) == writing * writers.ENTRIES
    assert sorted(event.number for event in journal) == list(range(1, writing * writers.ENTRIES + 1))
    assert models.Act.objects.filter(kind="entrée au journal").count() == writing * writers.ENTRIES


def test_a_lost_address_of_postgresql_does_not_begin_anew_in_a_file(
    engine: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    assert home.operations_elsewhere.exists() is (engine == "postgresql")
    monkeypatch.delenv(OPERATIONS_SETTING, raising=False)
    use_settings()
    home.operations_elsewhere.touch()
    if engine == "postgresql":
        with pytest.raises(ExpectedFailure, match=f"le réglage {OPERATIONS_SETTING} est absent. Remettez ce secret"):
            crises.listed()
        assert not home.operations.exists()
        home.operations_elsewhere.unlink()
    assert len(crises.listed()) == (0 if engine == "postgresql" else 1)


def test_a_process_that_dies_in_the_middle_leaves_nothing_half_done(engine: str) -> None:
    crisis = opened()
    died = subprocess.run(
        [sys.executable, "-m", "tests.operations.writers", "half", crisis.crisis_id, "-"], cwd=CHECKOUT, check=False
    )
    assert died.returncode == -signal.SIGKILL, engine
    assert crises.find(crisis.crisis_id).is_open
    assert crises.events(crisis) == []
    assert crises.note(crisis.crisis_id, "La suite", kind="fait", author=WATCHING).number == 1


def test_the_platform_reads_and_purges_the_same_in_both(engine: str, home: Home) -> None:
    crisis = opened()
    crises.note(crisis.crisis_id, "Pont fermé", kind="fait", author=WATCHING)
    crises.pin(crisis, "thème", "inondation", "FR-27", WATCHING)
    topics.add(Topic("crue", "Crue", "crue", "climatique", "team:veille", ("listening",)), WATCHING)
    assert load("operations").complete
    assert ask(home, "select title, territories from raw_operations.crises") == [("Crue", "FR-27")]
    assert ask(home, "select active, platforms from raw_operations.topics") == [(True, "listening")]
    assert ask(home, "select role, kind, object_kind, account from raw_operations.acts order by done_at") == [
        ("veille", "crise ouverte", "crise", None),
        ("veille", "entrée au journal", "crise", None),
        ("veille", "série épinglée", "crise", None),
        ("veille", "thème ajouté", "thème", None),
    ]
    crises.close(crisis.crisis_id, WATCHING)
    name = "PostgreSQL" if engine == "postgresql" else "operations.sqlite"
    assert operations_database.name(home) == name
    gone = {
        key: rows for key, rows in purge(datetime.now(UTC) + timedelta(days=6 * 365)).removed.items() if name in key
    }
    assert gone == {
        f"{name} {table}": rows
        for table, rows in {"crises": 1, "crisis_events": 1, "crisis_pins": 1, "acts": 5}.items()
    }
    assert crises.listed() == acts.on("crise", crisis.crisis_id) == []
    assert models.Topic.objects.count() == 1, "a topic is kept as long as it is watched"
