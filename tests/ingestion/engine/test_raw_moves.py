"""Raw tables that move between the database and the lake: the same rows, loads and cursors in both, whatever breaks."""

from datetime import date
from functools import partial

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import ExpectedFailure
from ingestion.engine import raw_lake, raw_moves
from ingestion.engine.loading import ensure_tables, load
from ingestion.engine.raw_moves import move
from ingestion.erasure import erase, purge
from tests.ingestion import conftest
from tests.ingestion.drops import counts
from tests.ingestion.engine.test_raw_lake import NOW, PLATFORM, TABLES, files_of, mention, parquet, refused

ask = partial(conftest.ask, name=PLATFORM)
NAMES = [table.name for table in TABLES]


class Died(Exception):
    """The end of a process in the middle of a move."""


@pytest.fixture
def setting(monkeypatch):
    """Say where the raw tables of listening are to lie."""
    monkeypatch.delenv(raw_lake.ADDRESS_SETTING, raising=False)
    return partial(monkeypatch.setenv, raw_lake.PLATFORMS_SETTING)


@pytest.fixture
def loaded(home, setting, tmp_path):
    """A home with two loads of listening; the second one changed a row of the first."""
    setting("")
    load(PLATFORM, file=parquet(tmp_path, [mention(number) for number in range(5)]))
    load(PLATFORM, file=parquet(tmp_path, [mention(4, likes=7), mention(5)], "later.parquet"))
    return home


def rows_of(home):
    """Return the rows of each table, with the load that each comes from."""
    columns = {table.name: ", ".join(f'"{declared.name}"' for declared in table.fields) for table in TABLES}
    return {
        name: ask(home, f"select {named}, _content_hash, _dlt_load_id, _dlt_id from {name} order by all")
        for name, named in columns.items()
    }


def kinds_of(home):
    query = "select table_name, table_type from information_schema.tables where table_schema = 'raw_listening'"
    kinds = dict(ask(home, query))
    return {kinds[name] for name in NAMES}


def interrupt(monkeypatch, owner, step):
    """Begin a move that dies at a step."""

    def die(*_arguments, **_named):
        raise Died

    with monkeypatch.context() as broken:
        broken.setattr(owner, step, die)
        with pytest.raises(Died):
            move(PLATFORM)


def test_rows_loads_and_cursors_move_into_the_lake_and_back(home, setting, sandbox, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_LISTENING_API_KEY", "jeton")
    monkeypatch.setenv("CYBERIMPACT_HTTP_READ_SECONDS", "20")
    setting("")
    sandbox.today = conftest.FIRST_TODAY
    first = counts(load(PLATFORM))
    sandbox.today = date(2025, 4, 1)
    load(PLATFORM)
    again = counts(load(PLATFORM))
    assert again[0] < first[0] / 2, "a load with a cursor reads the end only"
    before, loads = rows_of(home), ask(home, "select load_id, inserted_at from _dlt_loads order by all")

    setting(PLATFORM)
    assert move(PLATFORM) == {name: len(rows) for name, rows in before.items()}
    assert kinds_of(home) == {"VIEW"}
    assert rows_of(home) == before
    assert set(loads) <= set(ask(home, "select load_id, inserted_at from _dlt_loads"))
    assert {path.parent.name for path in files_of(home)} == {f"load_id={row[-2]}" for row in before["mentions"]}
    assert counts(load(PLATFORM)) == again
    sandbox.today = date(2025, 4, 2)
    assert counts(load(PLATFORM))[1] > 0
    more = rows_of(home)

    setting("")
    assert move(PLATFORM) == {name: len(rows) for name, rows in more.items()}
    assert kinds_of(home) == {"BASE TABLE"}
    assert rows_of(home) == more
    assert not list(home.raw_lake.rglob("*.parquet"))
    assert counts(load(PLATFORM))[1:3] == (0, 0)
    sandbox.today = date(2025, 4, 3)
    read, new, *_ = counts(load(PLATFORM))
    assert new > 0
    assert read < first[0] / 2


def loads_of(home):
    return ask(home, "select load_id from _dlt_loads order by all")


def refuse_all(home):
    """Check that nothing adds or removes rows while they lie in two places."""
    file = parquet(home.root, [mention(7)], "meanwhile.parquet")
    for call in (partial(load, PLATFORM, file=file), partial(purge, NOW), partial(erase, f"p_{0:032x}")):
        assert "cyberimpact raw move listening" in refused(call)


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (raw_lake.Lake, "add"),
        (raw_lake.Lake, "note_loads"),
        (raw_moves, "_continue"),
        (raw_lake.Lake, "refresh"),
        (raw_lake.Lake, "create_views"),
        (raw_moves, "_ended"),
    ],
)
def test_a_move_into_the_lake_that_is_interrupted_leaves_the_database_and_is_begun_again(
    loaded, setting, monkeypatch, owner, step
):
    before, loads = rows_of(loaded), loads_of(loaded)
    setting(PLATFORM)
    interrupt(monkeypatch, owner, step)
    assert rows_of(loaded) == before
    refuse_all(loaded)
    assert loads_of(loaded) == loads
    move(PLATFORM)
    assert rows_of(loaded) == before
    assert kinds_of(loaded) == {"VIEW"}


@pytest.mark.parametrize(
    ("owner", "step"),
    [(raw_moves, "_continue"), (raw_moves, "_make_table"), (raw_moves, "_ended"), (raw_lake.Lake, "clear")],
)
def test_a_move_out_of_the_lake_that_is_interrupted_is_ended_by_the_next(loaded, setting, monkeypatch, owner, step):
    setting(PLATFORM)
    move(PLATFORM)
    before = rows_of(loaded)
    setting("")
    interrupt(monkeypatch, owner, step)
    assert rows_of(loaded) == before
    refuse_all(loaded)
    move(PLATFORM)
    assert rows_of(loaded) == before
    assert kinds_of(loaded) == {"BASE TABLE"}
    assert not list(loaded.raw_lake.rglob("*.parquet"))


def test_a_move_into_the_lake_that_is_given_up_leaves_no_file_there(loaded, setting, monkeypatch):
    before, loads = rows_of(loaded), loads_of(loaded)
    setting(PLATFORM)
    interrupt(monkeypatch, raw_lake.Lake, "note_loads")
    assert files_of(loaded)
    setting("")
    refuse_all(loaded)
    move(PLATFORM)
    assert not list(loaded.raw_lake.rglob("*.parquet"))
    assert rows_of(loaded) == before
    assert loads_of(loaded) == loads
    load(PLATFORM, file=parquet(loaded.root, [mention(6)], "last.parquet"))


@pytest.mark.usefixtures("loaded")
def test_before_the_move_nothing_is_loaded_or_removed(home, setting):
    loads = loads_of(home)
    setting(PLATFORM)
    refuse_all(home)
    assert loads_of(home) == loads
    assert move(PLATFORM)["mentions"] == 6


def test_a_row_that_would_be_lost_stops_the_move(home, setting, tmp_path):
    setting("")
    load(PLATFORM, file=parquet(tmp_path, [mention(1), mention(2)]))
    ask(home, "delete from _dlt_loads")  # a load that wrote its rows, and never ended
    before = rows_of(home)
    setting(PLATFORM)
    assert "mentions" in refused(move, PLATFORM)
    assert rows_of(home) == before
    assert kinds_of(home) == {"BASE TABLE"}


def test_rows_of_another_database_in_the_lake_are_left_alone(home, setting, tmp_path, monkeypatch):
    setting(PLATFORM)
    load(PLATFORM, file=parquet(tmp_path, [mention(1)]))
    [kept] = files_of(home)
    monkeypatch.setenv(raw_lake.ADDRESS_SETTING, str(home.raw_lake))
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("CYBERIMPACT_HOME", str(other))
    setting("")
    load(PLATFORM, file=parquet(tmp_path, [mention(2)]))
    setting(PLATFORM)
    with pytest.raises(ExpectedFailure, match="holds rows of listening that the database never had"):
        move(PLATFORM)
    assert kept.exists()


def test_a_column_that_the_contract_has_since_does_not_stop_the_move(loaded, setting):
    ask(loaded, "alter table mentions drop column views")
    setting(PLATFORM)
    assert move(PLATFORM)["mentions"] == 6
    assert ask(loaded, "select count(*), count(views) from mentions") == [(6, 0)]


def test_a_column_that_the_contract_no_longer_has_is_not_shown(loaded, setting):
    ask(loaded, "alter table mentions add column former varchar")
    setting(PLATFORM)
    assert move(PLATFORM)["mentions"] == 6
    assert "former" not in {name for (name,) in ask(loaded, "select column_name from (describe mentions)")}


@pytest.mark.usefixtures("home")
def test_tables_without_a_row_become_views_at_the_next_load(setting):
    setting("")
    ensure_tables(PLATFORM)
    setting(PLATFORM)
    assert move(PLATFORM) == {}
    ensure_tables(PLATFORM)


@pytest.mark.usefixtures("home")
def test_where_all_lies_there_already_nothing_moves(setting, tmp_path):
    setting("")
    assert move(PLATFORM) == {}
    load(PLATFORM, file=parquet(tmp_path, [mention(1)]))
    assert move(PLATFORM) == {}
    setting(PLATFORM)
    assert move(PLATFORM)["mentions"] == 1
    assert move(PLATFORM) == {}


@pytest.mark.usefixtures("home")
def test_the_command_prints_the_rows_of_each_table(setting, tmp_path):
    runner = CliRunner()
    setting("")
    load(PLATFORM, file=parquet(tmp_path, [mention(1), mention(2)]))
    setting(PLATFORM)
    assert "mentions: 2 rows" in runner.invoke(app, ["raw", "move", PLATFORM]).output
    again = runner.invoke(app, ["raw", "move", PLATFORM]).output
    assert again == "The raw tables of listening lie in the lake.\n"
