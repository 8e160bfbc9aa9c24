"""Every export as CSV, JSON and JSON Lines: the examples of the platforms' pages, and what tools make of them."""

import json
import re
from itertools import groupby

import pytest

from core import settings
from core.errors import ExpectedFailure
from ingestion.engine.loading import load
from ingestion.engine.parsed_file import open_file
from ingestion.engine.validation import Origin, TableValidator
from ingestion.platforms import platform
from tests.ingestion.every_connector import NAMES, ask, contract, snapshot

PLATFORM = "audience"

#: A fenced block whose first line says that it is a file: ```csv export.csv
_EXAMPLE = re.compile(r"^```(csv|json|jsonl) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Platforms that nobody gets a file of.
WITHOUT_FILES = {"official_alerts", "operations"}


def examples(name):
    page = (settings.CHECKOUT / "ingestion" / "connectors" / name / "README.md").read_text(encoding="utf-8")
    return _EXAMPLE.findall(page)


def read(name, file):
    """Return what a file holds by table, and the reasons of what is refused; nothing is written."""
    rows, refused = {}, []
    for part in open_file(platform(name), file).parts:
        validator = TableValidator(part.table, Origin(name, "file", file.name), lambda *_: {}, lambda _: None)
        validator.validate(part.records)
        found = [row for batch in validator.changes() for row in batch.to_pylist()]
        rows[part.table.name] = sorted(
            ({k: v for k, v in row.items() if k not in {"generation", "_content_hash"}} for row in found),
            key=lambda row: str(row[part.table.key]),
        )
        refused += [(entry.position, entry.rejection.reason) for entry in validator.quarantined]
    return rows, refused


def read_text(name, folder, file_name, text):
    file = folder / file_name
    file.write_text(text, encoding="utf-8")
    return read(name, file)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_FILES])
def test_the_examples_of_a_page_say_the_same_in_every_format(tmp_path, name):
    found = examples(name)
    assert {kind for kind, _, _ in found} >= ({"csv"} if name == "prevention_actions" else {"csv", "json", "jsonl"})
    for _, group in groupby(found, key=lambda example: example[1].partition(".")[0]):
        readings = [read_text(name, tmp_path, file_name, text) for _, file_name, text in group]
        assert not [reasons for _, reasons in readings if reasons]
        first = readings[0][0]
        assert all(first.values())
        for rows, _ in readings[1:]:
            found = {table: found for table, found in rows.items() if table in first}
            if name == "jdma":  # of a review, an export has other fields than the API
                assert keys_of(name, found) == keys_of(name, first)
            else:
                assert found == first


def keys_of(name, rows):
    keys = {table.name: table.key for table in contract(name)}
    return {table: [row[keys[table]] for row in found] for table, found in rows.items()}


HOUR = {"date": "2024-01-31", "visit_hour": 9, "site_level2": "recrutement", "m_visits": 12, "m_bounces": 5}
HOUR |= {"m_unique_visitors": 10, "m_time_spent_per_visits": 1500}


def test_singer_messages_are_records(tmp_path):
    messages = [
        {"type": "SCHEMA", "stream": "hourly_visits", "schema": {}},
        {"type": "RECORD", "stream": "hourly_visits", "record": HOUR | {"_sdc_batched_at": "2024-02-01T00:00:00Z"}},
        {"type": "STATE", "value": {"bookmarks": {}}},
    ]
    rows, refused = read_text("audience", tmp_path, "tap.jsonl", "\n".join(map(json.dumps, messages)) + "\n")
    assert refused == []
    [row] = rows["hourly_visits"]
    assert (row["tool"], row["site"], row["visits"]) == ("piano", "gendarmerie.interieur.gouv.fr", 12)
    assert row["colonnes_inconnues"] is None


def test_a_file_of_the_audience_is_of_the_site_that_its_name_holds(tmp_path):
    rows, _ = read_text("audience", tmp_path, "service-public.fr_hours.jsonl", json.dumps(HOUR) + "\n")
    assert rows["hourly_visits"][0]["site"] == "service-public.fr"


def test_fields_that_a_line_lacks_are_empty(tmp_path):
    lines = [HOUR, {name: value for name, value in HOUR.items() if name not in {"m_bounces", "site_level2"}}]
    rows, refused = read_text("audience", tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)))
    assert refused == []
    assert [row["bounces"] for row in rows["hourly_visits"]] == [None, 5]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"date": "2024-02-01", "visit_hour"', "not whole JSON"),
        ('["2024-02-01"]', "a list stands where a record is expected"),
        (json.dumps(HOUR | {"date": "2024-02-31"}), "not a date"),
        (json.dumps(HOUR | {"date": {"day": 1}}), "holds a nested value"),
        (json.dumps(HOUR)[:-1] + ', "date": "2024-02-01"}', "not whole JSON"),
    ],
)
def test_a_bad_line_is_refused_alone(tmp_path, line, reason):
    text = "\n".join((json.dumps(HOUR), line, json.dumps(HOUR | {"visit_hour": "N/A"}))) + "\n"
    rows, refused = read_text("audience", tmp_path, "a.jsonl", text)
    assert len(rows["hourly_visits"]) == 2
    [(position, said)] = refused
    assert position == 2
    assert reason in said


def test_a_bad_first_line_does_not_hide_the_others(tmp_path):
    rows, refused = read_text("audience", tmp_path, "a.jsonl", "{\n" + json.dumps(HOUR) + "\n")
    assert (len(rows["hourly_visits"]), [position for position, _ in refused]) == (1, [1])


def test_cp1252_in_json_is_repaired(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes((json.dumps(HOUR | {"site_level2": "école"}, ensure_ascii=False) + "\n").encode("cp1252"))
    parsed = open_file(platform("audience"), file)
    assert (parsed.repaired.count, parsed.repaired.line) == (1, 1)
    assert read("audience", file)[0]["hourly_visits"][0]["site_level2"] == "école"


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"a": 1}', '[{"colour": "red", "size": 3}]', '{"a": [{"b": 1}], "c": [{"d": 2}]}']
)
def test_json_of_something_else_is_told(tmp_path, text):
    with pytest.raises(ExpectedFailure, match=r"audience, file a\.json"):
        read_text("audience", tmp_path, "a.json", text)


def test_users_of_x_are_accounts_and_their_figures(tmp_path):
    user = {"id": "1", "username": "Gendarmerie_33", "name": "Gendarmerie de Gironde", "verified": True}
    user["public_metrics"] = {"followers_count": 10, "following_count": 2, "tweet_count": 7, "listed_count": 1}
    text = json.dumps(user) + "\n" + json.dumps(user | {"username": "Gendarmerie_06", "id": "2"}) + "\n"
    rows, refused = read_text("social_accounts", tmp_path, "users_2026-03-30.jsonl", text)
    assert refused == []
    assert [(row["account"], row["department_code"]) for row in rows["accounts"]] == [
        ("Gendarmerie_06", "06"),
        ("Gendarmerie_33", "33"),
    ]
    assert [(row["day"], row["followers"], row["posts"]) for row in rows["daily_metrics"]] == [
        ("2026-03-30", 10, 7)
    ] * 2
    with pytest.raises(ExpectedFailure, match="the followers have no day"):
        read_text("social_accounts", tmp_path, "users.jsonl", text)


@pytest.mark.usefixtures("home")
def test_a_file_loads_once_whatever_its_format(tmp_path):
    lines = [HOUR | {"visit_hour": hour} for hour in range(3)]
    as_lines, document = tmp_path / "a.jsonl", tmp_path / "a.json"
    as_lines.write_text("\n".join(map(json.dumps, lines)) + "\n")
    document.write_text(json.dumps({"DataFeed": {"Rows": lines}}))
    assert load("audience", file=as_lines).total("rows_new") == 3
    before = snapshot("audience")
    assert load("audience", file=document).total("rows_unchanged") == 3
    assert snapshot("audience") == before
    assert ask("audience", "select sum(visits) from hourly_visits") == [(36,)]
