"""Restricted readers send SQL that was written to talk past the guard: no answer shows a value planted elsewhere."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.superset import attacks, hostile_sql, markers, people
from tests.superset.attacks import Attack, Target, adhoc, chart_data, form, run_sql, sql_column, text
from tests.superset.copies import altered
from tests.superset.hostile_sql import Hostile
from tests.superset.people import People, Person

#: Tables that only some roles read, with a territory or without.
RESERVED = (
    "perception.fct_verbatim",
    "perception.fct_verbatim_term",
    "perception.fct_irritant_example",
    "audit.access_day",
)
#: What is asked for: tables of other territories' rows, reserved tables, the live copy's rows.
TABLES = (
    ("kpi.rpt_kpi", "value_label"),
    ("kpi.kpi_value", "numerator"),
    ("perception.fct_verbatim", "text"),
    ("perception.fct_experience", "main_structure_name"),
    ("perception.fct_irritant_example", "service_name"),
)
LIVE_TABLES = (("signals.live_signal", "explanation"),)
#: Statements per role in `make proof`; a few in each run of the tests.
MANY, FEW = 2_000, 40

ENTRIES: dict[str, Callable[[str], Attack]] = {
    "metric": lambda sql: chart_data(columns=[], metrics=[sql_column(sql)]),
    "metric as csv": lambda sql: chart_data(
        columns=[], metrics=[sql_column(sql)], result={"result_format": "csv", "result_type": "full"}
    ),
    "column": lambda sql: chart_data(columns=[sql_column(sql)]),
    "where": lambda sql: chart_data(columns=["value_label"], extras={"where": sql}),
    "having": lambda sql: chart_data(
        columns=["territory_code"], metrics=[sql_column("max(value)")], extras={"having": f"{sql} is not null"}
    ),
    "orderby": lambda sql: chart_data(columns=["value_label"], orderby=[[sql_column(sql), False]]),
    "adhoc": lambda sql: form(adhoc_filters=[adhoc(sql)]),
    "map metric": lambda sql: form(metric=sql_column(sql)),
    "map filter": lambda sql: form(extra_filters=[], adhoc_filters=[adhoc(sql)]),
}

#: The texts with which the guard of an earlier version was talked past.
KNOWN_CHARTS = (
    "max('a') -- */ || (select string_agg(distinct territory_code, ' ') from kpi.rpt_kpi) /*",
    "max('a') -- */ || (select string_agg(distinct value_label, ' ') from kpi.rpt_kpi) /*",
    "max(interval '1' \"day)||(select string_agg(distinct value_label, ' ') from kpi.rpt_kpi)||max('a'\")",
    "max(interval '1' \"day)||(select max(text) from perception.fct_verbatim)||max('a'\")",
)
KNOWN_SCRIPTS = (
    "select 1 as x -- */ union all select max(value) from kpi.rpt_kpi /*",
    "select e'\\\\' as a, ' , (select max(value) from kpi.rpt_kpi) as x --' as b",
    "select v.x from (select 1) as o, lateral (values ((select max(value) from kpi.rpt_kpi))) as v(x)",
    "with c as (select 1 as one) select (select max(value) from kpi.rpt_kpi) from c as rpt_kpi",
    "with c as (select 1 as one) select (select max(text) from perception.fct_verbatim) from c as fct_verbatim",
)
#: They show names of tables, files or plans instead of rows: nobody is answered.
REFUSED_SCRIPTS = (
    "with duckdb_tables as (select * from duckdb_tables) select * from duckdb_tables",
    "with duckdb_databases as (select * from duckdb_databases) select * from duckdb_databases",
    "with duckdb_columns as (select * from duckdb_columns) select * from duckdb_columns",
    "with sqlite_master as (select * from sqlite_master) select * from sqlite_master",
    "with pg_tables as (select * from pg_tables) select * from pg_tables",
    "select json_serialize_plan('select value from kpi.rpt_kpi where value > 5', optimize := true) as x",
)
ORACLE = (
    "max(json_serialize_plan('select numerator from kpi.kpi_value where numerator > {}', optimize := true)::varchar)"
)


@pytest.fixture(scope="module")
def copies(server, administration, tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Both copies with planted rows, on a server with everybody."""
    bundle, _ = people.grant(server, administration, tmp_path_factory.mktemp("policies"))
    plant = lambda _, file: markers.statements(file, RESERVED)  # noqa: E731
    with altered(server.home, administration, bundle, "markers", plant) as files:
        yield files


@pytest.fixture(scope="module")
def target(administration, server, copies) -> Target:  # noqa: ARG001 - the copies' fixture fills the server
    return Target.on(administration, people.bundles.load(people.BUNDLE, server.manifest))


@pytest.fixture(scope="module")
def folk(server, administration, copies) -> People:  # noqa: ARG001 - that fixture makes them
    return People(server.url, administration)


def answer_to(attempt: Hostile, person: Person, target: Target) -> str:
    if attempt.entry == "sql lab":
        live = "live_" in attempt.sql
        options = {"database_id": target.live, "schema": "signals"} if live else {}
        return text(run_sql(person, target, attempt.sql, **options))
    return ENTRIES[attempt.entry](attempt.sql)(person, target)


def leaks(
    person: Person,
    target: Target,
    attempts: Iterator[Hostile],
    is_leak: Callable[[str], bool] = markers.found_in,
) -> list[Hostile]:
    return [attempt for attempt in attempts if is_leak(_without_echo(attempt, person, target))]


def _without_echo(attempt: Hostile, person: Person, target: Target) -> str:
    """Return an answer without the question, which Superset repeats."""
    return answer_to(attempt, person, target).replace(json.dumps(attempt.sql)[1:-1], "")


@pytest.mark.parametrize("sql", KNOWN_CHARTS)
@pytest.mark.parametrize("entry", ["metric", "metric as csv", "column", "map metric"])
@pytest.mark.parametrize("name", ["gironde", "aquitaine"])
def test_a_chart_is_not_talked_into_another_table(folk, target, sql, entry, name):
    answer = answer_to(Hostile(entry, sql), folk[name], target)
    assert not markers.found_in(answer), answer[:300]
    assert "FR-29" not in answer


@pytest.mark.parametrize("sql", KNOWN_SCRIPTS)
def test_a_script_is_not_talked_into_another_territory(folk, target, sql):
    assert not markers.found_in(answer_to(Hostile("sql lab", sql), folk["analyste_gironde"], target))


@pytest.mark.parametrize("sql", REFUSED_SCRIPTS)
@pytest.mark.parametrize("name", ["analyste_gironde", "auditeur"])
def test_a_script_reads_no_catalogue(folk, target, sql, name):
    assert attacks.is_refusal(answer_to(Hostile("sql lab", sql), folk[name], target))


def test_a_plan_is_no_oracle(folk, target):
    """The plan of a query would say whether rows exist above a bound, and so their greatest value."""
    for bound in (markers.NUMBER - 1, markers.NUMBER + 1):
        answer = answer_to(Hostile("metric", ORACLE.format(bound)), folk["gironde"], target)
        assert attacks.is_refusal(answer)


def attempts(name: str, seed: int) -> Iterator[Hostile]:
    """Yield what a person can send: charts for everybody, SQL Lab for who has it, the live copy now and then."""
    if name != "analyste_gironde":
        return hostile_sql.for_charts(TABLES, seed)
    daily, live = hostile_sql.for_sql_lab(TABLES, seed), hostile_sql.for_sql_lab(LIVE_TABLES, seed + 1)
    charts = hostile_sql.for_charts(TABLES, seed + 2)
    return itertools.chain.from_iterable(zip(daily, daily, live, charts, strict=False))


@pytest.mark.parametrize("name", ["gironde", "analyste_gironde"])
def test_generated_sql_shows_no_planted_value(folk, target, name):
    assert leaks(folk[name], target, itertools.islice(attempts(name, seed=11), FEW)) == []


@pytest.mark.proof
@pytest.mark.parametrize("name", ["gironde", "aquitaine", "gendarmerie_aquitaine", "deux_places", "analyste_gironde"])
def test_much_generated_sql_shows_no_planted_value(folk, target, name):
    person = folk[name]
    # Whoever holds the Rhône reads its rows, the planted ones too; reserved texts stay shut.
    is_leak = markers.is_reserved_found_in if name == "deux_places" else markers.found_in
    assert leaks(person, target, itertools.islice(attempts(name, seed=hash_of(name)), MANY), is_leak) == []


def hash_of(name: str) -> int:
    return sum(map(ord, name))


def test_the_generator_reaches_the_planted_values(copies):
    """Run on an unguarded copy, a good part of what is generated shows a planted value: the attacks are real."""
    with duckdb.connect(str(copies["daily"]), read_only=True) as copy:
        scripts = [attempt.sql for attempt in itertools.islice(hostile_sql.for_sql_lab(TABLES, 5), 300)]
        charts = [
            f"select {attempt.sql} as x from (from kpi.rpt_kpi limit 20)"  # some cost a pass over all rows for each row
            for attempt in itertools.islice(hostile_sql.for_charts(TABLES, 5), 300)
            if attempt.entry in {"metric", "metric as csv", "map metric"}
        ]
        shown = {kind: sum(_shows(copy, sql) for sql in sqls) for kind, sqls in (("s", scripts), ("c", charts))}
    assert shown["s"] > len(scripts) * 0.3
    assert shown["c"] > len(charts) * 0.2


def _shows(copy: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        return markers.found_in(str(copy.execute(sql).fetchall()))
    except duckdb.Error as problem:
        return markers.found_in(str(problem))


def test_the_reserved_tables_are_those_of_the_policies():
    reserved = yaml.safe_load((people.POLICIES / "roles.yml").read_text(encoding="utf-8"))["reserved"]["datasets"]
    texts = {"experiences", "irritant_examples", "verbatim_search", "verbatims"}
    assert set(reserved) == texts | {"accesses", "acts", "audit_state"}
