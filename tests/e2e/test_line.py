"""The whole line through the command line: what it gives, and what readers have when something in it breaks."""

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest

from core.errors import ExpectedFailure
from core.locks import writer_lock
from privacy import redact
from tests.e2e.line import PLATFORM, Line, dbt_build, ended, kill_session, members, wait_for
from warehouse.publication import Relation, exposed_relations, publish

#: A build is killed within so many seconds after dbt has begun; a kill that hits nothing narrows them.
BUILD_SECONDS = 15.0
#: A kill may come before dbt has begun its first model, or after its last, and hit nothing.
SPARE_KILLS = 8


@pytest.fixture(scope="session")
def export(golden: Line) -> pd.DataFrame:
    """The export as pandas reads it: the independent reading that the figures are held against."""
    return pd.read_csv(golden.export, sep=";", dtype=str, encoding="utf-8-sig", keep_default_na=False)


def answered(export: pd.DataFrame) -> pd.Series:
    return export["Etat expérience"].str.startswith("Traité") | export["Statut de l'expérience"].str.contains(
        "avec réponse"
    )


def share(part: int, whole: int) -> Decimal:
    return (Decimal(int(part)) / Decimal(int(whole))).quantize(Decimal("0.000001"), ROUND_HALF_UP)


class TestFigures:
    def test_every_experience_is_there_by_feeling(self, golden: Line, export: pd.DataFrame) -> None:
        sql = "select feeling, count(experience_id) as n from perception.fct_experience group by 1"
        found = {row["feeling"]: row["n"] for row in json.loads(golden.succeed("query", sql, "--format", "json"))}
        assert found == {name.lower(): n for name, n in export["Ressenti usager"].value_counts().items()}

    @pytest.mark.usefixtures("shared")
    def test_the_real_export_gives_the_figures_that_are_known(self, golden: Line) -> None:
        sql = "select count(experience_id) as n, feeling from perception.fct_experience group by rollup (feeling)"
        assert {feeling: n for n, feeling in golden.rows(sql)} == {
            None: 601,
            "positif": 196,
            "neutre": 198,
            "négatif": 207,
        }
        abroad = "select count(experience_id) from perception.fct_experience where country <> 'France'"
        assert golden.rows(abroad) == [(175,)]
        gendarmerie = (
            "select count(experience_id) from perception.fct_experience where is_gendarmerie and scope = 'gendarmerie'"
        )
        assert golden.rows(gendarmerie) == [(2,)]

    @pytest.mark.parametrize(("period_type", "frequency"), [("month", "M"), ("quarter", "Q"), ("year", "Y")])
    def test_the_answer_rate_is_what_pandas_computes(
        self, golden: Line, export: pd.DataFrame, period_type: str, frequency: str
    ) -> None:
        published_on = pd.to_datetime(export["Date de publication"], format="%d/%m/%Y %H:%M")
        groups = answered(export).groupby(published_on.dt.to_period(frequency)).agg(["sum", "count"])
        expected = {period.start_time.date(): share(row["sum"], row["count"]) for period, row in groups.iterrows()}
        sql = (
            "select period_start, value from kpi.kpi_value where kpi_code = 'answer_rate' and territory_code = 'FR' "
            f"and breakdown_dimension = 'total' and period_type = '{period_type}'"
        )
        assert dict(golden.rows(sql)) == expected
        assert len(expected) > 1 or period_type == "year"

    def test_experiences_add_up_over_territories_and_scopes(self, golden: Line, export: pd.DataFrame) -> None:
        sql = (
            "select territory_level, breakdown_dimension, sum(value) from kpi.kpi_value "
            "where kpi_code = 'experiences' and period_type = 'year' group by all"
        )
        sums = {(level, dimension): value for level, dimension, value in golden.rows(sql)}
        total = len(export)
        for dimension in ("total", "scope"):
            assert sums["nation", dimension] == total
            assert sum(sums.get((level, dimension), 0) for level in ("departement", "abroad", "unknown")) == total

    def test_a_response_time_that_nobody_told_is_absent(self, golden: Line) -> None:
        """This generation has no date of the first answer."""
        counts = "count(value), count(numerator), coalesce(sum(observations), 0)"
        sql = f"select {counts} from kpi.kpi_value where kpi_code like 'response_time%'"
        assert golden.rows(sql) == [(0, 0, 0)]
        kpis = json.loads(golden.succeed("kpi", "list", "--json"))
        shown = {kpi["code"]: kpi["latest_value"] for kpi in kpis}
        assert [shown[f"response_time_{rank}"] for rank in ("median", "p75", "p90")] == [None, None, None]
        assert shown["answer_rate"] is not None

    def test_the_data_is_dated_by_its_last_publication(self, golden: Line, export: pd.DataFrame) -> None:
        last = pd.to_datetime(export["Date de publication"], format="%d/%m/%Y %H:%M").max().date()
        assert golden.rows("select data_as_of from audit.publication") == [(last,)]

    def test_free_text_is_kept_redacted_and_is_not_published(self, golden: Line, export: pd.DataFrame) -> None:
        said = [" ".join(text.split()) for text in export["Description"]]
        plain = {redact(text) for text in said if text and text.isascii()}  # the others are also repaired
        with duckdb.connect(str(golden.home.warehouse), read_only=True) as connection:
            raw = "select description from raw_services_publics_plus.experiences where description is not null"
            kept = [text for (text,) in connection.execute(raw).fetchall()]
        assert len(kept) == sum(bool(text) for text in said)
        assert plain <= set(kept)
        published = (
            "select table_name from duckdb_columns() where not internal and column_name in ('titre', 'description')"
        )
        assert golden.rows(published) == []

    def test_nothing_is_written_but_into_the_home(self, golden: Line) -> None:
        assert not list(golden.desk.rglob("*"))

    def test_only_what_is_exposed_is_published(self, golden: Line) -> None:
        schemas = {schema for (schema,) in golden.rows("select distinct table_schema from information_schema.tables")}
        assert schemas <= {"kpi", "visibility", "perception", "actors", "impact", "signals", "reference", "audit"}
        tables = {table for (table,) in golden.rows("select table_name from information_schema.tables")}
        assert not [table for table in tables if table.endswith("__observations")]

    def test_the_history_holds_every_run_table_and_check(self, golden: Line) -> None:
        with golden.history() as instance:
            runs = {run.job_name: run.status for run in instance.get_runs()}
            assert runs == dict.fromkeys((f"load_{PLATFORM}", "build", "publish"), dg.DagsterRunStatus.SUCCESS)
            for key in (
                ["raw", PLATFORM, "experiences"],
                ["kpi", "perception", "kpi_answer_rate"],
                ["serving", "daily"],
            ):
                event = instance.get_latest_materialization_event(dg.AssetKey(key))
                assert event is not None, key


def test_a_second_load_changes_nothing_and_a_bad_file_neither(line: Line) -> None:
    loaded = "select _dlt_load_id, count(id_experience) from raw_services_publics_plus.experiences group by 1"
    before, published_before = raw(line, loaded), line.publication()
    total = before[0][1]
    summary = line.succeed("load", PLATFORM, "--file", str(line.export))
    assert f"{total} read, 0 new, 0 updated, {total} unchanged, 0 quarantined" in summary
    page = line.desk / "maintenance.csv"
    page.write_text("<!DOCTYPE html><html><body>Service indisponible</body></html>\n")
    sentence = line.refuse("load", PLATFORM, "--file", str(page))
    for word in (PLATFORM, "maintenance.csv", "web page"):
        assert word in sentence
    assert raw(line, loaded) == before
    assert page.exists(), "a file that was given is not ours to remove"
    assert line.publication() == published_before


def raw(line: Line, sql: str) -> list[tuple]:
    """Read the warehouse in its turn: a process that was killed holds it until its last thread is gone."""
    with writer_lock(line.home.warehouse), duckdb.connect(str(line.home.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def corrupt(line: Line, sql: str) -> None:
    with writer_lock(line.home.warehouse), duckdb.connect(str(line.home.warehouse)) as connection:
        connection.execute(sql)


def test_a_doubled_row_is_named_and_holds_back_its_kpis(line: Line) -> None:
    corrupt(
        line,
        "insert into raw_services_publics_plus.experiences "
        "select * replace ('twice-' || _dlt_id as _dlt_id) from raw_services_publics_plus.experiences limit 1",
    )
    built = line.run("build", "--select", "stg_services_publics_plus__experience+1")
    assert built.code == 0, built.err
    assert "answer_rate is held back by the check unique" in built.out


def test_nothing_is_published_when_a_blocking_check_fails(line: Line) -> None:
    before = line.publication()
    corrupt(line, "update audit.build_status set status = 'fail' where name = 'unique_dim_territory_territory_code'")
    sentence = line.refuse("publish")
    assert "fail" in sentence
    assert line.publication() == before
    done = line.run("doctor", "--json")
    (build,) = (finding for finding in json.loads(done.out) if finding["subject"] == "build")
    assert build["state"] == "broken"
    assert "cyberimpact build" in build["remedy"]


def test_a_part_is_built_and_published(line: Line) -> None:
    before, publication = line.counts(), line.publication()
    assert line.succeed("build", "--select", "kpi_positive_share+").strip()
    line.succeed("publish")
    assert line.publication() != publication
    assert line.counts() == before


def test_a_part_that_does_not_exist_is_named(empty: Line) -> None:
    assert "kpi_that_is_none" in empty.refuse("build", "--select", "kpi_that_is_none")


def relations(line: Line) -> Sequence[Relation]:
    return exposed_relations(json.loads((line.home.dbt_target / "manifest.json").read_bytes()))


def kill_builds(line: Line, monkeypatch: pytest.MonkeyPatch, kills: int, *part: str) -> None:
    """Kill builds at random moments of dbt's work; publication refuses as long as the last one was cut short.

    Args:
        line: A home that was built and published.
        monkeypatch: Names the home.
        kills: How many builds are killed, at least.
        part: The options that say what is built, whatever has news.
    """
    monkeypatch.setenv("CYBERIMPACT_HOME", str(line.home.root))
    chance = random.Random(kills + 1)
    counts, publication = line.counts(), line.publication()
    interrupted, earliest, latest = 0, 0.0, BUILD_SECONDS
    for attempt in range(kills + SPARE_KILLS):
        if attempt >= kills and interrupted:
            break
        last_finish = raw(line, "select max(finished_at) from audit.build_status")
        with ended(line.start("build", *part)) as process:
            wait_for(lambda process=process: dbt_build(process.pid), 120)
            delay = chance.uniform(earliest, latest)
            deadline = time.monotonic() + delay
            while time.monotonic() < deadline and dbt_build(process.pid):
                time.sleep(0.1)
            kill_session(process.pid)
        unsound = raw(line, "select count(*) from audit.build_status where status not in ('success', 'pass', 'warn')")
        if unsound == [(0,)]:
            if raw(line, "select max(finished_at) from audit.build_status") == last_finish:
                earliest, latest = delay, max(latest, 2 * delay)  # too early
            else:
                latest = delay  # too late
            assert publish(line.home, relations(line)).rows
            publication = line.publication()
        else:
            interrupted, earliest, latest = interrupted + 1, 0.0, BUILD_SECONDS
            with pytest.raises(ExpectedFailure, match="cyberimpact build"):
                publish(line.home, relations(line))
        assert line.counts() == counts
        assert line.publication() == publication
    assert interrupted, "no kill hit a build"
    line.succeed("build", *part)
    line.succeed("publish")
    assert line.counts() == counts


@pytest.mark.proof
def test_twenty_killed_builds_leave_readers_what_they_had(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_builds(line, monkeypatch, 20, "--full")


@pytest.mark.proof
def test_twenty_killed_loads_lose_and_double_nothing(empty: Line, golden: Line) -> None:
    chance = random.Random(20)
    load = ("load", PLATFORM, "--file", str(empty.export))
    for _ in range(20):
        with ended(empty.start(*load)) as process:
            wait_for(empty.home.locks.exists, 120)
            deadline = time.monotonic() + chance.uniform(0, 15)
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.05)
            kill_session(process.pid)
    empty.succeed(*load)
    empty.succeed("build")
    empty.succeed("publish")
    assert empty.counts() == golden.counts()
    keys = "select count(id_experience), count(distinct id_experience) from raw_services_publics_plus.experiences"
    assert raw(empty, keys) == raw(golden, keys)


@pytest.mark.proof
def test_a_build_that_loses_its_command_alone_is_followed_by_a_sound_one(line: Line) -> None:
    """The orphaned dbt goes on; whoever comes next waits for it, and neither of them spoils what the other made."""
    counts = line.counts()
    with ended(line.start("build")) as process:
        wait_for(lambda: dbt_build(process.pid), 120)
        process.kill()
        process.wait()
        assert dbt_build(process.pid), "dbt lives on by itself"
        line.succeed("build")
        line.succeed("publish")
    assert line.counts() == counts


@pytest.mark.proof
def test_a_command_that_waits_for_a_dead_one_goes_on(line: Line) -> None:
    """No daemon runs here: who waits for the slot of a dead run says so, and has to see by itself that it is dead."""
    with ended(line.start("build")) as first:
        wait_for(lambda: dbt_build(first.pid), 120)
        for pid, _ in members(first.pid):
            os.kill(pid, signal.SIGSTOP)  # it is not to end by itself meanwhile
        with ended(line.start("load", PLATFORM, "--file", str(line.export))) as second:
            with line.history() as instance:
                waiting = dg.RunsFilter(job_name=f"load_{PLATFORM}", statuses=[dg.DagsterRunStatus.STARTED])
                (run,) = wait_for(lambda: instance.get_runs(waiting), 120)
                pool = instance.event_log_storage
                wait_for(lambda: run.run_id in pool.get_concurrency_info("warehouse").pending_run_ids, 60)
            kill_session(first.pid)
            output, errors = second.communicate(timeout=120)
            assert second.returncode == 0, errors
            assert "unchanged" in output
            assert "Waiting" in errors


def test_an_empty_home_says_what_comes_first(empty: Line) -> None:
    assert "cyberimpact build" in empty.refuse("publish")
    assert "cyberimpact build" in empty.refuse("query", "select 1")


@pytest.mark.proof
def test_a_home_with_nothing_loaded_builds_and_publishes(empty: Line) -> None:
    """A platform never loaded counts as empty; territories and calendar are complete from seeds."""
    empty.succeed("build")
    empty.succeed("publish")
    assert empty.rows("select count(experience_id) from perception.fct_experience") == [(0,)]
    assert empty.rows("select count(territory_code) > 100 from reference.dim_territory") == [(True,)]
    assert empty.rows("select data_as_of from audit.publication") == [(None,)]


def test_two_homes_do_not_touch(golden: Line, tmp_path: Path) -> None:
    other = Line(type(golden.home)(tmp_path / "other"), golden.export, golden.desk)
    assert "publish" in other.refuse("query", "select 1")
