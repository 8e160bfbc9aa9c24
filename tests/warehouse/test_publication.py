"""What readers are given is a whole, sound build, and nothing that happens to a publication shows to them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from core.errors import ExpectedFailure
from core.settings import Home
from tests.handmade import RELATIONS, ROWS, write_warehouse
from warehouse import publication, published
from warehouse.publication import Relation, exposed_relations, former_names, publish


def builds(home: Home) -> set[str]:
    """The names of the builds that are kept, the link and what is hidden left out."""
    return {
        path.name
        for path in (home.published / "daily").iterdir()
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
    }


def generation(home: Home) -> int:
    with published.connect(home) as connection:
        return connection.execute("select distinct generation from kpi.kpi_value").fetchone()[0]


def test_the_copy_holds_what_the_warehouse_holds(home: Home) -> None:
    write_warehouse(home, 7)
    made = publish(home, RELATIONS)
    assert made.rows == {RELATIONS[0]: ROWS, RELATIONS[1]: ROWS, RELATIONS[2]: 1}
    assert made.data_as_of == date(2026, 1, 8)
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{home.warehouse}' as warehouse (read_only)")
        connection.execute(f"attach '{made.file}' as copy (read_only)")
        for relation in RELATIONS:
            original, copy = relation.quoted("warehouse"), relation.quoted("copy")
            difference = f"(from {original} except all from {copy}) union all (from {copy} except all from {original})"
            assert connection.execute(difference).fetchall() == []


def test_the_copy_holds_nothing_else(home: Home) -> None:
    write_warehouse(home)
    publish(home, RELATIONS)
    with published.connect(home) as connection:
        query = "select schema_name, table_name from duckdb_tables() where database_name = 'serving'"
        assert set(connection.execute(query).fetchall()) == {*RELATIONS, ("audit", "publication")}


def test_the_copy_shows_a_renamed_table_by_its_former_name_too(home: Home) -> None:
    write_warehouse(home, 7)
    made = publish(home, RELATIONS, former={RELATIONS[0]: "kpi_score"})
    assert made.rows.keys() == {*RELATIONS}
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema kpi; create table kpi.kpi_value as select 'another file' as kpi_code")
        connection.execute(f"attach '{made.file}' as copy (read_only)")
        former = connection.execute("from copy.kpi.kpi_score order by all").fetchall()
        assert former == connection.execute("from copy.kpi.kpi_value order by all").fetchall()
    assert len(former) == ROWS


def test_the_copy_carries_the_comments(home: Home) -> None:
    write_warehouse(home)
    publish(home, RELATIONS)
    with published.connect(home) as connection:
        table = connection.execute("select comment from duckdb_tables() where table_name = 'kpi_value'").fetchone()
        column = connection.execute("select comment from duckdb_columns() where column_name = 'kpi_code'").fetchone()
    assert table == ("Les valeurs d'un « indicateur »",)
    assert column == ("Code : l'identifiant",)


def test_the_copy_says_which_publication_it_is(home: Home) -> None:
    write_warehouse(home, 3)
    before = datetime.now(UTC)
    made = publish(home, RELATIONS)
    with published.connect(home) as connection:
        row = connection.execute(
            "select publication_id, published_at, data_as_of, code_version from audit.publication"
        ).fetchone()
    assert row == (made.publication_id, made.published_at, date(2026, 1, 4), made.code_version)
    assert before <= made.published_at.astimezone(UTC) <= datetime.now(UTC)
    assert made.code_version


def test_no_data_has_no_date(home: Home) -> None:
    write_warehouse(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("update audit.freshness set data_as_of = null")
    assert publish(home, RELATIONS).data_as_of is None


@pytest.mark.parametrize("status", ["running", "pending", "error", "fail", "skipped"])
def test_a_build_that_is_not_sound_is_refused_and_the_node_is_named(home: Home, status: str) -> None:
    write_warehouse(home, 1)
    publish(home, RELATIONS)
    write_warehouse(home, 2, nodes={"dim_calendar": "success", "kpi_answer_rate": status, "not_null_kpi": "pass"})
    with pytest.raises(ExpectedFailure) as refused:
        publish(home, RELATIONS)
    assert "kpi_answer_rate" in refused.value.what
    assert status in refused.value.what
    assert "dim_calendar" not in refused.value.what
    assert "cyberimpact build" in refused.value.remedy
    assert generation(home) == 1, "readers keep the former copy"


@pytest.mark.parametrize("status", ["success", "pass", "warn", "held_back"])
def test_a_sound_build_is_published(home: Home, status: str) -> None:
    write_warehouse(home, 1, nodes={"kpi_answer_rate": status})
    publish(home, RELATIONS)
    assert generation(home) == 1


def test_a_status_that_nobody_has_declared_sound_is_refused(home: Home) -> None:
    """dbt may end a node in ways that no list of bad ones foresees: `runtime error`, `partial success`, `no-op`."""
    write_warehouse(home, 1, nodes={"kpi_answer_rate": "runtime error"})
    with pytest.raises(ExpectedFailure, match="kpi_answer_rate"):
        publish(home, RELATIONS)


def test_many_failures_are_counted_not_listed(home: Home) -> None:
    write_warehouse(home, nodes={f"model_{number:02}": "error" for number in range(30)})
    with pytest.raises(ExpectedFailure) as refused:
        publish(home, RELATIONS)
    named = refused.value.what.count("model_")
    assert 0 < named < 30
    assert f"{30 - named} more" in refused.value.what


def test_an_empty_home_is_refused(home: Home) -> None:
    with pytest.raises(ExpectedFailure, match="cyberimpact build"):
        publish(home, RELATIONS)


def test_a_warehouse_that_was_loaded_but_never_built_is_refused(home: Home) -> None:
    home.root.mkdir()
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema raw_services_publics_plus")
    with pytest.raises(ExpectedFailure, match="cyberimpact build"):
        publish(home, RELATIONS)


@pytest.mark.parametrize("missing", ["kpi.kpi_value", "audit.freshness"])
def test_a_table_that_is_missing_is_named(home: Home, missing: str) -> None:
    write_warehouse(home, 1)
    publish(home, RELATIONS)
    write_warehouse(home, 2)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(f"drop table {missing}")
    with pytest.raises(ExpectedFailure, match=missing):
        publish(home, RELATIONS)
    assert generation(home) == 1


def test_the_date_of_the_data_needs_its_table_even_when_that_is_not_exposed(home: Home) -> None:
    write_warehouse(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("drop table audit.freshness")
    with pytest.raises(ExpectedFailure, match=r"audit\.freshness"):
        publish(home, RELATIONS[:2])


def test_a_warehouse_that_cannot_be_read_gives_a_sentence(home: Home) -> None:
    home.root.mkdir()
    home.warehouse.write_bytes(b"this is no database" * 1000)
    with pytest.raises(ExpectedFailure, match=r"warehouse\.duckdb"):
        publish(home, RELATIONS)


def test_a_refusal_leaves_nothing_behind(home: Home) -> None:
    write_warehouse(home, nodes={"kpi_answer_rate": "fail"})
    for _ in range(2):
        with pytest.raises(ExpectedFailure):
            publish(home, RELATIONS)
    write_warehouse(home)
    publish(home, RELATIONS)
    assert len(builds(home)) == 1
    assert {path.name for path in (home.published / "daily").iterdir()} == {*builds(home), "current"}


def test_current_is_a_relative_link_to_the_folder_of_the_last_publication(home: Home) -> None:
    write_warehouse(home, 1)
    publish(home, RELATIONS)
    write_warehouse(home, 2)
    second = publish(home, RELATIONS)
    link = home.published / "daily" / "current"
    assert link.is_symlink()
    assert link.is_dir()
    assert link.readlink() == Path(second.publication_id), "a home that is moved keeps its publications"
    assert (link / "serving.duckdb").resolve() == second.file.resolve()


def test_the_copy_is_one_file_without_a_log_beside_it(home: Home) -> None:
    write_warehouse(home)
    made = publish(home, RELATIONS)
    assert [path.name for path in made.file.parent.iterdir()] == ["serving.duckdb"]


def test_the_last_three_builds_are_kept(home: Home) -> None:
    """Several fall into one second: what counts is their order, not what their names sort to."""
    write_warehouse(home)
    made: list[str] = []
    for _ in range(12):
        made.append(publish(home, RELATIONS).publication_id)
        assert builds(home) == {*made[-3:]}


class ClockSetBack(datetime):
    """A clock that is an hour earlier at each look."""

    moment = datetime(2026, 3, 29, 12, tzinfo=UTC)

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # noqa: ARG003
        cls.moment -= timedelta(hours=1)
        return cls.moment


def test_a_clock_that_is_set_back_does_not_cost_the_current_build(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "datetime", ClockSetBack)
    for number in range(5):
        write_warehouse(home, number)
        publish(home, RELATIONS)
        assert generation(home) == number


def test_what_a_dead_publication_left_is_swept(home: Home) -> None:
    write_warehouse(home, 1)
    publish(home, RELATIONS)
    daily = home.published / "daily"
    partial = daily / ".20260101T000000Z-abcdef.partial"
    partial.mkdir()
    (partial / "serving.duckdb").write_bytes(b"half")
    (partial / "serving.duckdb.wal").write_bytes(b"half")
    (daily / ".current.20260101T000000Z-abcdef").symlink_to("20260101T000000Z-abcdef")
    publish(home, RELATIONS)
    assert {path.name for path in daily.iterdir()} == {*builds(home), "current"}


def test_a_reader_that_stays_keeps_its_build(home: Home) -> None:
    write_warehouse(home, 0)
    publish(home, RELATIONS)
    with published.connect(home) as connection:
        for number in range(1, 6):
            write_warehouse(home, number)
            publish(home, RELATIONS)
        for relation in RELATIONS:
            found = connection.execute(f"select distinct generation from {relation.quoted('serving')}")
            assert found.fetchall() == [(0,)]
    assert generation(home) == 5


def test_publication_waits_for_the_writer(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever holds the lock when a publication begins: the copy is made inside the lock."""
    taken: list[Path] = []

    def lock(file: Path) -> Iterator[None]:
        taken.append(file)
        raise InterruptedError

    monkeypatch.setattr(publication, "writer_lock", lock)
    write_warehouse(home)
    with pytest.raises(InterruptedError):
        publish(home, RELATIONS)
    assert taken == [home.warehouse]
    assert builds(home) == set()


def node(resource_type: str, schema: str, name: str, *, exposed: bool, alias: str | None = None) -> dict:
    return {
        "resource_type": resource_type,
        "schema": schema,
        "name": name,
        "alias": alias,
        "config": {"meta": {"exposed": True}} if exposed else {"meta": None},
    }


def test_only_what_was_renamed_and_is_exposed_has_a_former_name() -> None:
    renamed = node("model", "kpi", "rpt_kpi", exposed=True)
    hidden = node("model", "signals", "int_topic", exposed=False)
    for of, former in ((renamed, "kpi_reading"), (hidden, "signal_topic")):
        of["config"] = {"meta": {**(of["config"]["meta"] or {}), "formerly": former}}
    nodes = {"a": renamed, "b": hidden, "c": node("model", "kpi", "kpi_value", exposed=True)}
    assert former_names({"nodes": nodes}) == {Relation("kpi", "rpt_kpi"): "kpi_reading"}


def test_only_what_is_marked_is_exposed() -> None:
    manifest = {
        "nodes": {
            "a": node("model", "kpi", "kpi_value", exposed=True),
            "b": node("model", "kpi", "kpi_value__observations", exposed=False),
            "c": node("seed", "reference", "regions", exposed=True),
            "d": node("model", "perception", "fct", exposed=True, alias="fct_experience"),
            "e": node("test", "audit", "not_null", exposed=True),
        },
        "sources": {"f": node("source", "raw_services_publics_plus", "experiences", exposed=True)},
    }
    assert exposed_relations(manifest) == [
        Relation("kpi", "kpi_value"),
        Relation("perception", "fct_experience"),
        Relation("reference", "regions"),
    ]
