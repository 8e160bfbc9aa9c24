"""The archive of an engine that may only append, run on DuckDB: nothing lost or twice, the newest rows shown."""

import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from warehouse import dbt_project

PROJECT = """
name: archive
profile: archive
model-paths: [models]
macro-paths: [macros]
flags: {hints_enabled: false}
"""
PROFILE = """
archive:
  target: only
  outputs:
    only: {type: duckdb, path: "{{ env_var('ARCHIVE') }}"}
"""
MODEL = """
{{ config(materialized='archive', unique_key='key', full_refresh=false) }}
select key, place, load_id{{ var('more', '') }} from main.brought
"""
CONTRACT = """
models:
  - name: kept
    config: {contract: {enforced: true}}
    columns:
      - {name: key, data_type: string}
      - {name: place, data_type: string}
      - {name: load_id, data_type: string}
"""
WITH_ONE_MORE = CONTRACT + "      - {name: reach, data_type: bigint}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the archive as its macros have it."""
    (tmp_path / "models").mkdir()
    (tmp_path / "macros").mkdir()
    (tmp_path / "macros" / "archive.sql").write_text((dbt_project.PROJECT_DIR / "macros" / "archive.sql").read_text())
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILE)
    (tmp_path / "models" / "kept.sql").write_text(MODEL)
    (tmp_path / "models" / "kept.yml").write_text(CONTRACT)
    monkeypatch.setenv("ARCHIVE", str(tmp_path / "archive.duckdb"))
    return tmp_path


def bring(project: Path, *rows: tuple[str, str | None, str]) -> None:
    """Leave the rows that the next build finds."""
    with duckdb.connect(str(project / "archive.duckdb")) as connection:
        connection.execute("create or replace table brought (key varchar, place varchar, load_id varchar)")
        connection.executemany("insert into brought values (?, ?, ?)", rows)


def build(project: Path, *options: str) -> list[tuple]:
    """Build, and return the rows that are shown."""
    done = subprocess.run(
        [dbt_project.DBT, "--quiet", "run", *options],
        cwd=project,
        env=os.environ | {"DBT_PROJECT_DIR": str(project), "DBT_PROFILES_DIR": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return rows(project, "select * from kept order by key")


def rows(project: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(project / "archive.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.long
def test_rows_are_appended_and_the_newest_of_each_key_is_shown(project: Path) -> None:
    bring(project, ("a", None, "1"), ("b", "FR-33", "1"))
    assert build(project) == [("a", None, "1"), ("b", "FR-33", "1")]

    # The same again, a row of another load, one that was placed anew, and a new one.
    bring(project, ("a", None, "1"), ("b", "FR-33", "1"), ("c", "ZZ", "2"))
    build(project)
    bring(project, ("a", None, "1"), ("b", "FR-33", "3"), ("c", "FR-34", "2"))
    shown = [("a", None, "1"), ("b", "FR-33", "3"), ("c", "FR-34", "2")]
    assert build(project) == shown
    versions = "select key, place, load_id, archived_by_build from kept__versions order by all"
    appended = [
        ("a", None, "1", 1),
        ("b", "FR-33", "1", 1),
        ("b", "FR-33", "3", 3),
        ("c", "FR-34", "2", 3),
        ("c", "ZZ", "2", 2),
    ]
    assert rows(project, versions) == appended

    # What comes no more is kept, by a build of everything too; what came before comes back as the newest.
    bring(project, ("c", "ZZ", "2"))
    assert build(project, "--full-refresh") == [*shown[:2], ("c", "ZZ", "2")]


@pytest.mark.long
def test_what_a_killed_build_has_appended_is_completed(project: Path) -> None:
    bring(project, ("a", "ZZ", "1"))
    build(project)
    bring(project, ("a", "FR-33", "2"), ("b", "FR-33", "2"))
    with duckdb.connect(str(project / "archive.duckdb")) as connection:
        connection.execute("insert into kept__versions values ('a', 'FR-33', '2', 2)")
    assert build(project) == [("a", "FR-33", "2"), ("b", "FR-33", "2")]
    assert rows(project, "select count(*) from kept__versions") == [(3,)]


@pytest.mark.long
def test_a_new_column_is_added(project: Path) -> None:
    bring(project, ("a", "ZZ", "1"))
    build(project)
    (project / "models" / "kept.yml").write_text(WITH_ONE_MORE)
    bring(project, ("b", "ZZ", "2"))
    more = "{more: ', cast(9 as bigint) as reach'}"
    assert build(project, "--vars", more) == [("a", "ZZ", "1", None), ("b", "ZZ", "2", 9)]
