"""Superset's metadata moves from the file of a home to PostgreSQL: every row, once, or nothing."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from core import superset
from core.errors import ExpectedFailure
from tests.postgres import serving
from tests.superset.conftest import run

pytestmark = pytest.mark.proof

UUID = "6f1a7d8e-2b90-4c55-8f3e-0d6d2f9c1a42"
#: What people have made: an account, its role, a chart, its place in the log; the account was changed by itself.
MADE = f"""
    insert into ab_user (id, first_name, last_name, username, password, active, email, changed_by_fk)
        values (900, 'Été', 'A', 'ete', 'hash', 1, 'ete@example.org', 900);
    insert into ab_user_role (id, user_id, role_id) select 9000, 900, id from ab_role where name = 'Alpha';
    insert into slices (id, slice_name, params, uuid, created_by_fk, created_on, changed_on) values
        (700, 'À moi', '{{}}', x'{UUID.replace("-", "")}', 900, '2026-11-28 10:00:00.250000', '2026-11-28 10:00:00');
    insert into logs (id, action, user_id, json, dttm) values (10000, 'explore', 900, '{{}}', '2026-11-28 10:00:00');
"""
KEYS = "select count(*) from pg_constraint where contype = 'f'"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a home whose file people have used, and of an empty database."""
    folder = tmp_path_factory.mktemp("moved") / "superset"
    made = {
        "PATH": "/usr/bin:/bin",
        "SUPERSET_HOME": str(folder),
        "SUPERSET_SECRET_KEY": "a secret key of the test, which is long enough",
        "SUPERSET_ADMIN_PASSWORD": "of the test",
    }
    prepared = run("init", made)
    assert prepared.returncode == 0, prepared.stderr
    with closing(sqlite3.connect(folder / "superset.db")) as connection:
        connection.executescript(MADE)
    with serving("postgresql+psycopg2") as address:
        yield made | {"CYBERIMPACT_SUPERSET_METADATA_URI": address}


def rows(file: Path) -> dict[str, int]:
    """Return how many rows each table of a file has."""
    with closing(sqlite3.connect(file)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        counts = {name: connection.execute(f'select count(*) from "{name}"').fetchone()[0] for name in names}
    return {name: number for name, number in counts.items() if not name.startswith("sqlite_")}


def test_every_row_arrives_and_numbers_go_on(environment: dict[str, str]) -> None:
    file = Path(environment["SUPERSET_HOME"]) / "superset.db"
    before = rows(file)
    shutil.copy(file, file.with_name("kept.db"))
    done = run("move", environment)
    assert done.returncode == 0, done.stderr
    moved = json.loads(done.stdout.splitlines()[-1])
    assert {name: number for name, number in before.items() if number and name != "alembic_version"} == {
        name: number for name, number in moved.items() if number
    }
    assert before["ab_permission_view_role"] > 100
    assert not file.exists()
    with psycopg.connect(environment["CYBERIMPACT_SUPERSET_METADATA_URI"].replace("+psycopg2", "")) as connection:
        sql = "select slice_name, uuid::text, created_by_fk, created_on::text from slices"
        assert connection.execute(sql).fetchall() == [("À moi", UUID, 900, "2026-11-28 10:00:00.25")]
        [(active,)] = connection.execute("select active from ab_user where username = 'ete'").fetchall()
        assert active is True
        [(number,)] = connection.execute("insert into logs (action) values ('later') returning id").fetchall()
        assert number == 10001
        connection.rollback()
        assert connection.execute(KEYS).fetchone()[0] > 50
    again = run("init", environment)
    assert again.returncode == 0, again.stderr
    assert "metadata database: up to date" in again.stderr


def test_nothing_is_mixed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the command calls it."""
    file = Path(environment["SUPERSET_HOME"]) / "superset.db"
    for name, value in (environment | {"CYBERIMPACT_HOME": str(file.parent.parent)}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ExpectedFailure, match=r"superset\.db does not exist: nothing is to be moved"):
        superset.move()
    file.with_name("kept.db").rename(file)
    with pytest.raises(ExpectedFailure, match="The database has accounts already: give the address of an empty one"):
        superset.move()
    assert file.exists()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("update alembic_version set version_num = 'former'")
    with pytest.raises(ExpectedFailure, match="The file is of another version of Superset"):
        superset.move()
