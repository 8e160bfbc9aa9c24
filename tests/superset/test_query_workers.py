"""Queries in processes of their own: what they return, what ends them, and what they leave. No Superset is needed."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.superset.conftest import SERVER

ENDLESS = "select count(*) from range(1000000) as a (i), range(1000000) as b (j) where i * j % 7 = 3"
MEMORY = 512 << 20
#: Enough for a test that waits for what must happen, on a machine that is busy.
PATIENCE = 60


@pytest.fixture(scope="module")
def modules() -> Iterator[dict]:
    """The modules beside the server's configuration, which are no package."""
    sys.path.insert(0, str(SERVER.parent))
    import query_connection
    import query_slots
    import query_worker
    import query_workers

    yield {
        "connection": query_connection,
        "slots": query_slots,
        "worker": query_worker,
        "workers": query_workers,
    }
    sys.path.remove(str(SERVER.parent))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("copy") / "serving.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema kpi")
        connection.execute("create table kpi.rpt_kpi as select i as value, 'FR-33' as place from range(5000) as t (i)")
        connection.execute("create table kpi.other as select 1 as value")
    return path


@pytest.fixture
def workers(modules, tmp_path):
    slots = modules["slots"].Slots(tmp_path / "queries", 4, 8)
    made = modules["workers"].Workers(slots, modules["workers"].Limits(MEMORY, 4 << 20))
    yield made
    made.close()


@pytest.fixture
def ask(modules, workers, copy) -> Callable:
    """Execute one statement as an account, and return description and rows."""

    def run(sql: str, user: str = "alice", seconds: float = PATIENCE, **options):
        connection = modules["connection"].creator(workers, copy, {"threads": 2}, user, seconds, **options)()
        try:
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.description, cursor.fetchall()
        finally:
            connection.close()

    return run


def children(process: int) -> list[int]:
    """Return the query processes below one, the deepest first; a server that the tests started is none of them."""
    found = Path(f"/proc/{process}/task").glob("*/children")
    own = [int(pid) for file in found for pid in file.read_text().split() if is_query_process(pid)]
    return [pid for child in own for pid in [*children(child), child]]


def is_query_process(pid: str) -> bool:
    try:
        return b"query_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False  # it has ended


def waits_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


TYPES = {
    "1": ("INTEGER", 1),
    "100000000000000000000::hugeint": ("HUGEINT", 100000000000000000000),
    "1.50::decimal(10, 2)": ("DECIMAL(10,2)", None),
    "1e300": ("DOUBLE", 1e300),
    "true": ("BOOLEAN", True),
    "'é'": ("VARCHAR", "é"),
    "null::date": ("DATE", None),
    "date '2025-10-19'": ("DATE", None),
    "timestamp '2025-10-19 01:02:03.000004'": ("TIMESTAMP", None),
    "time '10:00'": ("TIME", None),
    "interval 3 hours": ("INTERVAL", None),
    "'\\xAA'::blob": ("BLOB", b"\xaa"),
    "'00000000-0000-0000-0000-000000000001'::uuid": ("UUID", None),
    "[date '2025-10-19', null]": ("DATE[]", None),
    "{'a': 1.5::decimal(3, 1)}": ("STRUCT(a DECIMAL(3,1))", None),
    "map {date '2025-10-19': [1]}": ("MAP(DATE, INTEGER[])", None),
    "'infinity'::timestamp": ("TIMESTAMP", None),
}


def test_values_and_types_are_those_of_duckdb_in_this_process(ask):
    sql = "select " + ", ".join(f"{value} as c{number}" for number, value in enumerate(TYPES))
    description, rows = ask(sql)
    here = duckdb.sql(sql).fetchall()
    assert rows == here
    assert [type(value) for value in rows[0]] == [type(value) for value in here[0]]
    assert [(column[0], str(column[1])) for column in description] == [
        (f"c{number}", kind) for number, (kind, _) in enumerate(TYPES.values())
    ]
    assert not isinstance(description[0][1], str)


def test_a_time_with_its_zone_is_the_same_moment(ask):
    _, [(moment,)] = ask("select timestamptz '2025-10-19 12:00:00+02'")
    assert moment.isoformat() == "2025-10-19T10:00:00+00:00" or moment.utcoffset()
    assert moment.timestamp() == 1760868000


def test_rows_come_all_and_in_order(ask):
    _, rows = ask("select value from kpi.rpt_kpi order by value")
    assert rows == [(number,) for number in range(5000)]


def test_a_mistake_is_told_as_duckdb_tells_it(ask):
    with pytest.raises(duckdb.BinderException, match='"nothing" not found'):
        ask("select nothing from kpi.rpt_kpi")


def test_a_table_is_read_if_it_is_granted(ask):
    assert ask("select * from kpi.other")[1] == [(1,)]
    with pytest.raises(duckdb.Error, match=r"La table kpi.other n'est pas permise."):
        ask("select * from kpi.other", granted=lambda schema, name: (schema, name) == ("kpi", "rpt_kpi"))


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('/etc/hostname')",
        "attach ':memory:' as other",
        "set threads = 1",
        "select * from duckdb_settings()",
        "select current_schema()",  # the dialect's own, which comes with parameters
    ],
)
def test_what_the_guard_does_not_know_does_not_run(ask, sql):
    with pytest.raises(duckdb.Error, match=r"permise|SELECT|fonction"):
        ask(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select max(length(repeat('x', 1500000000)))",
        "select list(a.value) from kpi.rpt_kpi as a, kpi.rpt_kpi as b, kpi.rpt_kpi as c",
    ],
)
def test_memory_has_a_limit(ask, modules, sql):
    with pytest.raises(modules["connection"].QueryFailure, match="plus de mémoire que les 512 Mo accordés"):
        ask(sql)
    assert ask("select 1")[1] == [(1,)]


def test_an_answer_has_a_limit(ask, modules):
    with pytest.raises(modules["connection"].QueryFailure, match="trop volumineux"):
        ask("select repeat('x', 1000) from range(5000)")


def test_the_deadline_ends_the_process(ask, modules):
    with pytest.raises(modules["connection"].QueryFailure, match=r"elle dure plus de 0\.5 secondes"):
        ask(ENDLESS, seconds=0.5)
    waits_for(lambda: len(children(os.getpid())) == 1)  # the template


def test_a_process_that_dies_is_told_in_words(ask, modules):
    ask("select 1")
    worker, template = children(os.getpid())
    threading.Timer(0.3, os.kill, (worker, signal.SIGKILL)).start()
    with pytest.raises(modules["connection"].QueryFailure, match="le processus qui l'exécutait s'est arrêté"):
        ask(ENDLESS)
    os.kill(template, signal.SIGKILL)
    assert ask("select 1")[1] == [(1,)]


def test_a_worker_serves_one_file_after_another_reader_of_it_only(ask, modules, workers, copy, tmp_path):
    ask("select 1", user="alice")
    (worker, _) = children(os.getpid())
    ask("select 1", user="bob")
    assert children(os.getpid())[0] == worker
    other = shutil.copy(copy, tmp_path / "serving.duckdb")
    connection = modules["connection"].creator(workers, other, {"threads": 2}, "bob", PATIENCE)()
    connection.cursor().execute("select 1")
    assert len(children(os.getpid())) == 3
    connection.close()
    shutil.copy(copy, tmp_path / "new.duckdb").replace(other)
    connection = modules["connection"].creator(workers, other, {"threads": 2}, "bob", PATIENCE)()
    connection.cursor().execute("select 1")
    assert len(children(os.getpid())) == 4
    connection.close()
    os.kill(worker, signal.SIGKILL)
    assert ask("select 1")[1] == [(1,)]  # one that ended while it waited is not asked
    for number in range(6):
        file = shutil.copy(copy, tmp_path / f"{number}.duckdb")
        connection = modules["connection"].creator(workers, file, {}, "bob", PATIENCE)()
        connection.cursor().execute("select 1")
        connection.close()
    waits_for(lambda: len(children(os.getpid())) == 1 + modules["workers"]._IDLE)


def test_a_worker_that_has_taken_much_memory_is_ended(ask, modules, monkeypatch):
    monkeypatch.setattr(modules["workers"], "_IDLE_BYTES", 1 << 20)
    ask("select 1")
    waits_for(lambda: len(children(os.getpid())) == 1)


@pytest.mark.parametrize("answer", [b"\x00" * 7 + b"\x05\x93\x01", b"\xff" * 8, b"\x00" * 7 + b"\x01\xc1"])
def test_an_answer_that_is_no_answer_is_a_failure_in_words(modules, workers, copy, answer, monkeypatch):
    ours, theirs = modules["workers"].socket.socketpair()
    theirs.sendall(answer)
    theirs.shutdown(modules["workers"].socket.SHUT_WR)
    with subprocess.Popen(["sleep", "600"]) as process:
        monkeypatch.setattr(workers, "start", lambda: modules["workers"].Worker(process.pid, ours))
        connection = modules["connection"].creator(workers, copy, {}, "alice", PATIENCE)()
        with pytest.raises(modules["connection"].QueryFailure, match=r"s'est arrêté|volumineux"):
            connection.cursor().execute("select 1")


def test_a_query_is_stopped_by_its_token_alone(ask, modules, workers, copy):
    connection = modules["connection"].creator(workers, copy, {}, "alice", PATIENCE)()
    token = connection.token()
    assert not workers.slots.stop("0" * 32)
    others = modules["slots"].Slots(workers.slots._folder, 4, 8)  # as another process has them
    threading.Timer(0.5, others.stop, (token,)).start()
    with pytest.raises(modules["connection"].QueryFailure, match="arrêtée à la demande"):
        connection.cursor().execute(ENDLESS)
    assert not workers.slots.stop(token)
    assert ask("select 1")[1] == [(1,)]


def test_one_account_leaves_places_to_the_others(modules, workers):
    slots, busy = workers.slots, modules["slots"].Busy
    held = [slots.acquire("heavy", 0), slots.acquire("heavy", 0)]
    with pytest.raises(busy):
        slots.acquire("heavy", 0)
    held.append(slots.acquire("other", 0))
    with pytest.raises(busy):
        slots.acquire("other", 0)
    held.append(slots.acquire("third", 0))
    with pytest.raises(busy):
        slots.acquire("fourth", 0)
    slots.release(held.pop(0))
    slots.release(slots.acquire("fourth", 0))


def test_who_is_slow_to_read_an_answer_keeps_no_place(modules, workers, copy):
    connections = [modules["connection"].creator(workers, copy, {}, "alice", PATIENCE)() for _ in range(9)]
    cursors = [connection.cursor() for connection in connections]
    for cursor in cursors:
        cursor.execute("select value from kpi.rpt_kpi order by all limit 2")
    for cursor in cursors:
        assert cursor.fetchone() == (0,)
        cursor.execute("select 2")
        assert cursor.fetchall() == [(2,)]


def test_an_account_waits_with_few_queries(modules, workers):
    slots = workers.slots
    held = [slots.acquire("heavy", 0) for _ in range(2)]
    for _ in range(6):
        threading.Thread(target=lambda: held.append(slots.acquire("heavy", time.monotonic() + PATIENCE))).start()
    waits_for(lambda: slots._asked["heavy"] == 8)
    with pytest.raises(modules["slots"].Busy):
        slots.acquire("heavy", time.monotonic() + PATIENCE)  # at once: it would take a thread of the server
    slots.release(slots.acquire("other", 0))
    for _ in range(8):
        waits_for(lambda: held)
        slots.release(held.pop())


def test_places_of_a_process_that_dies_are_free(modules, workers):
    code = f"""
        import sys, time
        sys.path.insert(0, {str(SERVER.parent)!r})
        from pathlib import Path
        from query_slots import Slots
        slots = Slots(Path({str(workers.slots._folder)!r}), 4, 8)
        for _ in range(2):
            slots.acquire("heavy", 0)
        print("held", flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(modules["slots"].Busy):
            workers.slots.acquire("heavy", 0)
        process.kill()
    for _ in range(2):
        workers.slots.acquire("heavy", 0)


def test_no_process_is_left_when_the_server_is_killed(copy, tmp_path):
    code = f"""
        import sys
        sys.path.insert(0, {str(SERVER.parent)!r})
        from pathlib import Path
        from query_slots import Slots
        from query_connection import creator
        from query_workers import Limits, Workers
        workers = Workers(Slots(Path({str(tmp_path / "places")!r}), 4, 8), Limits({MEMORY}, 4 << 20))
        connection = creator(workers, {str(copy)!r}, {{}}, "alice", 600)()
        connection.cursor().execute("select 1")
        print("started", flush=True)
        connection.cursor().execute({ENDLESS!r})
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        below = children(process.pid)
        assert len(below) == 2
        process.kill()
    waits_for(lambda: not any(Path(f"/proc/{pid}").exists() and not ended(pid) for pid in below))


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_worker_knows_no_secret_and_writes_no_file(modules, workers, copy, monkeypatch):
    monkeypatch.setenv("SUPERSET_SECRET_KEY", "a secret")
    connection = modules["connection"].creator(workers, copy, {}, "alice", PATIENCE)()
    connection.cursor().execute("select 1")
    worker, template = children(os.getpid())
    for pid in (worker, template):
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = Path(f"/proc/{worker}/limits").read_text()
    assert f"Max address space         {MEMORY}" in limits
    assert "Max file size             0 " in limits
    connection.close()
