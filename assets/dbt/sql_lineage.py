"""Follows the columns of a query to the tables it reads, each with what it does to the result.

A column of the result has its own origins: values, predicates of a `case` or `filter`, keys of a window. What decides
the rows - conditions, joins, grouping - belongs to the query as a whole, under `ROWS`: held by each column of the
result, the same origins would be repeated for all of them.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sqlglot
from sqlglot import Schema, exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, find_all_in_scope

from audit.lineage import ROWS, Kind

DIALECT = "duckdb"

#: The parts of a `select` that decide its rows.
_ROW_PARTS = {
    "where": Kind.CONDITION,
    "having": Kind.CONDITION,
    "qualify": Kind.CONDITION,
    "limit": Kind.CONDITION,
    "offset": Kind.CONDITION,
    "group": Kind.GROUP,
    "distinct": Kind.GROUP,
    "windows": Kind.GROUP,
    "order": Kind.GROUP,
}
_JOIN_PARTS = ("on", "using", "match_condition")

#: The parts of an expression that select or order what it computes from: class, argument.
_PARTS = {
    (exp.Case, "this"): Kind.CONDITION,
    (exp.If, "this"): Kind.CONDITION,
    (exp.Filter, "expression"): Kind.CONDITION,
    (exp.Window, "partition_by"): Kind.GROUP,
    (exp.Window, "order"): Kind.GROUP,
    (exp.Order, "expressions"): Kind.GROUP,
}


class Origin(NamedTuple):
    """A column of a table that a query reads, or `ROWS` for the rows of that table."""

    schema: str
    table: str
    column: str
    kind: Kind


Origins = set[Origin]


def trace_query(sql: str, schema: Schema) -> dict[str, Origins]:
    """Return the origins of each column of a query, and of its rows under `ROWS`.

    Args:
        sql: A query in `DIALECT`. A catalog is ignored: schema and table name a relation.
        schema: The columns of the relations that it reads.
    """
    query = sqlglot.parse_one(sql, dialect=DIALECT)
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
    qualified = qualify(query, schema=schema, dialect=DIALECT, validate_qualify_columns=False)
    root = build_scope(qualified)
    return _Query(root).traced() if root else {}


class _Query:
    """A qualified query."""

    def __init__(self, root: Scope) -> None:
        self.root = root
        self.scopes = list(root.traverse())
        self._recursive = {id(branches[0].expression): scope for scope in self.scopes if (branches := _branches(scope))}
        self._known: dict[tuple[int, int], Origins] = {}

    def traced(self) -> dict[str, Origins]:
        found = {name.lower(): self.output(self.root, index) for index, name in enumerate(_names(self.root))}
        rows = (self.deciding(scope) | self.counted(scope) for scope in self.scopes)
        return {**found, ROWS: set().union(*rows)}

    def output(self, scope: Scope, index: int) -> Origins:
        """Return the origins of a column of a scope, by its position."""
        key = (id(scope), index)
        if key not in self._known:
            self._known[key] = set()  # a recursive query reads itself: the origins are those of its first branch
            branches = _branches(scope)
            self._known[key] = (
                set().union(*(self.output(branch, index) for branch in branches))
                if branches
                else self.read(scope, _selects(scope)[index])
            )
        return self._known[key]

    def outputs(self, scope: Scope) -> Origins:
        return set().union(*(self.output(scope, index) for index in range(len(_selects(scope)))))

    def read(self, scope: Scope, part: exp.Expr) -> Origins:
        """Return the origins of an expression."""
        found: Origins = set()
        for column in find_all_in_scope(part, exp.Column):
            found |= _as(_kind(column, part), self.column(scope, column))
        queries = {id(query) for query in find_all_in_scope(part, *exp.UNWRAPPED_QUERIES)}
        for inner in scope.subquery_scopes:
            if id(inner.expression) in queries:
                found |= _as(_kind(inner.expression, part), self.outputs(inner))
        counts_rows = any(isinstance(count.this, exp.Star) for count in find_all_in_scope(part, exp.Count))
        if counts_rows or (not found and _is_number(part)):
            found |= self.counted(scope)
        return found

    def column(self, scope: Scope, column: exp.Column) -> Origins:
        """Return the origins of a column that an expression names."""
        source = _source(scope, column.table)
        if isinstance(source, exp.Table):
            return {Origin(source.db.lower(), source.name.lower(), column.name.lower(), Kind.VALUE)}
        if source is None:
            return set()
        if isinstance(source.expression, exp.UDTF):
            return self.read(source, source.expression)
        if source not in self.scopes:  # where a recursive query reads itself, a copy of its first branch stands for it
            source = self._recursive.get(id(source.expression), source)
        names = _names(source)
        return self.output(source, names.index(column.name)) if column.name in names else set()

    def counted(self, scope: Scope) -> Origins:
        """Return the relations whose rows a scope reads."""
        found: Origins = set()
        for source in (*_branches(scope), *(source for _, source in scope.selected_sources.values())):
            if isinstance(source, Scope):
                found |= self.counted(source)
            else:
                found.add(Origin(source.db.lower(), source.name.lower(), ROWS, Kind.COUNT))
        return found

    def deciding(self, scope: Scope) -> Origins:
        """Return what decides the rows of one scope."""
        expression = scope.expression
        if isinstance(expression, exp.UDTF):
            return _as(Kind.JOIN, self.read(scope, expression))
        found: Origins = set()
        for part, kind in _row_parts(scope):
            found |= _as(kind, self.read(scope, part))
        distinct = expression.args.get("distinct")
        if distinct and not (isinstance(distinct, exp.Distinct) and distinct.args.get("on")):
            found |= _as(Kind.GROUP, self.outputs(scope))
        return found


def _branches(scope: Scope) -> list[Scope]:
    """Return the queries that a set operation joins, or the one in brackets."""
    return scope.subquery_scopes if isinstance(scope.expression, exp.Subquery) else scope.set_operation_scopes


def _source(scope: Scope | None, name: str) -> exp.Table | Scope | None:
    """Return the relation of that name in a scope or, for a correlated query, in those around it."""
    while scope:
        if name in scope.sources:
            return scope.sources[name]
        scope = scope.parent
    return None


def _selects(scope: Scope) -> list[exp.Expr]:
    return scope.expression.selects if isinstance(scope.expression, exp.Selectable) else []


def _names(scope: Scope) -> list[str]:
    return [select.alias_or_name for select in _selects(scope)]


def _row_parts(scope: Scope) -> Iterator[tuple[exp.Expr, Kind]]:
    expression = scope.expression
    for name, kind in _ROW_PARTS.items():
        for part in _listed(expression.args.get(name)):
            yield part, kind
    for join in expression.args.get("joins") or ():
        for name in _JOIN_PARTS:
            for part in _listed(join.args.get(name)):
                yield part, Kind.JOIN
    group = expression.args.get("group")
    if group and group.args.get("all"):
        for select in _selects(scope):
            if not select.find(exp.AggFunc):
                yield select, Kind.GROUP


def _listed(part: object) -> Iterable[exp.Expr]:
    return (each for each in (part if isinstance(part, list) else [part]) if isinstance(each, exp.Expr))


def _kind(node: exp.Expr, part: exp.Expr) -> Kind:
    """Return what a node does in an expression: the innermost part that holds it says so."""
    parent = node.parent
    while node is not part and parent:
        orders_argument = isinstance(parent, exp.Order) and isinstance(parent.parent, exp.WithinGroup)
        kind = None if orders_argument else _PARTS.get((type(parent), node.arg_key))
        if kind:
            return kind
        node, parent = parent, parent.parent
    return Kind.VALUE


def _as(kind: Kind, origins: Origins) -> Origins:
    """Return origins as they take part where they are read: a value takes the kind of its reader."""
    return {origin._replace(kind=kind) if origin.kind is Kind.VALUE else origin for origin in origins}


def _is_number(part: exp.Expr) -> bool:
    """Return whether an expression without columns is a number, as the 1 of `sum(1)`, which counts rows."""
    literals = list(part.find_all(exp.Literal))
    return bool(literals) and all(literal.is_number for literal in literals) and not part.find(exp.Null)
