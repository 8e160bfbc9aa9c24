"""Which SQL may run on a copy. No server: the guard is a function of the tree that DuckDB's parser makes of a text."""

import importlib.util
from types import ModuleType

import duckdb
import pytest

from tests.superset.attacks import OPEN_LIVE_SQL, OPEN_SQL, SHUT_LIVE_SQL, SHUT_SQL
from tests.superset.conftest import BUNDLE, SERVER

#: Tables that the attacks may read: the analyst's.
TABLES = {
    ("kpi", "rpt_kpi"),
    ("kpi", "kpi_value"),
    ("perception", "fct_experience"),
    ("signals", "live_signal"),
}
#: What is refused elsewhere: sqlglot does not read the first, and the live copy lacks the table of the second.
ELSEWHERE = {"table kpi.rpt_kpi", "select max(value) from kpi.rpt_kpi"}
SCHEMAS = ("actors", "audit", "impact", "kpi", "perception", "reference", "signals", "visibility")


@pytest.fixture(scope="module")
def guard() -> ModuleType:
    """The module beside the server's configuration, which is no package."""
    spec = importlib.util.spec_from_file_location("sql_guard", SERVER.parent / "sql_guard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(sql: str) -> str:
    text = sql.replace("'", "''")
    return duckdb.sql(f"select json_serialize_sql('{text}')").fetchall()[0][0]


@pytest.fixture
def refusal(guard):
    """Return why a text is refused, None if it may run."""

    def ask(sql: str, granted=lambda schema, name: (schema, name) in TABLES) -> str | None:
        try:
            guard.check(tree(sql), granted, {name for _, name in TABLES})
        except guard.Refusal as refused:
            return str(refused)
        return None

    return ask


@pytest.mark.parametrize("sql", [*OPEN_SQL, *OPEN_LIVE_SQL])
def test_questions_pass(refusal, sql):
    assert refusal(sql) is None


@pytest.mark.parametrize("file", sorted((BUNDLE / "datasets").glob("*.sql")), ids=lambda file: file.stem)
def test_the_queries_of_the_bundle_pass(refusal, file):
    sql = f"select territory_code from ({file.read_text(encoding='utf-8')}) as virtual_table"
    assert refusal(sql, lambda schema, _: schema in SCHEMAS) is None


@pytest.mark.parametrize(
    "sql",
    [
        "select * from range(3)",
        "select * from generate_series(1, 3)",
        "select * from unnest([1, 2])",
        "select * from (values (1)) as made (x)",
        "values (1), (2)",
        "with days as (select 1 as day), more as (select * from days) select * from more",
        "with recursive t (n) as (select 1 union all select n + 1 from t where n < 9) select * from t",
        "with c as (select 1 as x) select (select max(x) from C) from c as d, lateral (select d.x) as e",
        "select 1 except select 2",
        "select 1 as a union all by name select 2 as b",
        "select columns('val.*') from kpi.rpt_kpi",
        "select columns(*)::varchar from kpi.rpt_kpi",
        "select * exclude (value) replace (upper(kpi_code) as kpi_code) from kpi.rpt_kpi",
        "from kpi.rpt_kpi select max(value) as rpt_kpi",
        "select * from kpi.rpt_kpi as a positional join kpi.kpi_value as b",
        "select list_transform([1, 2], lambda x : x + 1), [x for x in [1] if x > 0], {'a': 1}.a, map {1: 2}[1]",
        "select sum(value) over (partition by kpi_code order by period_start rows 2 preceding) from kpi.rpt_kpi",
        "select kpi_code, median(value) filter (where value > 0) from kpi.rpt_kpi group by all having count(*) > 1",
        "select date_trunc('month', period_start) + interval 1 month, value::text from kpi.rpt_kpi order by all",
        "select extract(year from now()) from kpi.rpt_kpi qualify row_number() over (order by value) < 3 limit 5",
        "select try_cast('1' as decimal(10, 2)), '[1]'::json ->> 0, 'a' collate nocase, current_date, 5 // 2, 2 ** 3",
        "select value from kpi.rpt_kpi using sample 10",
        "select 'pragma_storage_info(''kpi.rpt_kpi'')' as text /* duckdb_tables() */ -- read_csv",
    ],
)
def test_analysis_passes(refusal, sql):
    assert refusal(sql) is None


@pytest.mark.parametrize(
    "sql", [sql for sql in [*SHUT_SQL, *SHUT_LIVE_SQL] if "{{" not in sql and sql not in ELSEWHERE]
)
def test_attacks_are_refused(refusal, sql):
    assert refusal(sql)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("delete from kpi.rpt_kpi", "Seules les requêtes SELECT sont exécutées"),
        ("select 1; select 2", "Une seule requête est exécutée à la fois."),
        ("select * into copy from kpi.rpt_kpi", "n'est pas comprise"),
        ("select * from rpt_kpi", "Écrivez la table rpt_kpi avec son schéma, par exemple kpi.rpt_kpi."),
        ("select * from other.kpi.rpt_kpi", "La table other.kpi.rpt_kpi n'est pas permise."),
        ("select * from INFORMATION_SCHEMA.tables", "La table INFORMATION_SCHEMA.tables n'est pas permise."),
        ("select * from kpi.KPI_READING", "La table kpi.KPI_READING n'est pas permise."),
        ("select * from kpi.ＫＰＩ_reading", "n'est pas permise."),
        ("select * from perception.fct_verbatim", "La table perception.fct_verbatim n'est pas permise."),
        ("select * from my_macro('x')", "Une fonction ne peut pas tenir lieu de table."),
        ("select DUCKDB_SECRETS()", "La fonction duckdb_secrets n'est pas permise."),
        ("select other.max(1)", "La fonction max n'est pas permise."),
        ("select 1::kpi.mood", "Le type mood n'est pas permis."),
        ("select ?", "Cette forme de requête n'est pas permise"),
        ("select * from kpi.rpt_kpi at (version => 1)", "Cette forme de requête n'est pas permise"),
        ("select from", "n'est pas comprise"),
        ("select ((((((((((1", "n'est pas comprise"),
        ("select " + "(" * 50_000 + "1" + ")" * 50_000, "n'est pas comprise"),
        ("select 1" + "+1" * 900, "trop imbriquée"),
        ("select " + "not " * 900 + "true", "trop imbriquée"),
    ],
)
def test_the_rest_is_refused_with_its_reason(refusal, sql, reason):
    assert reason in refusal(sql)


@pytest.mark.parametrize(
    "sql",
    [
        # a name hides a table only where it is in scope
        "with duckdb_tables as (select * from duckdb_tables) select * from duckdb_tables",
        "with x as (select * from duckdb_databases) select * from x",
        "with sqlite_master as (select 1) select * from sqlite_master",
        "with PG_tables as (select 1) select * from pg_tables",
        "with c as (select 1), d as (select * from later), later as (select 2) select * from d",
        "select * from (with inside as (select 1) select * from inside) as a, inside",
        "with rpt_kpi as (select 1 as value) select * from rpt_kpi",
        "with Rpt_Kpi as (select 1 as value) select * from rpt_kpi",
        # subqueries in every place
        "select * from (values ((select max(words) from perception.fct_verbatim_term))) as t",
        "select x from kpi.kpi_value, lateral (values ((select max(text) from perception.fct_verbatim))) as b (x)",
        "select {'a': (select max(text) from perception.fct_verbatim)}, [(select text from perception.fct_verbatim)]",
        "select list_transform([1], lambda x : (select max(text) from perception.fct_verbatim))",
        "select columns(lambda c : c in (select words from perception.fct_verbatim_term)) from kpi.rpt_kpi",
        "select * replace ((select max(text) from perception.fct_verbatim) as value) from kpi.rpt_kpi",
        "select max(value) filter (where exists (from perception.fct_verbatim)) from kpi.rpt_kpi",
        "select value from kpi.rpt_kpi order by (select max(text) from perception.fct_verbatim)",
        "select value from kpi.rpt_kpi limit (select count(*) from perception.fct_verbatim)",
        "select * from range((select count(*) from perception.fct_verbatim))",
        "select * from kpi.rpt_kpi as a join perception.fct_verbatim as b on true",
        "select * from kpi.rpt_kpi as a asof join perception.fct_verbatim as b using (territory_code)",
        "with recursive t as (select 1 union all select count(*) from perception.fct_verbatim) select * from t",
        "select 1 union select count(*) from perception.fct_verbatim",
        # what runs a text, or reveals plans, settings, files, statistics
        "select json_serialize_plan('select 1', optimize := true)",
        "select json_serialize_sql('select 1')",
        "select * from json_execute_serialized_sql('x')",
        "select json_deserialize_sql('x')",
        "select * from sql_auto_complete('select')",
        "select getvariable('x')",
        "select current_setting('memory_limit')",
        "select stats(value) from kpi.rpt_kpi",
        "select * from pragma_version()",
        "select * from read_duckdb('x')",
        "select write_log('x')",
        "select pg_get_viewdef(1)",
        "select current_query()",
        "select nextval('x')",
        "select * from seq_scan('kpi.rpt_kpi')",
        "select * from summary((select 1))",
        "select * from histogram('kpi.rpt_kpi', 'value')",
    ],
)
def test_no_scope_position_or_function_reaches_another_table(refusal, sql):
    assert refusal(sql)


def test_every_function_of_the_list_exists(guard):
    known = {name for (name,) in duckdb.sql("select distinct lower(function_name) from duckdb_functions()").fetchall()}
    by_grammar = """-> coalesce current_time current_timestamp first_value grouping grouping_id ifnull last_value
        localtime localtimestamp position row"""
    assert guard.FUNCTIONS - known - set(by_grammar.split()) == set()
