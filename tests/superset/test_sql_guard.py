"""Which SQL may reach the published copy. No server: the guard is a function of the text."""

import importlib.util
from types import ModuleType

import pytest

from tests.superset.attacks import OPEN_SQL
from tests.superset.conftest import BUNDLE, SERVER


@pytest.fixture(scope="module")
def guard() -> ModuleType:
    """The module beside the server's configuration, which is no package."""
    spec = importlib.util.spec_from_file_location("sql_guard", SERVER.parent / "sql_guard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("sql", OPEN_SQL)
def test_questions_pass(guard, sql):
    assert guard.refusal(sql) is None


@pytest.mark.parametrize("file", sorted((BUNDLE / "datasets").glob("*.sql")), ids=lambda file: file.stem)
def test_the_queries_of_the_bundle_pass(guard, file):
    assert guard.refusal(f"select territory_code from ({file.read_text(encoding='utf-8')}) as virtual_table") is None


@pytest.mark.parametrize(
    "sql",
    [
        "select * from range(3)",
        "select * from generate_series(1, 3)",
        "select * from unnest([1, 2])",
        "select * from (values (1)) as made (x)",
        "with days as (select 1 as day), more as (select * from days) select * from more",
        "select 1 except select 2",
        "select columns('val.*') from kpi.kpi_reading",
    ],
)
def test_what_reads_no_table_of_others_passes(guard, sql):
    assert guard.refusal(sql) is None


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("delete from kpi.kpi_reading", "Seules les requêtes SELECT sont exécutées."),
        ("select 1; drop table kpi.kpi_reading", "Seules les requêtes SELECT sont exécutées."),
        ("select * into copy from kpi.kpi_reading", "Seules les requêtes SELECT sont exécutées, sans PIVOT"),
        ("select * from kpi_reading", "Écrivez la table kpi_reading avec son schéma, par exemple kpi.kpi_reading."),
        ("select * from other.kpi.kpi_reading", "La table other.kpi.kpi_reading n'est pas permise."),
        ("select * from INFORMATION_SCHEMA.tables", "La table INFORMATION_SCHEMA.tables n'est pas permise."),
        ("with A as (select * from kpi.a) select * from a", "un autre nom que celui de la table a."),
        ("select * from my_macro('x')", "Une fonction ne peut pas tenir lieu de table."),
        ("select DUCKDB_SECRETS()", "La fonction duckdb_secrets n'est pas permise."),
        ("select from", "Cette requête n'est pas comprise"),
        ("select ((((((((((1", "Cette requête n'est pas comprise"),
        ("select " + "(" * 5000 + "1" + ")" * 5000, "Cette requête n'est pas comprise"),
    ],
)
def test_the_rest_is_refused_with_its_reason(guard, sql, reason):
    assert reason in guard.refusal(sql)
