"""What Spark, its lake and its Java say of a failure becomes a sentence with its remedy; no cluster is needed."""

import os
from pathlib import Path

import duckdb
import pytest

from core import settings
from core.errors import ExpectedFailure
from warehouse.spark import cluster, failures, files
from warehouse.spark.lake import Lake

GRPC = """<_MultiThreadedRendezvous of RPC that terminated with:
\tstatus = StatusCode.UNAVAILABLE
\tdetails = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:15002: Connection refused"
>"""
SHUFFLE = "[INTERNAL_ERROR] Job aborted due to stage failure: java.io.IOException: No space left on device"
FILE = "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:/srv/lake/daily/kpi/kpi_visits/p.parquet"
ROWS = """An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "/srv/analytics/relations.py", line 66, in _mapped
    raise RowsFailed(f"{type(problem).__name__} in {where}")
analytics.relations.RowsFailed: FileNotFoundError in read, line 3 of places.py, mapping placed over a batch of 9 rows.
"""
CAST_WORDS = "[CAST_INVALID_INPUT] The value 'abc' cannot be cast to BIGINT."
CAST = f"{CAST_WORDS}\n\nJVM stacktrace:\norg.apache.spark.SparkException"


@pytest.mark.parametrize(
    ("said", "sentence", "remedy"),
    [
        (GRPC, "The Spark driver was lost", "make cluster"),
        ("[INVALID_HANDLE.SESSION_CHANGED] The handle is invalid", "The Spark driver was lost", "build again"),
        (SHUFFLE, "The disk of the lake, or the one on which", "Free some space"),
        (FILE, "A file of the table kpi.kpi_visits is missing", "cyberimpact build --full"),
        ("java.io.IOException: Mkdirs failed to create file:/srv/lake/x", "Spark may not write the lake", "doctor"),
        ("[PYTHON_VERSION_MISMATCH] Python in worker has different version", "The Python of Spark's", "PYSPARK_PYTHON"),
        (ROWS, "A function failed in an executor: FileNotFoundError in read, line 3 of places.py", "Correct it there"),
        ("[PYTHON] PackageNotFoundError: No package metadata was found", "The Python of Spark's", "PYSPARK_PYTHON"),
        ("java.lang.OutOfMemoryError: Java heap space", "Spark ran out of memory", "DRIVER_MEMORY"),
    ],
)
def test_a_known_failure_has_its_sentence_and_remedy(said: str, sentence: str, remedy: str) -> None:
    words = failures.words(said)
    assert words.startswith(sentence)
    assert remedy in words
    assert "StatusCode" not in words


def test_another_failure_keeps_sparks_own_words_without_the_stack_of_its_code() -> None:
    assert failures.words(CAST) == CAST_WORDS
    assert failures.of(CAST) is None


def test_only_a_lost_driver_may_come_back_by_itself() -> None:
    assert failures.is_lost(failures.words(GRPC))
    assert not failures.is_lost(failures.words(SHUFFLE))


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (None, "there is none on this machine"),
        ('openjdk version "11.0.25" 2024-10-15', "this machine runs 11.0.25"),
        ('openjdk version "24" 2025-03-18', "this machine runs 24"),
    ],
)
def test_a_java_that_spark_does_not_run_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None, what: str
) -> None:
    java = tmp_path / "java"
    if said:
        java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExpectedFailure, match=what) as refused:
        cluster.java()
    assert "openjdk-17-jre-headless" in refused.value.remedy


def test_the_two_versions_of_java_that_spark_runs_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    for version in ("17.0.21", "21.0.5"):
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-10-20' >&2\n")
        java.chmod(0o755)
        assert cluster.java() == version


class TestFiles:
    """A lake of two tables and an archive."""

    @pytest.fixture
    def lake(self, tmp_path: Path) -> Lake:
        lake = Lake(tmp_path / "lake" / "daily", "cyberimpact_home_daily")
        tables = [("kpi", "kpi_visits"), ("kpi", "kpi_calls"), ("visibility", "fct_mention__versions")]
        for schema, name in tables:
            folder = lake.table_folder(schema, name)
            folder.mkdir(parents=True)
            (folder / "_SUCCESS").touch()
            duckdb.execute(f"copy (select 1 as number) to '{folder}/part-0.parquet' (format parquet)")
        files.record(lake, tables)
        return lake

    def test_what_nobody_has_changed_passes(self, lake: Lake) -> None:
        (lake.table_folder("kpi", "kpi_visits") / "_temporary").mkdir()
        files.refuse_changed(lake)
        assert files.changed(lake) == []

    @pytest.mark.parametrize("change", ["written", "added", "removed"])
    def test_a_table_whose_files_were_changed_is_named(self, lake: Lake, change: str) -> None:
        file = lake.table_folder("kpi", "kpi_visits") / "part-0.parquet"
        match change:
            case "written":
                duckdb.execute(f"copy (select 2 as number) to '{file}' (format parquet)")
            case "added":
                (file.parent / "part-1.parquet").write_bytes(file.read_bytes())
            case "removed":
                file.unlink()
        with pytest.raises(ExpectedFailure, match=r"Files of kpi\.kpi_visits in .* were changed") as refused:
            files.refuse_changed(lake)
        assert "cyberimpact build --full" in refused.value.remedy

    def test_an_archive_comes_from_a_backup(self, lake: Lake) -> None:
        (lake.table_folder("visibility", "fct_mention__versions") / "part-0.parquet").unlink()
        with pytest.raises(ExpectedFailure) as refused:
            files.refuse_changed(lake)
        assert "fct_mention__versions cannot be made again: put its files back from a backup" in refused.value.remedy

    def test_a_table_that_is_built_again_is_known_anew(self, lake: Lake) -> None:
        (lake.table_folder("kpi", "kpi_visits") / "part-0.parquet").unlink()
        files.record(lake, [("kpi", "kpi_visits")])
        assert files.changed(lake) == []
        files.record(lake, [("kpi", "kpi_new")])
        assert files.recorded(lake).keys() == {
            "kpi.kpi_visits",
            "kpi.kpi_calls",
            "kpi.kpi_new",
            "visibility.fct_mention__versions",
        }


def test_the_settings_of_a_cluster_elsewhere_are_those_that_a_session_sets() -> None:
    lines = (settings.CHECKOUT / "deploy" / "spark" / "spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines if line.startswith("spark."))
    sized = {"spark.sql.autoBroadcastJoinThreshold": str(1 << 20)}
    assert shown["spark.sql.autoBroadcastJoinThreshold"] == "1m"
    assert cluster.SESSION.items() <= (shown | sized).items()
