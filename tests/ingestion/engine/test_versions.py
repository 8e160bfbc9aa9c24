"""Which of several records of one key holds, over any sequence of files: the newer one, or the one read last."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.engine.contract import Field, Table
from ingestion.engine.parsers import utc_time
from ingestion.engine.records import Record
from ingestion.engine.validation import Origin, TableValidator

FIELDS = (
    Field("key", "Key.", nullable=False),
    Field("modified", "Date of modification.", parse=utc_time, type="timestamp"),
    Field("value", "Value."),
)
DATED = Table("rows", "key", "Rows that say when they were modified.", FIELDS, versioned_by="modified")
UNDATED = Table("rows", "key", "Rows that do not.", FIELDS)

KEYS = st.sampled_from("abc")
MOMENTS = st.one_of(st.none(), st.integers(1, 28).map(lambda day: f"2025-01-{day:02}T08:00:00Z"))


def row(key, moment, value):
    return {"key": key, "modified": moment, "value": value}


#: A row is what its key and date say: two rows of one key and one date are equal.
DATED_FILES = st.lists(
    st.lists(st.builds(lambda key, moment: row(key, moment, f"{key} at {moment}"), KEYS, MOMENTS), max_size=8),
    max_size=5,
)
UNDATED_FILES = st.lists(
    st.lists(st.builds(row, KEYS, MOMENTS, st.sampled_from("xyz")), max_size=8),
    max_size=5,
)


def find_in(stored):
    return lambda keys, _: {key: stored[key] for key in keys if key in stored}


def load(table, files, batch=3):
    """Load files one after the other into a dictionary; return it, and check that each record is counted once."""
    stored = {}
    for number, rows in enumerate(files):
        validator = TableValidator(
            table,
            Origin("test", "file", "rows.csv"),
            find_in(dict(stored)),
            lambda _: None,
        )
        for start in range(0, len(rows), batch):
            records = enumerate(rows[start : start + batch], start + 2)
            validator.validate(Record(position, values) for position, values in records)
        written = [found for batch in validator.changes() for found in batch.to_pylist()]
        assert len({found["key"] for found in written}) == len(written), "a key is written once"
        assert len(written) == validator.rows_new + validator.rows_updated
        outcomes = ("new", "updated", "unchanged", "replaced", "outdated")
        assert sum(getattr(validator, f"rows_{outcome}") for outcome in outcomes) == validator.rows_read == len(rows)
        stored |= {found["key"]: {**found, "_dlt_load_id": str(number)} for found in written}
    return {key: (found["modified"], found["value"]) for key, found in stored.items()}


def instant(text):
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


@settings(deadline=None)
@given(DATED_FILES, st.randoms(use_true_random=False))
def test_where_a_date_decides_the_order_of_loads_changes_nothing(files, chance):
    expected = {}
    for found in (found for rows in files for found in rows):
        best = expected.get(found["key"])
        if best is None or instant(found["modified"]) > instant(best["modified"]):
            expected[found["key"]] = found
    shuffled = [chance.sample(rows, len(rows)) for rows in chance.sample(files, len(files))]
    for order in (files, shuffled):
        assert load(DATED, order) == {
            key: (utc_time(found["modified"]) if found["modified"] else None, found["value"])
            for key, found in expected.items()
        }


@settings(deadline=None)
@given(UNDATED_FILES)
def test_where_no_date_decides_the_last_row_read_holds(files):
    expected = {found["key"]: found["value"] for rows in files for found in rows}
    assert {key: value for key, (_, value) in load(UNDATED, files).items()} == expected
