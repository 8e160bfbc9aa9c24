"""Superset reads SQL as DuckDB does, or not at all. Its own Python runs the module, since it has its own sqlglot."""

import json
import subprocess

import pytest

from tests.superset.attacks import OPEN_LIVE_SQL, OPEN_SQL
from tests.superset.conftest import BUNDLE, PYTHON, SERVER

SECRET = "(select max(text) from perception.fct_verbatim)"
#: Clauses and statements that sqlglot, left to itself, writes anew as something else than what it has checked.
TWO_WAYS = (
    f"max(interval '1' \"day)||{SECRET}||max('a'\")",
    "period_start > interval '1' \"day or 1=1\"",
    "period_start > interval '1' \"day) or (1=1\"",
    f"select e'\\\\' as a, ' , {SECRET} as x --' as b",
    "select $$it's$$",
    "select x'aa'",
    f'extract("day from x), {SECRET} from (y" from z)',
    "table kpi.rpt_kpi",
    "select a.r from kpi.kpi_catalogue as c left join kpi.kpi_value as a, kpi.rpt_kpi as b(p, q, r, s, t) on true",
    "select * from (kpi.kpi_value as a cross join kpi.rpt_kpi as b)",
    "select * from kpi.kpi_catalogue as c semi join kpi.kpi_value as a, kpi.rpt_kpi as b on true",
    "select " + "(" * 5000 + "1" + ")" * 5000,
)  # fmt: skip
#: Texts whose comments hold what would run if they were written anew as comments of the other kind.
COMMENTED = {
    f"max('a') -- */ || {SECRET} /*": "MAX('a')",
    "select 1 as x -- */ union all select value from kpi.rpt_kpi /*": "SELECT 1 AS x",
    "select 1 as x /* -- */": "SELECT 1 AS x",
}
TABLES = {
    "select * from kpi.a, lateral (values ((select 1 from kpi.b))) as t (x)": [["kpi", "a"], ["kpi", "b"]],
    "with c as (select 1 as one) select (select count(*) from kpi.a) from c as a": [["", "c"], ["kpi", "a"]],
    "from kpi.a select x": [["kpi", "a"]],
    "select * from kpi.a as b positional join kpi.b as a": [["kpi", "a"], ["kpi", "b"]],
    "select {'x': (select 1 from kpi.a)}, [(select 1 from kpi.a)]": [["kpi", "a"], ["kpi", "a"]],
}
#: Texts that name tables as they were called before.
FORMER = {
    "select value from kpi.old": "SELECT value FROM kpi.new AS old",
    "from kpi.old select old.value": "SELECT old.value FROM kpi.new AS old",
    "select kpi.old.v from kpi.old where kpi.old.v > 1": "SELECT old.v FROM kpi.new AS old WHERE old.v > 1",
    "select max(o.value) from kpi.old as o": "SELECT MAX(o.value) FROM kpi.new AS o",
    "select (select 1 from kpi.a, kpi.old) as x": "SELECT (SELECT 1 FROM kpi.a, kpi.new AS old) AS x",
    "select * from other.old, kpi.older": "SELECT * FROM other.old, kpi.older",
    "select * from serving.kpi.old": "SELECT * FROM serving.kpi.old",
    "with old as (select 1 as x) select * from old": "WITH old AS (SELECT 1 AS x) SELECT * FROM old",
}
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import sql_reading
dialect = sql_reading.ServedDuckDB()
def written(text):
    try:
        return [dialect.generate(tree) for tree in dialect.parse(text)]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
def tables(text):
    return sorted(sql_reading.named_tables(dialect.parse(text)[0]))
asked = json.load(sys.stdin)
answers = [
    [written(text) for text in asked["write"]],
    [tables(text) for text in asked["tables"]],
    [sql_reading.reads(text, [("kpi", "a")]) for text in asked["reads"]],
]
sql_reading.ServedDuckDB.renamed = {"kpi.old": "kpi.new"}
print(json.dumps([*answers, [written(text) for text in asked["former"]]]))
"""
QUERIES = [file.read_text(encoding="utf-8") for file in sorted((BUNDLE / "datasets").glob("*.sql"))]
READS = {
    "select * from kpi.a": True,
    "select * from kpi.a, kpi.a as b": False,
    "select * from kpi.b": False,
    "select 1; select * from kpi.a": False,
    "select * from ((kpi.a": False,
}


@pytest.fixture(scope="module")
def answers() -> list:
    asked = {
        "write": [*TWO_WAYS, *COMMENTED, *OPEN_SQL, *OPEN_LIVE_SQL, *QUERIES],
        "tables": list(TABLES),
        "reads": list(READS),
        "former": list(FORMER),
    }
    done = subprocess.run(
        [PYTHON, "-c", PROGRAM, SERVER.parent], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_can_be_read_in_two_ways_is_refused(answers):
    refused = dict(zip(TWO_WAYS, answers[0], strict=False))
    assert {text: answer for text, answer in refused.items() if not str(answer).startswith("ParseError")} == {}


def test_comments_are_not_written(answers):
    assert answers[0][len(TWO_WAYS) :][: len(COMMENTED)] == [[text] for text in COMMENTED.values()]


def test_questions_and_the_bundle_are_understood(answers):
    understood = answers[0][len(TWO_WAYS) + len(COMMENTED) :]
    assert len(understood) == len(OPEN_SQL) + len(OPEN_LIVE_SQL) + len(QUERIES)
    assert [answer for answer in understood if isinstance(answer, str)] == []


def test_every_table_is_found(answers):
    assert answers[1] == list(TABLES.values())


def test_both_parsers_find_the_same_tables(answers):
    assert answers[2] == list(READS.values())


def test_a_former_name_is_read_as_the_table_itself(answers):
    assert answers[3] == [[text] for text in FORMER.values()]


#: Aliases that would end where they stand if they were written as they are, and read the table once more.
ALIASES = (
    "my alias",
    "select",
    'x, (\n  SELECT\n    *\n  FROM kpi.rpt_kpi\n) AS "',
)
RULED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import sql_reading
from superset.sql import parse
parse.SQLGLOT_DIALECTS["duckdb"] = sql_reading.ServedDuckDB
asked = json.load(sys.stdin)
answers = []
for alias in asked:
    quoted = '"' + alias.replace('"', '""') + '"'
    [statement] = parse.SQLScript(f"select * from kpi.rpt_kpi as {quoted}", engine="duckdb").statements
    rule = {table: [statement.parse_predicate("territory_code = 'FR'")] for table in statement.tables}
    statement.apply_rls(None, "kpi", rule, parse.RLSMethod.AS_SUBQUERY)
    answers.append(" ".join(statement.format().split()))
print(json.dumps(answers))
"""


def test_an_alias_stays_a_name_below_a_row_rule():
    asked = json.dumps(ALIASES)
    done = subprocess.run(
        [PYTHON, "-c", RULED, SERVER.parent], input=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for alias, text in zip(ALIASES, json.loads(done.stdout), strict=True):
        quoted = " ".join(alias.replace('"', '""').split())
        inner = "SELECT * FROM ( SELECT * FROM kpi.rpt_kpi WHERE territory_code = 'FR' ) AS"
        assert text == f'{inner} "{quoted}"'
