"""`cyberimpact query`: one question, three formats, and a sentence where there is no answer."""

import csv
import io
import json
import os
import subprocess

import pytest

from core.settings import Home
from tests.cli.verbs import CYBERIMPACT, QUERY, Run


@pytest.mark.usefixtures("published_home")
class TestQuery:
    def test_a_table_by_default(self, run: Run) -> None:
        done = run("query", QUERY)
        assert done.code == 0
        assert done.err == ""
        for word in ("experience_id", "feeling", "positif", "2023-01-31"):
            assert word in done.out

    def test_csv(self, run: Run) -> None:
        done = run("query", QUERY, "--format", "csv")
        assert (done.code, done.err) == (0, "")
        assert list(csv.reader(io.StringIO(done.out))) == [
            ["experience_id", "feeling", "published_on"],
            ["1", "positif", "2023-01-31"],
            ["2", "", ""],
        ]

    def test_json(self, run: Run) -> None:
        done = run("query", QUERY, "--format", "json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == [
            {"experience_id": "1", "feeling": "positif", "published_on": "2023-01-31"},
            {"experience_id": "2", "feeling": None, "published_on": None},
        ]

    def test_a_number_is_a_number_in_json(self, run: Run) -> None:
        sql = "select share, 3::hugeint as n, 1.5::double as d from perception.fct_experience"
        done = run("query", sql, "--format", "json")
        assert json.loads(done.out)[0] == {"share": 0.25, "n": 3, "d": 1.5}

    def test_json_is_json_whatever_the_values(self, run: Run) -> None:
        def refuse(constant: str) -> None:
            pytest.fail(f"{constant} is no JSON")

        values = "'nan'::double as a, 'infinity'::double as b, [1, 2] as c, {'x': date '2026-01-01'} as d"
        sql = f"select {values}, '\x01é\"' as e"
        (row,) = json.loads(run("query", sql, "--format", "json").out, parse_constant=refuse)
        assert row["c"] == [1, 2]
        assert row["d"] == {"x": "2026-01-01"}
        assert row["e"] == '\x01é"'

    def test_two_columns_of_one_name_are_both_told(self, run: Run) -> None:
        done = run("query", "select 'left' as a, 'right' as a", "--format", "json")
        assert "left" in done.out + done.err
        assert "right" in done.out + done.err

    def test_no_row(self, run: Run) -> None:
        sql = "select experience_id from perception.fct_experience where false"
        assert run("query", sql, "--format", "csv").out == "experience_id\n"
        assert json.loads(run("query", sql, "--format", "json").out) == []
        assert run("query", sql).code == 0

    @pytest.mark.parametrize("text", ["[bold]gras[/bold]", "[MAIL] et [TÉLÉPHONE]", "[/fin]", "é œ €", "x" * 150])
    def test_a_table_shows_the_text_as_it_is(self, run: Run, text: str) -> None:
        done = run("query", f"select '{text}' as texte, '{'y' * 100}' as autre")
        assert done.code == 0
        shown = "".join(done.out.split("\n"))
        assert text in shown, "cut or changed"
        assert "y" * 100 in shown

    @pytest.mark.parametrize(
        "sql",
        [
            "selekt 1",
            "select * from absent",
            "delete from perception.fct_experience",
            "select * from read_text('/etc/hostname')",
            "set threads = 1",
            "select cast('x' as integer)",
            "",
            ";",
            "/* rien */",
        ],
    )
    def test_what_cannot_be_answered_is_said_on_stderr(self, run: Run, sql: str) -> None:
        for form in ("table", "csv", "json"):
            assert run("query", sql, "--format", form).refused()

    def test_more_than_one_query_is_refused_not_half_answered(self, run: Run) -> None:
        assert run("query", "select 'first'; select 'second'").refused()

    def test_an_unknown_format_is_a_wrong_call(self, run: Run) -> None:
        done = run("query", QUERY, "--format", "xml")
        assert done.code == 2
        assert done.out == ""
        assert "json" in done.err


def test_a_reader_that_has_seen_enough_gets_no_stack_trace(published_home: Home) -> None:
    """As in `cyberimpact query … --format csv | head -1`."""
    with subprocess.Popen(
        [CYBERIMPACT, "query", "select range as number from range(300000)", "--format", "csv"],
        env=os.environ | {"CYBERIMPACT_HOME": str(published_home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "number\n"
        process.stdout.close()
        assert process.stderr.read() == ""
