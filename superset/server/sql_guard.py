"""Says which SQL may reach the published copy, whoever asks and however. Who sees which rows is not decided here.

Superset finds the tables of a query before it applies row rules, and can be misled: by a statement that is no query,
by a function that reads a table or its statistics, by a common table expression with the name of a table. All of these
are refused, so that what is left is what Superset understands.
"""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

#: The only functions that may stand in place of a table.
_TABLE_FUNCTIONS = (exp.GenerateSeries, exp.Unnest, exp.Values)
_SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog", "temp", "system", "main"})
#: Functions that tell of more than the rows that they are given: statistics, files, settings, other queries.
_FUNCTION_PREFIXES = (
    "duckdb_",
    "pragma_",
    "read_",
    "parquet_",
    "sniff_",
    "sqlite_",
    "which_",
    "from_substrait",
    "json_execute",
)
_FUNCTIONS = frozenset(
    ("stats", "query", "query_table", "getenv", "getvariable", "current_setting", "glob", "test_all_types")
)
_STATEMENTS = (
    exp.Command, exp.Describe, exp.Summarize, exp.Show, exp.Pragma, exp.Set, exp.DDL, exp.DML, exp.Pivot, exp.Into
)  # fmt: skip


def refusal(sql: str) -> str | None:
    """Return in French why a script is refused; None if it may run."""
    try:
        statements = [one for one in sqlglot.parse(sql, dialect="duckdb") if one is not None]
    except (SqlglotError, RecursionError):
        return "Cette requête n'est pas comprise, elle n'est donc pas exécutée."
    for statement in statements:
        if not isinstance(statement, exp.Query):
            return "Seules les requêtes SELECT sont exécutées."
        if reason := _in_query(statement):
            return reason
    return None


def _in_query(query: exp.Expression) -> str | None:
    for node in query.walk():
        # A query is of the same family as an insertion of its rows, hence the second half.
        if isinstance(node, _STATEMENTS) and not isinstance(node, exp.Query):
            return "Seules les requêtes SELECT sont exécutées, sans PIVOT, UNPIVOT ni commande."
        if isinstance(node, exp.Func) and (name := _name(node)) and _is_refused(name):
            return f"La fonction {name} n'est pas permise."
    ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if reason := _in_table(table, ctes):
            return reason
    return None


def _in_table(table: exp.Table, ctes: set[str]) -> str | None:
    if not isinstance(table.this, exp.Identifier):
        if isinstance(table.this, _TABLE_FUNCTIONS):
            return None
        return "Une fonction ne peut pas tenir lieu de table."
    name = table.name.lower()
    if table.catalog or table.db.lower() in _SYSTEM_SCHEMAS:
        return f"La table {table.sql(dialect='duckdb')} n'est pas permise."
    if not table.db and name not in ctes:
        return f"Écrivez la table {name} avec son schéma, par exemple kpi.{name}."
    if table.db and name in ctes:
        return f"Donnez à l'expression WITH un autre nom que celui de la table {name}."
    return None


def _name(function: exp.Func) -> str:
    return (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()


def _is_refused(name: str) -> bool:
    return name in _FUNCTIONS or name.startswith(_FUNCTION_PREFIXES)
