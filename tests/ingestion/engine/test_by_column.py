"""Reading by column gives what reading record by record does: the same rows, reasons, positions and counts."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock
from ingestion.connectors.audience.contract import HOURLY_VISITS
from ingestion.connectors.brigade_numerique.contract import CONTACTS
from ingestion.connectors.pre_plainte.contract import DECLARATIONS
from ingestion.engine import contract
from ingestion.engine.contract import UNKNOWN_COLUMNS, RejectedError, Rejection
from ingestion.engine.files import open_csv
from ingestion.engine.records import Block, Record, one_by_one
from ingestion.engine.validation import Origin, TableValidator, content_hash, content_hashes
from privacy import shorten

ORIGIN = Origin("test", "file", "rows.csv")
SOON = clock.now().astimezone(clock.PARIS) + timedelta(hours=3)

TIMES = st.sampled_from(
    (
        *("2024-03-14 21:07:00", "2024-03-14T21:07:31", "14/03/2024 21:07", "4/3/2024 21:07", "2024-03-14"),
        *("2024-03-31 02:30:00", "2024-10-27 02:30", "31/02/2024 10:00", "2024-03-14 24:00", "2024-03-14 21:60"),
        *("1999-12-31 23:59", "2051-01-01 00:00", "2024-03-14T21:07+02:00", "2024W11T21+01:30", "2024-W11-4T21:07"),
        *("0000-00-00 00:00:00", "٢٠٢٤-03-14 21:07", "2024-03-14  21:07", "", " ", "demain"),
        *(f"{SOON:%Y-%m-%d %H:%M}", f"{SOON:%d/%m/%Y %H:%M}", f"{SOON - timedelta(hours=6):%Y-%m-%d %H:%M}"),
    )
)
CODES = st.sampled_from(("1", "2", "3", "12345678.0", "1,2E5", "0612345678", "a.martin@exemple.fr", "", "  7  ", "²"))
TERMS = st.sampled_from(
    ("Je suis victime", "JE SUIS VICTIME", "PNAV", "Hame\ufffdonnage", "tel 06 12 34 56 78", "", "x")
)
FLAGS = st.sampled_from(("1", "0", "oui", "False", "", "peut-être"))
PLACES = st.sampled_from(("06", "6", "2a", "973", "988", "75C", "33.0", "999", "", "  13"))
COUNTS = st.sampled_from(("3", "0", "", "-1", "1e3", "1 000", "12.0"))

#: Values of the columns of a table, one that it does not know among them.
DRAWN = {
    CONTACTS: {
        "reference": CODES,
        "date": TIMES,
        "canal": TERMS,
        "motif_parent": TERMS,
        "motif": TERMS,
        "autre": CODES,
    },
    DECLARATIONS: {
        "stats_id": CODES,
        "stats_debut_declaration": TIMES,
        "stats_fin_declaration": TIMES,
        "stats_dpt_unite": PLACES,
        "stats_pers_physique": FLAGS,
        "stats_pers_morale": FLAGS,
    },
    HOURLY_VISITS: {
        "tool": st.sampled_from(("matomo", "piano", "")),
        "site": TERMS,
        "visit_hour": st.sampled_from(("3", "23h", "24", "")),
        "date": TIMES,
        "visits": COUNTS,
        "visit_length_seconds": COUNTS,
        "time_spent_per_visit_milliseconds": COUNTS,
    },
}


def canonical_alone(table, values, header):
    """Return the canonical values of one record, field by field, or why the first bad one is refused."""
    row = {}
    for label, declared in header.columns.items():
        value = contract.scalar(values[label], label, "test")
        if value is None and not declared.nullable:
            return Rejection(declared.name, "is empty, and must not be")
        try:
            row[declared.name] = None if value is None else declared.parse(value)
        except ValueError as problem:
            return Rejection(declared.name, str(problem), shorten(value))
    for group in table.any_of:
        if all(row.get(name) is None for name in group):
            return Rejection(group[0], f"is empty, and so is every other of: {', '.join(group)}")
    if UNKNOWN_COLUMNS in table.fields:
        unknown = table._unknown(values, header, "test")
        row[UNKNOWN_COLUMNS.name] = json.dumps(unknown, ensure_ascii=False, sort_keys=True) if unknown else None
    return row


def read_alone(table, values, header):
    """Return the row of one record, validated by itself, or why it is refused: what a contract means."""
    row = canonical_alone(table, values, header)
    if isinstance(row, Rejection):
        return row
    for derived in table.derived:
        found = derived.compute(*(row[name] for name in derived.reads))
        row |= dict(zip(derived.fields, found, strict=True))
    try:
        row = table.rule(row)
    except RejectedError as refusal:
        return refusal.rejection
    late = table.not_after_load.broken_by(row) if table.not_after_load else None
    if late is not None:
        return RejectedError(late, "lies after the load", str(row[late])).rejection
    if table.key_parts:
        given = {declared.name: values[label] for label, declared in header.columns.items()}
        row[table.key] = "|".join(contract._key_part(row.get(part), given.get(part)) for part in table.key_parts)
    return row


@pytest.mark.parametrize("table", DRAWN, ids=lambda table: table.name)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_column_is_read_as_each_of_its_records_is(table, data):
    drawn = data.draw(st.lists(st.tuples(*DRAWN[table].values()), min_size=1, max_size=30))
    given_columns = {label: [row[place] for row in drawn] for place, label in enumerate(DRAWN[table])}
    header = table.understand(tuple(given_columns), "test")
    expected = [read_alone(table, dict(zip(given_columns, row, strict=True)), header) for row in drawn]

    reading = table.read(given_columns, header, lambda _: "test")

    rows = [dict(zip(reading.columns, values, strict=True)) for values in zip(*reading.columns.values(), strict=True)]
    assert reading.rejections == {n: found for n, found in enumerate(expected) if isinstance(found, Rejection)}
    assert dict(zip(reading.kept, rows, strict=True)) == {
        n: row for n, row in enumerate(expected) if isinstance(row, dict)
    }
    complete = [[row.get(name) for row in rows] for name in table.field_names]
    hashes = [content_hash({name: row.get(name) for name in table.field_names}) for row in rows]
    assert list(content_hashes(table.fields, complete)) == hashes


#: Lines of a file, most of them whole records.
LINES = st.lists(
    st.sampled_from(
        (
            *("1;2024-03-14 21:07:00;x", "2;2024-03-14 21:08:00;y", "1;2024-03-14 21:07:00;z") * 3,
            *('3;"2024-03-14 21:09:00";"a;b"', '4;x;"deux', 'lignes"', '5;a"b;c', '6;a"b;"c', '"7";"";""', '8;x;"y"z'),
            *("", "  ", ";;", "9;x", "9;x;y;z", "9;x;y\rz", "\ufeff1;x;y", '"', '""', "é;\x85;\u2028"),
        )
    ),
    max_size=40,
)


def line_by_line(file):
    """Yield the records of a file as each physical line is looked at by itself."""
    position, damaged = file._first, []
    while position < len(file._lines):
        if not file._lines[position].strip():
            position += 1
            continue
        record, position = file._record(position)
        if record.problem is not None:
            damaged.append(record)
            continue
        yield from damaged
        damaged = []
        yield record
    if damaged and damaged[0].problem == "a quoted field is not closed":
        damaged = damaged[:1]
    for record in damaged:
        record.is_cut = record is damaged[-1] and file._is_cut(record)
        yield record


ENCODINGS = st.sampled_from(("utf-8", "utf-8-sig", "cp1252"))


@settings(deadline=None, max_examples=300)
@given(LINES, st.sampled_from(("\n", "\r\n")), ENCODINGS, st.tuples(st.integers(0, 3), st.integers(1, 6)))
def test_a_file_holds_the_same_records_however_many_lines_are_split_together(tmp_path_factory, lines, end, code, sizes):
    cut, block = sizes
    file = tmp_path_factory.mktemp("csv") / "rows.csv"
    content = end.join(["id;at;text", *lines, ""]).encode(code, errors="replace")
    file.write_bytes(content[: len(content) - cut])
    opened = open_csv(file, "test", len)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingestion.engine.files.BLOCK_LINES", block)
        assert list(opened.records()) == list(line_by_line(opened))


def outcome(table, pieces, stored, each):
    """Return all that a validator makes of records, given in batches of `each` pieces."""
    validator = TableValidator(
        table, ORIGIN, lambda keys, _: {k: stored[k] for k in keys if k in stored}, lambda _: None
    )
    for start in range(0, len(pieces), each):
        validator.validate(pieces[start : start + each])
    rows = [row for batch in validator.changes() for row in batch.to_pylist()]
    counts = {name: value for name, value in vars(validator).items() if name.startswith("rows_")}
    written = {row[table.key]: row for row in rows}
    assert len(written) == len(rows)
    return (
        written,
        counts,
        validator.quarantined,
        validator.last_day,
        validator.updated_positions,
        validator.unknown_columns,
    )


@pytest.mark.parametrize("table", [CONTACTS, DECLARATIONS], ids=lambda table: table.name)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_batch_comes_out_as_its_records_do_one_by_one(table, data):
    drawn = data.draw(st.lists(st.tuples(*DRAWN[table].values()), min_size=1, max_size=19))
    labels = tuple(DRAWN[table])
    block = Block(range(2, len(drawn) + 2), dict(zip(labels, zip(*drawn, strict=True), strict=True)))
    damaged = Record(len(drawn) + 2, {labels[0]: "1"}, "it has 1 fields", is_cut=True)
    before = data.draw(st.lists(st.tuples(*DRAWN[table].values()), max_size=19))
    earlier = [Record(rank, dict(zip(labels, row, strict=True))) for rank, row in enumerate(before)]
    first, *_ = outcome(table, earlier, {}, 1) if earlier else ({},)
    stored = {key: row | {"_dlt_load_id": "1"} for key, row in first.items()}

    together = outcome(table, [block, damaged], stored, 2)
    assert together == outcome(table, [*one_by_one([block, damaged])], stored, 1)
    assert together == outcome(table, [*one_by_one([block, damaged])], stored, 7)
