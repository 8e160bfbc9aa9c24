"""Decides which SQL may run on a copy, from the tree that DuckDB's own parser makes of it.

All that is not listed is refused: kinds of node, functions, types. A table is written with its schema, and must be
granted; a name without schema is a common table expression of the query around it, or refused. Superset reads the same
text with sqlglot before, to apply row rules; `sql_reading` makes sure that it reads the same tables.
"""

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

#: Longer texts are refused unread: the parser's time grows with the square of some of them. Superset's own statement
#: around a text that it has read is longer than that text.
MAX_LENGTH = 100_000

Granted = Callable[[str, str], bool]
_Node = dict[str, Any]

_EXPRESSIONS = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW",
}  # fmt: skip
#: Queries, what they read from, their modifiers, and types.
_NODES = {
    "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE",
    "BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "SUBQUERY", "TABLE_FUNCTION",
    "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER",
    "ASCENDING", "DESCENDING", "ORDER_DEFAULT",
    "ARRAY_TYPE_INFO", "DECIMAL_TYPE_INFO", "LIST_TYPE_INFO", "STRING_TYPE_INFO", "STRUCT_TYPE_INFO",
    "UNBOUND_TYPE_INFO",
}  # fmt: skip
#: Types that the parser leaves to be looked up by name.
_TYPES = {
    "array", "bigint", "bit", "bitstring", "blob", "bool", "boolean", "bpchar", "bytea", "char", "date", "datetime",
    "dec", "decimal", "double", "enum", "float", "float4", "float8", "hugeint", "int", "int1", "int2", "int4", "int8",
    "integer", "interval", "json", "list", "long", "map", "numeric", "nvarchar", "real", "row", "short", "smallint",
    "string", "struct", "text", "time", "timestamp", "timestamp_ms", "timestamp_ns", "timestamp_s", "timestamptz",
    "timetz", "tinyint", "ubigint", "uhugeint", "uinteger", "union", "usmallint", "utinyint", "uuid", "varbinary",
    "varchar",
}  # fmt: skip
_TABLE_FUNCTIONS = {"generate_series", "range", "unnest"}
#: Schemas and catalogs of DuckDB's own functions, as the parser names them.
_FUNCTION_SCHEMAS, _FUNCTION_CATALOGS = {"", "main", "pg_catalog"}, {"", "system"}
#: Tables of DuckDB itself that are found without a schema.
_SYSTEM_PREFIXES = ("duckdb_", "information_schema", "pg_", "pragma_", "sqlite_")
#: Functions of their arguments alone.
FUNCTIONS = frozenset(
    word
    for line in Path(__file__).with_name("functions.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)


class Refusal(Exception):
    """Why a text is refused, in French."""


def check(tree: str, granted: Granted, names: Collection[str]) -> list[tuple[str, str]]:
    """Check what DuckDB's `json_serialize_sql` made of a text.

    Args:
        tree: Its JSON.
        granted: Says whether a table may be read, by schema and name, both as they are written in the catalog.
        names: Names of the tables of the copy, which no common table expression may have.

    Returns:
        The tables that it reads, as schema and name; the schema is empty for a common table expression.

    Raises:
        Refusal: it may not run.
    """
    taken = {name.lower() for name in names}
    tables = []
    for node, scope in _walk(_query(tree)):
        _check_node(node, taken)
        if node.get("type") == "BASE_TABLE":
            _check_table(node, scope, granted)
            tables.append((node["schema_name"], node["table_name"]))
    return tables


def _query(tree: str) -> _Node:
    try:
        script = json.loads(tree)
    except RecursionError:
        raise Refusal("Cette requête est trop imbriquée, elle n'est donc pas exécutée.") from None
    if script["error"] and script["error_type"] == "not implemented":
        raise Refusal("Seules les requêtes SELECT sont exécutées, sans PIVOT, UNPIVOT ni commande.")
    if script["error"]:
        raise Refusal(f"Cette requête n'est pas comprise, elle n'est donc pas exécutée : {script['error_message']}")
    if len(script["statements"]) != 1:
        raise Refusal("Une seule requête est exécutée à la fois.")
    return script["statements"][0]["node"]


def _walk(query: _Node) -> Iterator[tuple[_Node, frozenset[str]]]:
    """Yield every node with the names of the common table expressions that it may use, in lower case."""
    waiting: list[tuple[Any, frozenset[str]]] = [(query, frozenset())]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, list):
            waiting.extend((item, scope) for item in node)
        elif isinstance(node, dict):
            if node.get("type") == "RECURSIVE_CTE_NODE":
                scope |= {node["cte_name"].lower()}
            for entry in node["cte_map"]["map"] if "cte_map" in node else ():
                waiting.append((entry["value"], scope))
                scope |= {entry["key"].lower()}
            yield node, scope
            waiting.extend((item, scope) for key, item in node.items() if key != "cte_map")


def _check_node(node: _Node, taken: Collection[str]) -> None:
    """Check all of a node but its tables."""
    _check_kind(node)
    if "cte_map" in node:
        for entry in node["cte_map"]["map"]:
            _check_name(entry["key"].lower(), taken)
    if node.get("class") in {"FUNCTION", "WINDOW"}:
        _check_function(node)
    elif node.get("type") == "TABLE_FUNCTION" and node["function"].get("function_name", "") not in _TABLE_FUNCTIONS:
        raise Refusal("Une fonction ne peut pas tenir lieu de table.")
    elif node.get("type") == "UNBOUND_TYPE_INFO":
        _check_type(node)


def _check_kind(node: _Node) -> None:
    kind = node.get("class")
    if isinstance(kind, str):
        allowed = kind in _EXPRESSIONS
    else:
        kind = node.get("type")
        allowed = not isinstance(kind, str) or kind in _NODES
    if not allowed or node.get("at_clause") or node.get("export_state"):
        raise Refusal(
            "Seules les requêtes SELECT sont exécutées, sans PIVOT, UNPIVOT ni commande."
            if kind in {"PIVOT", "SHOW_REF"}
            else f"Cette forme de requête n'est pas permise ({kind})."
        )


def _check_function(node: _Node) -> None:
    name = node["function_name"].lower()
    if name not in FUNCTIONS or node["schema"] not in _FUNCTION_SCHEMAS or node["catalog"] not in _FUNCTION_CATALOGS:
        raise Refusal(f"La fonction {name} n'est pas permise.")


def _check_type(node: _Node) -> None:
    if node["name"].lower() not in _TYPES or node["schema"] or node["catalog"]:
        raise Refusal(f"Le type {node['name']} n'est pas permis.")


def _check_name(name: str, taken: Collection[str]) -> None:
    if name in taken or name.startswith(_SYSTEM_PREFIXES):
        raise Refusal(f"Donnez à l'expression WITH un autre nom que celui de la table {name}.")


def _check_table(node: _Node, scope: Collection[str], granted: Granted) -> None:
    catalog, schema, name = node["catalog_name"], node["schema_name"], node["table_name"]
    written = ".".join(part for part in (catalog, schema, name) if part)
    if not schema and not catalog:
        if name.lower() not in scope:
            raise Refusal(f"Écrivez la table {name} avec son schéma, par exemple kpi.{name}.")
    elif catalog or not granted(schema, name):
        raise Refusal(f"La table {written} n'est pas permise.")
