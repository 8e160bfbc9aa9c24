"""What goes through the live file is shown within seconds and archived for good: nothing lost, nothing twice."""

import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from core.clock import today
from core.settings import Home
from ingestion.engine.loading import ensure_tables
from ingestion.erasure import erase
from privacy import pseudonymise
from tests.dbt.conftest import dbt
from tests.handmade import write_copy
from warehouse import dbt_project, published
from warehouse.publication import Relation, exposed_relations, publish

ARCHIVE = ("run", "--select", "fct_mention", "int_chat_contact_archive", "archived_load")
PERSON, OTHER = pseudonymise("GN-1"), pseudonymise("GN-2")


def noon(days_ago: int) -> datetime:
    return datetime.combine(today() - timedelta(days=days_ago), datetime.min.time(), UTC) + timedelta(hours=11)


def mention(key: str, days_ago: int, load: str, reach: int = 1) -> dict:
    return {
        "mention_id": key,
        "source_platform": "x",
        "published_at": noon(days_ago),
        "text": f"texte de {key}",
        "department_code": "33",
        "impressions_potential": reach,
        "_dlt_load_id": load,
        "_dlt_id": f"{key}-{load}",
    }


def contact(key: str, days_ago: int, load: str, person: str = OTHER) -> dict:
    return {
        "contact_key": f"{person}|{key}",
        "reference": person,
        "date": noon(days_ago).isoformat(),
        "contacted_at": noon(days_ago),
        "heure_reparee": False,
        "motif_parent": "Je signale",
        "pnav": False,
        "_dlt_load_id": load,
        "_dlt_id": f"{key}-{load}",
    }


def load(home: Home, table: str, rows: Iterable[dict]) -> None:
    """Leave rows in the live file as a load would: a key that is there is replaced."""
    key = "mention_id" if table.endswith("mentions") else "contact_key"
    with duckdb.connect(str(home.live)) as connection:
        for row in rows:
            connection.execute(f"delete from {table} where {key} = ?", [row[key]])
            marks = ", ".join("?" for _ in row)
            connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", [*row.values()])


def start(*arguments: str) -> subprocess.Popen[str]:
    variables = {**os.environ, **dbt_project.environment()}
    if "live" in arguments:
        variables["DBT_TARGET_PATH"] = str(dbt_project.parse_folder("live"))
    command = [dbt_project.DBT, "--no-use-colors", *arguments]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def succeed(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "Waiting:" not in output


def publish_live(home: Home) -> set[str]:
    """Publish what is live and return the keys that the copy shows."""
    made = publish(home, exposed_relations(dbt_project.read_manifest(), "live"), published.LIVE)
    query = (
        "select mention_id from visibility.live_mention union all select contact_key from visibility.live_chat_contact"
    )
    with duckdb.connect(str(made.file), read_only=True) as connection:
        return {key.rpartition("|")[2] for (key,) in connection.execute(query).fetchall()}


def publish_archive(home: Home) -> None:
    """Publish what the warehouse says of its archive; the gate of the whole daily build is another test's matter."""
    attach = f"attach '{home.warehouse}' as warehouse (read_only); create schema audit;"
    write_copy(home, f"{attach} create table audit.archived_load as from warehouse.audit.archived_load")


def archived(home: Home) -> dict[str, tuple[date, int | None]]:
    query = (
        "select mention_id, published_on, potential_reach from visibility.fct_mention union all"
        " select contact_key, contacted_on, null from visibility.int_chat_contact_archive"
    )
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
    found = {key.rpartition("|")[2]: (day, reach) for key, day, reach in rows}
    assert len(found) == len(rows)
    return found


def day(days_ago: int) -> date:
    return today() - timedelta(days=days_ago)


@pytest.mark.long
def test_history_is_archived_once_and_late_records_follow(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "a key that only tests have")
    dbt_project.manifest()  # parsed once for each target; what follows reuses it
    for platform in ("listening", "brigade_numerique"):
        ensure_tables(platform)
    history = [mention("old", 50, "1"), mention("week", 7, "1"), mention("recent", 6, "1"), mention("today", 0, "1")]
    load(home, "raw_listening.mentions", history)
    chat = [contact("years", 700, "1"), contact("person", 20, "1", PERSON), contact("yesterday", 1, "1")]
    load(home, "raw_brigade_numerique.contacts", chat)
    succeed(start("build", "--target", "live"))
    everything = {"old", "week", "recent", "today", "years", "person", "yesterday"}
    assert publish_live(home) == everything, "a first load is shown whole, however old"

    both = start(*ARCHIVE), start("build", "--target", "live")
    for process in both:
        succeed(process)
    assert publish_live(home) == everything
    first = archived(home)
    assert first == {
        "old": (day(50), 1),
        "week": (day(7), 1),
        "recent": (day(6), 1),
        "years": (day(700), None),
        "person": (day(20), None),
        "yesterday": (day(1), None),
    }, "today is not over"
    publish_archive(home)

    load(home, "raw_listening.mentions", [mention("late", 50, "2"), mention("recent", 6, "2", reach=9)])
    assert erase(PERSON).removed.keys() == {
        "live.duckdb raw_brigade_numerique.contacts",
        "live.duckdb visibility.live_chat_contact",
        *(f"published/live/{build.name}/live_serving.duckdb visibility.live_chat_contact" for build in builds(home)),
        "warehouse.duckdb visibility.int_chat_contact_archive",
    }
    succeed(start("build", "--target", "live"))
    assert publish_live(home) == {"late", "recent", "today", "yesterday"}, "what is archived and old is shown no more"
    succeed(start(*ARCHIVE))
    del first["person"]
    assert archived(home) == first | {"late": (day(50), 1), "recent": (day(6), 9)}

    refused = dbt("run", "--select", "live_volume")
    assert refused.returncode != 0
    assert "live_volume is not built by the target daily: give --target live" in refused.stdout


def builds(home: Home) -> list:
    return [path for path in (home.published / "live").iterdir() if not path.is_symlink()]


def test_a_build_that_is_pinned_is_kept_until_it_is_let_go(home: Home) -> None:
    """Five more builds come meanwhile, of which three are kept."""
    with duckdb.connect(str(home.live)) as connection:
        connection.execute("create schema audit; create schema visibility")
        connection.execute("create table audit.build_status as select 'live_mention' as name, 'success' as status")
        connection.execute("create table visibility.live_mention as select current_date as published_on")
    relations = [Relation("visibility", "live_mention")]
    publish(home, relations, published.LIVE)
    with published.pinned(home, published.LIVE) as pinned:
        assert pinned == published.current(home, published.LIVE)
        for _ in range(5):
            publish(home, relations, published.LIVE)
        assert pinned.exists()
        assert len(builds(home)) == 4
    publish(home, relations, published.LIVE)
    assert not pinned.exists()
    assert len(builds(home)) == 3


def test_without_a_copy_there_is_nothing_to_pin(home: Home) -> None:
    with published.pinned(home, published.LIVE) as pinned:
        assert pinned is None
