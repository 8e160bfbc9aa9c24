"""The fast lane and the slow lane of Parquet files: the same rows, hashes and refusals as record by record."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors.listening.contract import MENTIONS
from ingestion.engine import columnar, quarantine
from ingestion.engine.columnar import Protection, load_parquet, redacted
from ingestion.engine.contract import GENERATION
from ingestion.engine.loading import load
from ingestion.engine.parquet import canonical
from ingestion.engine.validation import content_hash
from ingestion.platforms import platform
from privacy import pseudonymise, redact
from tests.ingestion import conftest
from tests.ingestion.drops import counts
from tests.privacy.test_privacy import SNIPPETS

PLATFORM = "listening"
START = datetime(2025, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def place(home, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "cle-du-test")
    return home


ask = partial(conftest.ask, name="listening")


def snapshot(home):
    return ask(home, "select * from mentions order by mention_id")


def mention(number, **values):
    return {
        "mention_id": f"m{number}",
        "source_platform": "facebook",
        "published_at": START + timedelta(minutes=number),
        "url": f"https://www.facebook.com/jean.dupont/posts/{number}",
        "text": f"Crue n° {number}",
        "author_id": f"compte {number % 7}",
        "is_share": number % 2 == 0,
        "views": number,
        "sentiment": -1,
        "vendor": "visibrain",
        **values,
    }


SCHEMA = pa.schema(
    {
        "mention_id": pa.string(),
        "source_platform": pa.string(),
        "published_at": pa.timestamp("us", "UTC"),
        "url": pa.string(),
        "text": pa.string(),
        "author_id": pa.string(),
        "is_share": pa.bool_(),
        "views": pa.int64(),
        "sentiment": pa.int32(),
        "vendor": pa.string(),
    }
)


def parquet(folder, rows, name="mentions.parquet", schema=SCHEMA):
    file = folder / name
    pq.write_table(pa.Table.from_pylist(rows, schema), file)
    return file


def json_lines(folder, rows, name="mentions.jsonl"):
    file = folder / name
    file.write_text("".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def refused(file):
    with pytest.raises(ExpectedFailure) as failure:
        load("listening", file=file)
    return str(failure.value)


# ---- the same as record by record


def test_a_second_load_changes_nothing_and_a_change_is_an_update(place, tmp_path):
    rows = [mention(number) for number in range(50)]
    file = parquet(tmp_path, rows)
    assert counts(load("listening", file=file)) == (50, 50, 0, 0, 0)
    before = snapshot(place)
    assert counts(load("listening", file=file)) == (50, 0, 0, 50, 0)
    assert snapshot(place) == before
    rows[3]["views"] = 1000
    assert counts(load("listening", file=parquet(tmp_path, [*rows, mention(50)]))) == (51, 1, 1, 49, 0)
    assert ask(place, "select views from mentions where mention_id = 'm3'") == [(1000,)]
    assert ask(place, "select count(*), count(distinct _dlt_id) from mentions") == [(51, 51)]
    assert ask(place, "select count(*) from mentions where _dlt_load_id not in (select load_id from _dlt_loads)") == [
        (0,)
    ]
    log = "select origin_kind, rows_read, rows_new, rows_updated, rows_unchanged from load_log order by started_at"
    assert ask(place, log) == [("file", 50, 50, 0, 0), ("file", 50, 0, 0, 50), ("file", 51, 1, 1, 49)]


ODD = [
    {"text": "  deux  mots\n\tet\u00a0un autre  "},
    {"text": 'guillemets " et \\ barre / \u2028 \x07 émoji 🚓'},
    {"text": "Appelez le 06 12 34 56 78 ou jean.dupont@laposte.net"},
    {"text": "   ", "author_id": ""},
    {"text": None, "author_id": None, "views": None, "is_share": None, "url": None},
    {"published_at": datetime(2025, 3, 30, 1, 30, 15, 250_000, tzinfo=UTC)},
    {"vendor": " visi  brain\u2003", "author_id": " compte\t1"},
    {"url": "https://twitter.com/jean/status/12?s=20"},
    {"url": "https://site.fr/jean@laposte.net/1"},
    {"mention_id": " m6 "},
]


def test_both_lanes_give_the_rows_of_json_lines(place, tmp_path):
    rows = [mention(number, **({"mention_id": f"m{number}"} | odd)) for number, odd in enumerate(ODD)]
    load("listening", file=json_lines(tmp_path, rows))
    columns = "* exclude (_dlt_load_id, _dlt_id)"
    expected = ask(place, f"select {columns} from mentions order by mention_id")
    report = load("listening", file=parquet(tmp_path, rows))
    assert report.total("rows_updated") == report.total("rows_new") == 0
    assert ask(place, f"select {columns} from mentions order by mention_id") == expected
    with duckdb.connect(str(place.live)) as connection:
        connection.execute("delete from raw_listening.mentions")
    load("listening", file=parquet(tmp_path, rows))
    assert ask(place, f"select {columns} from mentions order by mention_id") == expected


FIRST, LAST = datetime(2001, 1, 1), datetime(2049, 1, 1)  # noqa: DTZ001 (what hypothesis asks for)

#: White space is single spaces in a canonical text, and U+001F is white space.
TEXTS = st.characters(exclude_categories=["Cs"], exclude_characters="\x1f")


@given(
    row=st.fixed_dictionaries(
        {
            "text": st.none() | st.text(TEXTS),
            "views": st.none() | st.integers(0, 2**62),
            "is_share": st.none() | st.booleans(),
            "published_at": st.datetimes(FIRST, LAST).map(lambda t: t.replace(tzinfo=UTC)),
        }
    )
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_the_hash_in_sql_is_that_of_the_intake(row):
    content = {name: row.get(name) for name in MENTIONS.field_names if name != GENERATION.name}
    arrow = pa.Table.from_pylist([content], MENTIONS.arrow_schema)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'Asia/Tokyo'")
        hashes = connection.from_arrow(arrow).project(f"md5({canonical(MENTIONS)})").fetchall()
    assert hashes == [(content_hash(content),)]


def test_personal_fields_are_protected_in_both_lanes(place, tmp_path):
    rows = [mention(0, text="06 12 34 56 78"), mention(1, text="a@b.fr", vendor="x\ty")]
    load("listening", file=parquet(tmp_path, rows))
    assert ask(place, "select text, author_id, url from mentions order by 1 desc") == [
        ("[TÉLÉPHONE]", pseudonymise("compte 0"), "https://www.facebook.com/-/posts/0"),
        ("[MAIL]", pseudonymise("compte 1"), "https://www.facebook.com/-/posts/1"),
    ]
    for found in place.root.rglob("*"):
        if found.is_file():
            assert b"06 12 34 56 78" not in found.read_bytes(), found


def test_many_texts_are_redacted_as_one_by_one():
    several = [*SNIPPETS, None, *SNIPPETS]
    assert redacted(pa.array(several)).to_pylist() == [text and redact(text) for text in several]


def test_order_is_kept_between_processes(place, tmp_path, monkeypatch):
    monkeypatch.setattr(columnar, "FEW_TEXTS", 10)
    monkeypatch.setattr(columnar, "TEXTS", 7)
    monkeypatch.setattr(columnar, "BATCH_ROWS", 100)
    rows = [mention(number, text=f"texte {number} de a{number}@b.fr") for number in range(500)]
    load("listening", file=parquet(tmp_path, rows))
    assert dict(ask(place, "select mention_id, text from mentions")) == {
        f"m{number}": f"texte {number} de [MAIL]" for number in range(500)
    }
    assert counts(load("listening", file=parquet(tmp_path, rows))) == (500, 0, 0, 500, 0)


def test_a_column_that_the_file_does_not_have_says_nothing(place, tmp_path):
    load("listening", file=json_lines(tmp_path, [mention(1, likes=5, title="Un titre")]))
    file = parquet(tmp_path, [mention(1, views=9)])
    assert counts(load("listening", file=file)) == (1, 0, 1, 0, 0)
    assert ask(place, "select likes, title, views from mentions") == [(5, "Un titre", 9)]


# ---- bad records


@pytest.mark.usefixtures("place")
def test_bad_records_are_set_aside_and_the_others_load(tmp_path):
    rows = [mention(number) for number in range(40)]
    rows[3]["mention_id"] = None
    rows[4]["source_platform"] = "minitel"
    rows[5]["published_at"] = datetime(1999, 1, 1, tzinfo=UTC)
    rows[6] |= {"views": -1, "text": "Appelez le 06 12 34 56 78"}
    rows[7]["sentiment"] = 9
    assert counts(load("listening", file=parquet(tmp_path, rows))) == (40, 35, 0, 0, 5)
    entries = {(e.line, e.field) for e in quarantine.entries("listening")}
    assert entries == {(4, "mention_id"), (5, "source_platform"), (6, "published_at"), (7, "views"), (8, "sentiment")}
    assert all("06 12" not in (e.payload or "") for e in quarantine.entries("listening"))
    rows[7]["sentiment"] = 4
    load("listening", file=parquet(tmp_path, rows))
    assert {e.line for e in quarantine.entries("listening")} == {4, 5, 6, 7}


def test_of_two_rows_with_one_key_the_last_one_holds(place, tmp_path):
    rows = [mention(1), mention(2), mention(1), mention(2, views=77), mention(3), mention(4, mention_id=" m3")]
    report = load("listening", file=parquet(tmp_path, rows))
    assert (counts(report), report.total("rows_replaced")) == ((6, 3, 0, 1, 0), 2)
    assert ask(place, "select mention_id, views from mentions order by 1") == [("m1", 1), ("m2", 77), ("m3", 4)]


def test_a_mention_of_after_the_load_is_quarantined(place, tmp_path):
    rows = [mention(1), mention(2, published_at=datetime.now(UTC) + timedelta(hours=2))]
    assert counts(load("listening", file=parquet(tmp_path, rows))) == (2, 1, 0, 0, 1)
    [entry] = quarantine.entries("listening")
    assert (entry.line, entry.field, entry.reason) == (2, "published_at", "lies after the load")
    assert ask(place, "select mention_id from mentions") == [("m1",)]


def test_a_mention_that_was_collected_earlier_changes_nothing(place, tmp_path):
    schema = SCHEMA.append(pa.field("collected_at", pa.timestamp("us", "UTC")))
    early, late = START + timedelta(days=1), START + timedelta(days=2)
    newer = [mention(1, collected_at=late, views=9), mention(2, collected_at=late), mention(3, collected_at=early)]
    older = [mention(1, collected_at=early), mention(2, collected_at=None), mention(3, collected_at=late, views=5)]
    load("listening", file=parquet(tmp_path, newer, schema=schema))
    before = snapshot(place)
    for write, more in ((parquet, {"schema": schema}), (json_lines, {})):
        report = load("listening", file=write(tmp_path, older[:2], **more))
        assert (counts(report), report.total("rows_outdated")) == ((2, 0, 0, 0, 0), 2)
        assert snapshot(place) == before
    report = load("listening", file=parquet(tmp_path, older, schema=schema))
    assert (report.total("rows_updated"), report.total("rows_outdated")) == (1, 2)
    assert ask(place, "select views from mentions order by mention_id") == [(9,), (2,), (5,)]


def test_when_no_record_satisfies_a_field_nothing_is_loaded(place, tmp_path):
    message = refused(parquet(tmp_path, [mention(n, source_platform="minitel") for n in range(30)]))
    assert "source_platform" in message
    assert "in all of 30 records" in message
    assert snapshot(place) == []


def test_too_many_bad_records_load_nothing(place, tmp_path, monkeypatch):
    monkeypatch.setattr(columnar, "MOST_DOUBTFUL", 10)
    rows = [mention(number, views=-(number % 2)) for number in range(30)]
    assert "more than 10 records break the contract or repeat a key" in refused(parquet(tmp_path, rows))
    assert snapshot(place) == []


# ---- bad files


@pytest.mark.usefixtures("place")
def test_a_flipped_type_is_refused(tmp_path):
    schema = SCHEMA.set(SCHEMA.get_field_index("views"), pa.field("views", pa.string()))
    rows = [mention(number, views="beaucoup") for number in range(3)]
    assert "the column 'views' holds string where bigint is declared" in refused(parquet(tmp_path, rows, schema=schema))


def test_whole_numbers_may_come_as_doubles(place, tmp_path):
    schema = SCHEMA.set(SCHEMA.get_field_index("views"), pa.field("views", pa.float64()))
    rows = [mention(1, views=12.0), mention(2, views=None), mention(3, views=1.5)]
    assert counts(load("listening", file=parquet(tmp_path, rows, schema=schema))) == (3, 2, 0, 0, 1)
    assert ask(place, "select views from mentions order by mention_id") == [(12,), (None,)]


def test_a_time_without_offset_is_utc(place, tmp_path):
    schema = SCHEMA.set(SCHEMA.get_field_index("published_at"), pa.field("published_at", pa.timestamp("ns")))
    rows = [
        mention(1, published_at=datetime(2025, 3, 30, 2, 30, tzinfo=UTC).replace(tzinfo=None)),
        mention(2, published_at=None),
    ]
    load("listening", file=parquet(tmp_path, rows, schema=schema))
    assert ask(place, "select published_at::varchar from mentions") == [("2025-03-30 02:30:00+00",)]


@pytest.mark.usefixtures("place")
def test_a_missing_column_is_refused(tmp_path):
    schema = SCHEMA.remove(SCHEMA.get_field_index("published_at"))
    assert "the required column published_at" in refused(parquet(tmp_path, [mention(1)], schema=schema))


def test_unknown_columns_and_names_are_told_and_not_taken(place, tmp_path):
    schema = SCHEMA.append(pa.field("author_name", pa.string())).append(pa.field("humeur", pa.string()))
    rows = [mention(1, author_name="Jean Dupont", humeur="joie")]
    report = load("listening", file=parquet(tmp_path, rows, schema=schema))
    assert set(report.entities[0].dropped_columns) == {"author_name", "humeur"}
    assert b"Jean Dupont" not in place.live.read_bytes()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"mention_id;url\n1;2\n"])
@pytest.mark.usefixtures("place")
def test_a_file_that_is_no_parquet_is_told(tmp_path, content):
    file = tmp_path / "m.parquet"
    file.write_bytes(content)
    assert "file m.parquet: the file cannot be read" in refused(file)


@pytest.mark.usefixtures("place")
def test_a_file_cut_short_is_told(tmp_path):
    whole = parquet(tmp_path, [mention(number) for number in range(1000)]).read_bytes()
    file = tmp_path / "cut.parquet"
    file.write_bytes(whole[: len(whole) // 2])
    assert "cut.parquet: the file cannot be read" in refused(file)


@pytest.mark.usefixtures("place")
def test_a_quote_in_the_name_of_a_file_is_no_sql(tmp_path):
    assert counts(load("listening", file=parquet(tmp_path, [mention(1)], name="d'avril.parquet")))[1] == 1


# ---- kills


def killed(place, file, pattern):
    """Load a file in a process of its own, kill it when `pattern` exists below dlt's folder, return whether it ran."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion", "listening", "--file", str(file)],
        env=os.environ | {"CYBERIMPACT_HOME": str(place.root)},
        cwd=settings.CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not any(place.dlt.glob(pattern)):
        time.sleep(0.001)
    was_running = process.poll() is None
    process.kill()
    process.wait()
    return was_running


STAGES = ("normalize/extracted/*/new_jobs/*", "load/normalized/*/started_jobs/*")


@pytest.mark.parametrize("stage", [STAGES[0], pytest.param(STAGES[1], marks=pytest.mark.proof)])
def test_a_first_load_killed_and_run_again_doubles_nothing(place, tmp_path, stage):
    rows = [mention(number) for number in range(20_000)]
    file = parquet(tmp_path, [*rows, mention(20_000, views=-1)])
    assert killed(place, file, f"listening_first/{stage}")
    load("listening", file=file)
    assert ask(place, "select count(*), count(distinct mention_id) from mentions") == [(20_000, 20_000)]
    assert len(quarantine.entries("listening")) == 1
    assert ask(place, UNFINISHED) == [(0,)]
    assert counts(load("listening", file=file)) == (20_001, 0, 0, 20_000, 1)


UNFINISHED = "select count(*) from mentions where _dlt_load_id not in (select load_id from _dlt_loads)"


@pytest.mark.parametrize("stage", [pytest.param(STAGES[0], marks=pytest.mark.proof), STAGES[1]])
def test_a_killed_update_loses_no_row_when_another_file_comes_next(place, tmp_path, stage):
    rows = [mention(number) for number in range(20_000)]
    load("listening", file=parquet(tmp_path, rows))
    changed = parquet(tmp_path, [mention(number, views=7) for number in range(20_000)], name="changed.parquet")
    assert killed(place, changed, f"listening_columnar/{stage}")
    load("listening", file=parquet(tmp_path, [mention(20_000)], name="other.parquet"))
    assert ask(place, "select count(*), count(distinct mention_id) from mentions") == [(20_001, 20_001)]
    assert ask(place, UNFINISHED) == [(0,)]
    load("listening", file=changed)
    assert ask(place, "select count(*) from mentions where views <> 7") == [(1,)]


def test_an_append_that_ended_unnoticed_is_not_done_twice(place, tmp_path):
    file = parquet(tmp_path, [mention(number) for number in range(10)])
    load("listening", file=file)
    [(load_id,)] = ask(place, "select distinct _dlt_load_id from mentions")
    ask(place, f"delete from _dlt_loads where load_id = '{load_id}'")
    (place.dlt / "listening_first" / "load" / "normalized" / load_id).mkdir(parents=True)
    assert counts(load("listening", file=file)) == (10, 10, 0, 0, 0)
    assert ask(place, "select count(*), count(distinct mention_id) from mentions") == [(10, 10)]
    assert ask(place, UNFINISHED) == [(0,)]


def same(values):
    return values


def test_protection_can_be_replaced_for_measurements(place, tmp_path):
    report = load_parquet(
        platform("listening"), parquet(tmp_path, [mention(1)]), lambda _: None, Protection(same, same)
    )
    assert report.total("rows_new") == 1
    assert ask(place, "select author_id from mentions") == [("compte 1",)]
