"""What retention and erasure leave behind: nothing, in any byte of the home."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from core import settings
from core.errors import ExpectedFailure
from core.locks import writer_lock
from ingestion.engine import quarantine
from ingestion.engine.loading import load
from ingestion.erasure import DROP_RETENTION, QUARANTINE_RETENTION, erase, purge
from ingestion.platforms import platform
from operations import models
from privacy import pseudonymise
from tests.ingestion.conftest import ask
from warehouse.reader_copies import path_for
from warehouse.rights import Right
from warehouse.spark.files import record, refuse_changed
from warehouse.spark.lake import lake_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RETENTION = platform("operations").retention
LONG_AGO, LATELY = NOW - RETENTION - timedelta(days=1), NOW - RETENTION + timedelta(days=1)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "cle-du-test")


@pytest.fixture
def person():
    return pseudonymise("camille.lefebvre@exemple.fr")


def holding(home, text):
    """Every file of the home, link or not, in which a text stands."""
    files = (path for path in home.root.rglob("*") if path.is_file())
    names = {str(path.relative_to(home.root)) for path in files if text.encode() in path.read_bytes()}
    return {name.removesuffix("-wal") for name in names}  # the log of the operations database


def alert(number, *, recipient="equipe@exemple.fr", created_at=LATELY, subject="Hausse"):
    return models.Alert(
        alert_id=f"alerte-{number}", channel="mail", recipient=recipient, subject=subject, created_at=created_at
    )


def send(*alerts):
    models.Alert.objects.bulk_create(alerts)


def write(file, *statements):
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def fingerprints(*models):
    """Return the statements that keep a fingerprint of each model, as a build leaves them."""
    rows = ", ".join(f"('model.cyberimpact.{model}', 'a')" for model in models)
    return (
        "create schema audit",
        "create table audit.build_fingerprint (unique_id varchar, fingerprint varchar)",
        f"insert into audit.build_fingerprint values {rows}",
    )


def read(file, query):
    """Ask a DuckDB file from another process, as readers do."""
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())"
    found = subprocess.run([sys.executable, "-c", code, file, query], capture_output=True, text=True, check=True)
    return found.stdout.strip()


# ---- retention


def test_what_was_kept_long_enough_goes_from_every_byte_and_the_rest_stays(home):
    send(alert(1, created_at=LONG_AGO, subject="OBJETANCIEN"), alert(2, subject="OBJETRECENT"))
    load("operations")
    assert {"operations.sqlite", "warehouse.duckdb"} <= holding(home, "OBJETANCIEN")
    report = purge(NOW)
    assert holding(home, "OBJETANCIEN") == set()
    assert ask(home, "select subject from raw_operations.outbox") == [("OBJETRECENT",)]
    assert report.removed == {"warehouse.duckdb raw_operations.outbox": 1, "operations.sqlite outbox": 1}
    assert report.rewritten == ("warehouse.duckdb",)
    assert report.complete
    assert next(report.lines()) == "2 rows removed; 1 files written anew."


@pytest.mark.usefixtures("home")
def test_the_next_load_brings_nothing_back():
    send(alert(1, created_at=LONG_AGO), alert(2))
    load("operations")
    purge(NOW)
    assert load("operations").total("rows_new") == 0
    assert purge(NOW).removed == {}


@pytest.mark.parametrize("kind", ["timestamptz", "varchar"])
def test_a_row_is_as_old_as_its_date_or_else_as_its_load(home, kind):
    chosen = platform("brigade_numerique")
    assert (chosen.retention, chosen.database) == (timedelta(days=3 * 365), "live")
    rows = [  # three years before noon UTC it was 13:00 in Paris, in winter time
        ("à la limite", "'2023-11-25 13:00:00'", NOW - timedelta(days=90)),
        ("trop vieux", "'2023-11-25 12:59:59'", NOW),
        ("sans date, chargé récemment", "null", NOW),
        ("sans date, chargé il y a longtemps", "null", NOW - timedelta(days=3 * 365 + 1)),
    ]
    table = "raw_brigade_numerique.contacts"
    write(
        home.live,
        "create schema raw_brigade_numerique",
        "set TimeZone = 'Europe/Paris'",
        f"create table {table} (motif varchar, contacted_at {kind}, _dlt_load_id varchar)",
        *(f"insert into {table} values ('{motif}', {day}, '{loaded.timestamp()}')" for motif, day, loaded in rows),
    )
    report = purge(NOW)
    assert report.removed == {f"live.duckdb {table}": 2}
    assert report.rewritten == ("live.duckdb", "warehouse.duckdb")
    kept = read(home.live, f"select motif from {table} order by 1")
    assert kept == "[('sans date, chargé récemment',), ('à la limite',)]"


def test_the_archive_of_the_chat_ages_as_its_raw_table_does(home):
    """Three years before noon it was noon in UTC: the archive keeps times without a zone."""
    write(
        home.warehouse,
        "create schema visibility",
        "create table visibility.int_chat_contact_archive (contact_key varchar, contacted_at timestamp)",
        "insert into visibility.int_chat_contact_archive values"
        " ('à la limite', '2023-11-25 12:00:00'), ('trop vieux', '2023-11-25 11:59:59')",
        *fingerprints("int_chat_contact_archive", "fct_mention"),
    )
    assert purge(NOW).removed == {"warehouse.duckdb visibility.int_chat_contact_archive": 1}
    left = read(home.warehouse, "select unique_id from audit.build_fingerprint")
    assert left == "[('model.cyberimpact.fct_mention',)]", "what reads the archive has news"
    kept = read(home.warehouse, "select contact_key from visibility.int_chat_contact_archive")
    assert kept == "[('à la limite',)]"


@pytest.mark.usefixtures("home")
def test_what_is_in_quarantine_for_too_long_goes():
    models.Verdict.objects.create(signal_id="s1", verdict="inconnu", author_role="veille")
    load("operations")
    [entry] = quarantine.entries("operations")
    assert purge(entry.quarantined_at + QUARANTINE_RETENTION).removed == {}
    report = purge(entry.quarantined_at + QUARANTINE_RETENTION + timedelta(seconds=1))
    assert report.removed == {"warehouse.duckdb quarantine.operations": 1}
    assert quarantine.entries("operations") == []


def test_a_file_that_nobody_loaded_is_named_and_left(home):
    old, new = home.drop / "jdma" / "vieux.csv", home.drop / "jdma" / "neuf.csv"
    old.parent.mkdir(parents=True)
    for file, age in ((old, DROP_RETENTION), (new, DROP_RETENTION - timedelta(seconds=1))):
        file.write_text("avis")
        moment = (NOW - age).timestamp()
        os.utime(file, (moment, moment))
    report = purge(NOW)
    assert set(report.remaining) == {"drop/jdma/vieux.csv"}
    assert not report.complete
    assert old.exists()


def test_what_a_dead_process_left_is_removed(home):
    send(alert(1))
    load("operations")
    package = home.dlt / "operations" / "load" / "new" / "1.0"
    package.mkdir(parents=True)
    (package / "rows.parquet").write_text("RESTE")
    spilled = home.root / "warehouse.duckdb.tmp"
    spilled.mkdir()
    (spilled / "block").write_text("RESTE")
    (home.root / ".warehouse.duckdb.fresh").write_text("RESTE")
    purge(NOW)
    assert holding(home, "RESTE") == set()
    assert load("operations").total("rows_unchanged") == 1


def test_tables_keep_their_comments_views_and_constraints(home):
    write(
        home.warehouse,
        "create schema marts",
        "create table marts.facts (fact_id varchar primary key, amount decimal(38, 6) not null)",
        "comment on table marts.facts is 'Des faits'",
        "comment on column marts.facts.amount is 'En euros'",
        'create view marts.shown as select * from "warehouse"."marts"."facts"',
        "insert into marts.facts values ('f1', 1.5)",
    )
    purge(NOW)
    assert ask(home, "select * from marts.shown") == [("f1", 1.5)]
    assert ask(home, "select comment from duckdb_tables() where table_name = 'facts'") == [("Des faits",)]
    assert ask(home, "select comment from duckdb_columns() where comment is not null") == [("En euros",)]
    with pytest.raises(duckdb.ConstraintException):
        ask(home, "insert into marts.facts values ('f1', 2)")


def test_an_empty_home_has_nothing_to_purge(empty_home):
    assert list(purge(NOW).lines()) == ["0 rows removed; 0 files written anew."]
    assert not empty_home.warehouse.exists()


def test_a_damaged_database_fails_by_name(home):
    home.warehouse.write_bytes(b"no database at all" * 1000)
    with pytest.raises(ExpectedFailure, match=r"warehouse\.duckdb cannot be purged"):
        purge(NOW)


def test_a_killed_purge_is_completed_by_the_next(home):
    """Killed between the deletion and the new file: the bytes are still there, though no row is."""
    send(alert(1, created_at=LONG_AGO, subject="OBJETANCIEN"))
    load("operations")
    write(home.warehouse, "delete from raw_operations.outbox", "checkpoint")
    assert "warehouse.duckdb" in holding(home, "OBJETANCIEN")
    purge(NOW)
    assert holding(home, "OBJETANCIEN") == set()


# ---- what Spark has built


def spark_file(folder, rows, part="part-00000"):
    """Write a file of a table as Spark does: instants as INT96, and a checksum beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, folder / f"{part}.parquet", use_deprecated_int96_timestamps=True)
    (folder / f".{part}.parquet.crc").write_bytes(b"checksum")
    return folder / f"{part}.parquet"


def in_lake(home, query):
    with duckdb.connect(":memory:") as connection:
        return connection.execute(query.replace("LAKE", f"{home.lake}/daily")).fetchall()


def test_the_archive_that_spark_appends_to_ages_too(home):
    lake = lake_of(home, "daily")
    folder = lake.table_folder("visibility", "int_chat_contact_archive__versions")
    instants = [datetime(2023, 11, 25, 11, 59, 59), datetime(2023, 11, 25, 12), None]  # noqa: DTZ001 - as archived
    old = {"contact_key": ["trop vieux", "à la limite", "sans date"], "contacted_at": instants, "version": [0, 0, 0]}
    files = [
        spark_file(folder, pa.table(old)),
        spark_file(
            folder, pa.table({"contact_key": ["récent"], "contacted_at": [instants[1]], "version": [1]}), "part-1"
        ),
    ]
    record(lake, [("visibility", "int_chat_contact_archive__versions")])
    untouched = files[1].stat().st_mtime_ns
    write(
        home.warehouse,
        "create schema visibility",
        f"create view visibility.int_chat_contact_archive as from read_parquet('{folder}/*.parquet')",
        *fingerprints("int_chat_contact_archive", "fct_mention"),
    )

    assert purge(NOW).removed == {"lake/daily visibility.int_chat_contact_archive": 1}

    left = "select contact_key from visibility.int_chat_contact_archive order by all"
    assert read(home.warehouse, left) == "[('récent',), ('sans date',), ('à la limite',)]"
    left = read(home.warehouse, "select unique_id from audit.build_fingerprint")
    assert left == "[('model.cyberimpact.fct_mention',)]"
    assert pq.ParquetFile(files[0]).schema.column(1).physical_type == "INT96"
    assert not (folder / ".part-00000.parquet.crc").exists()
    assert files[1].stat().st_mtime_ns == untouched
    refuse_changed(lake)
    assert purge(NOW).removed == {}


def test_what_a_killed_model_was_making_goes_with_the_next_purge(home):
    lake = lake_of(home, "daily")
    texts = pa.table({"text": ["de quelqu'un"]})
    spark_file(lake.folder / "taken_in" / "made_by.visibility.fct_verbatim_theme" / "mapped-0" / "rows", texts)
    spark_file(lake.folder / "taken_in" / "raw_listening.mentions-1a2b3c", texts)
    write(home.warehouse, "create schema visibility")
    purge(NOW)
    assert [folder.name for folder in (lake.folder / "taken_in").iterdir()] == ["raw_listening.mentions-1a2b3c"]


def test_one_person_goes_from_all_that_spark_has_written(home, person):
    load("operations")
    lake = lake_of(home, "daily")
    mentions = pa.table({"author": [person, "p_autre"], "topics": [["banque"], [person]], "day": [1, 2]})
    spark_file(lake.table_folder("visibility", "fct_mention__versions"), mentions.slice(0, 1))
    spark_file(lake.table_folder("marts", "by_month") / "month=1", mentions)
    spark_file(lake.table_folder("marts", "by_month") / "month=2", pa.table({"author": ["p_autre"]}))
    spark_file(lake.folder / "taken_in" / "raw_listening.mentions-1a2b3c", mentions)
    spark_file(lake.folder / "taken_in" / "raw_listening.topics-1a2b3c", pa.table({"topic": ["banque"]}))
    spark_file(lake.table_folder("marts", "begun") / "_temporary" / "0", mentions)
    record(lake, [("visibility", "fct_mention__versions"), ("marts", "by_month")])
    write(home.warehouse, *fingerprints("fct_mention", "by_month", "begun"))

    report = erase(person)

    assert report.removed == {"lake/daily visibility.fct_mention": 1, "lake/daily marts.by_month": 2}
    rows = "select count(*) from read_parquet('LAKE/**/*.parquet', union_by_name = true) as row"
    assert in_lake(home, f"{rows} where contains(row::varchar, '{person}')") == [(0,)]
    assert in_lake(home, rows) == [(2,)]
    assert [folder.name for folder in (lake.folder / "taken_in").iterdir()] == ["raw_listening.topics-1a2b3c"]
    assert read(home.warehouse, "select unique_id from audit.build_fingerprint") == "[('model.cyberimpact.begun',)]"
    refuse_changed(lake)
    assert erase(person).removed == {}


# ---- one person


def publish(home, target, build, name, person):
    catalog = name.partition(".")[0]
    write(
        home.published / target / build / name,
        "create table mentions (author varchar, details json)",
        "comment on table mentions is 'Des mentions'",
        f"insert into mentions values ('{person}', '{{}}'), ('p_autre', '{{}}'),"
        f" ('p_troisieme', '{{\"cite\": \"{person}\"}}')",
        f'create view shown as select author from "{catalog}"."main"."mentions"',
    )
    link = home.published / target / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(build)


def test_one_person_goes_from_every_byte_and_the_others_stay(home, person):
    send(alert(1, recipient=person), alert(2, recipient="autre@exemple.fr"))
    models.Verdict.objects.create(verdict_id="v1", signal_id="s1", verdict="inconnu", author_role=person)
    load("operations")  # the verdict is set aside: the pseudonym is in the payload
    write(
        home.warehouse,
        "create schema marts",
        f"create table marts.facts as select 'f1' as fact_id, ['{person}'] as authors",
        *fingerprints("facts"),
    )
    write(home.live, f"create table contacts as select '{person}' as contact union all select 'p_autre'")
    for build in ("build-1", "build-2"):
        publish(home, "daily", build, "serving.duckdb", person)
    publish(home, "live", "build-1", "live_serving.duckdb", person)
    copies = {"published/daily/build-1/serving.duckdb", "published/daily/build-2/serving.duckdb"}
    live_copy = "published/live/build-1/live_serving.duckdb"
    assert {*copies, live_copy, "warehouse.duckdb", "live.duckdb", "operations.sqlite"} <= holding(home, person)

    report = erase(person)

    assert holding(home, person) == set()
    assert report.complete
    assert {*copies, live_copy, "warehouse.duckdb", "live.duckdb"} == set(report.rewritten)
    assert report.removed == {
        "operations.sqlite outbox": 1,
        "operations.sqlite verdicts": 1,
        "warehouse.duckdb raw_operations.outbox": 1,
        "warehouse.duckdb quarantine.operations": 1,
        "warehouse.duckdb marts.facts": 1,
        "live.duckdb main.contacts": 1,
        "published/daily/build-1/serving.duckdb main.mentions": 2,
        "published/daily/build-2/serving.duckdb main.mentions": 2,
        "published/live/build-1/live_serving.duckdb main.mentions": 2,
    }
    assert ask(home, "select recipient from raw_operations.outbox") == [(pseudonymise("autre@exemple.fr"),)]
    assert read(home.warehouse, "from audit.build_fingerprint") == "[]"
    assert read(home.live, "from contacts") == "[('p_autre',)]"
    for copy in ("daily/current/serving.duckdb", "live/current/live_serving.duckdb"):
        assert read(home.published / copy, "from shown") == "[('p_autre',)]"
        assert read(home.published / copy, "select comment from duckdb_tables()") == "[('Des mentions',)]"
    assert (home.published / "daily" / "current").readlink().name == "build-2"
    assert load("operations").total("rows_new") == 0
    assert erase(person).removed == {}


def test_a_reader_keeps_the_copy_that_it_has_open(home, person):
    publish(home, "daily", "build-1", "serving.duckdb", person)
    copy = home.published / "daily" / "current" / "serving.duckdb"
    code = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
input()
print(connection.execute("select count(author) from mentions").fetchall(), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, copy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout.readline() == "open\n"
        erase(person)
        assert reader.communicate("\n")[0] == "[(3,)]\n"
    assert read(copy, "select count(author) from mentions") == "[(1,)]"
    assert holding(home, person) == set()


def test_the_copies_of_rights_are_made_again_without_the_person(home, person):
    publish(home, "daily", "build-1", "serving.duckdb", person)
    link, right = home.published / "daily" / "current" / "serving.duckdb", Right({"main.mentions": None})
    copy = path_for(link, right)
    assert str(copy.relative_to(home.root)) in holding(home, person)
    assert erase(person).complete
    assert holding(home, person) == set()
    assert read(path_for(link, right), "from mentions") == "[('p_autre', '{}')]"


def test_a_copy_that_does_not_hold_the_person_is_left_as_it_is(home, person):
    publish(home, "daily", "build-1", "serving.duckdb", "p_quelqu_un")
    file = home.published / "daily" / "build-1" / "serving.duckdb"
    before = file.stat().st_ino, file.read_bytes()
    assert erase(person).rewritten == ("warehouse.duckdb",)
    assert (file.stat().st_ino, file.read_bytes()) == before


def test_what_cannot_be_erased_is_named(home, person):
    log, waiting = home.logs / "load.log", home.drop / "jdma" / "avis.csv"
    for file, text in ((log, f"rejected {person}"), (waiting, "camille.lefebvre@exemple.fr")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    report = erase(person)
    assert set(report.remaining) == {"logs/load.log", "drop/jdma/avis.csv"}
    assert not report.complete
    assert log.exists()
    assert waiting.exists()


@pytest.mark.parametrize("given", ["camille.lefebvre@exemple.fr", "p_", "p_" + "0" * 31, "p_" + "G" * 32, "' or 1=1"])
def test_only_a_pseudonym_erases(home, given):
    send(alert(1))
    load("operations")
    with pytest.raises(ExpectedFailure, match="This is no pseudonym") as failure:
        erase(given)
    assert "camille" not in str(failure.value)
    assert ask(home, "select count(alert_id) from raw_operations.outbox") == [(1,)]


def test_a_purge_waits_for_its_turn(home):
    code = "from datetime import UTC, datetime; from ingestion.erasure import purge; purge(datetime.now(UTC))"
    with writer_lock(home.warehouse):
        waiting = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        assert "Waiting: warehouse.duckdb is being written" in waiting.stderr.readline()
        assert waiting.poll() is None
    waiting.communicate()
    assert waiting.returncode == 0


def test_a_conversation_that_was_loaded_goes_from_the_live_file(home, exports):
    """The reference is in the key too, and in the quarantine of the row that broke the contract."""
    file = exports / "tchat.csv"
    file.write_text(
        "GN-2025-0001;05/03/2025 10:00;tchat;Je m'informe;Horaires;\n"
        "GN-2025-0001;31/02/2025 10:00;tchat;Je m'informe;Horaires;\n"
        "GN-2025-0002;05/03/2025 11:00;tchat;Je m'informe;Horaires;\n",
        encoding="utf-8",
    )
    report = load("brigade_numerique", file=file)
    assert (report.total("rows_new"), report.total("rows_quarantined")) == (2, 1)
    person = pseudonymise("GN-2025-0001")
    assert "live.duckdb" in holding(home, person)
    assert erase(person).removed == {
        "live.duckdb raw_brigade_numerique.contacts": 1,
        "live.duckdb quarantine.brigade_numerique": 1,
    }
    assert holding(home, person) == set()
    assert read(home.live, "select reference from raw_brigade_numerique.contacts") == (
        f"[('{pseudonymise('GN-2025-0002')}',)]"
    )


@pytest.mark.parametrize("page", ["docs/vie-privee.md", "ingestion/connectors/listening/README.md"])
def test_what_outlives_the_retention_of_a_mention_is_told_column_by_column(page):
    model = settings.CHECKOUT / "dbt_project" / "models" / "marts" / "visibility" / "fct_mention.yml"
    (archive,) = yaml.safe_load(model.read_text(encoding="utf-8"))["models"]
    page_text = (settings.CHECKOUT / page).read_text(encoding="utf-8")
    assert [column["name"] for column in archive["columns"] if f"`{column['name']}`" not in page_text] == []
