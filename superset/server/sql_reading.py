"""Makes Superset read SQL as DuckDB does, so that its row rules reach every table.

Superset parses a text with sqlglot, changes the tree, and writes it again: what runs is the new text. The dialect here

- writes no comments, and refuses a text that its own parser does not read again as the same;
- calls a table every name that has a schema: the guard lets no other name be one;
- refuses joins below a table, which no row rule reaches, and quotes the alias of a table with a row rule;
- reads the former name of a table as its name today, so that a saved query outlives a renaming.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError

#: Characters of a text that is read at all: reading takes some 0.2 ms of each, and this process does nothing else then.
TEXT_LENGTH = 20_000
#: Strings whose escapes the two parsers do not read alike.
_STRINGS = (exp.ByteString, exp.RawString, exp.HexString, exp.BitString, exp.National, exp.UnicodeString)


class ServedDuckDB(DuckDB):
    """DuckDB's dialect, stricter.

    Attributes:
        refusal: What is raised for a text that is refused, made of the reason in French.
        turn: What is held while a text is read.
        renamed: By the former name of a table, `schema.table`, its name today.
    """

    refusal: Callable[[str], Exception] = ParseError
    turn: Callable[[], AbstractContextManager[object]] = nullcontext
    renamed: Mapping[str, str] = {}

    def parse(self, sql: str, **options: Any) -> list[exp.Expression | None]:
        """Parse a script.

        Raises:
            ParseError: it is not SQL.
        Exception: `refusal`: it holds what sqlglot and DuckDB may read differently.
        """
        if len(sql) > TEXT_LENGTH:
            raise type(self).refusal("Cette requête est trop longue.")
        try:
            with type(self).turn():
                trees = super().parse(sql, **options)
        except RecursionError:
            raise type(self).refusal("Cette requête est trop imbriquée.") from None
        if any(tree is not None and tree.find(*_STRINGS) for tree in trees):
            raise type(self).refusal("Seules les chaînes entre apostrophes simples sont permises.")
        for tree in filter(None, trees):
            if any(table.args.get("joins") or table.args.get("laterals") for table in tree.find_all(exp.Table)):
                raise type(self).refusal("Écrivez chaque jointure avec JOIN et sa condition, sans parenthèses.")
            _rename_tables(tree, type(self).renamed)
        return trees

    def generate(self, expression: exp.Expression, copy: bool = True, **options: Any) -> str:
        """Write a tree as SQL, without comments.

        Raises:
            Exception: `refusal`: the text would be read as another tree.
        """
        options["comments"] = False
        for subquery in expression.find_all(exp.Subquery):
            if isinstance(alias := subquery.args.get("alias"), str):
                subquery.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        text = super().generate(expression, copy=copy, **options)
        with type(self).turn():
            again = [tree for tree in super().parse(text) if tree is not None]
        if len(again) != 1 or _shape(again[0]) != _shape(expression) or super().generate(again[0], **options) != text:
            raise type(self).refusal("Cette requête peut être comprise de deux façons : écrivez-la plus simplement.")
        return text


def _rename_tables(tree: exp.Expression, renamed: Mapping[str, str]) -> None:
    """Put the names of today into a tree, with the former ones as aliases, by which columns may be qualified."""
    for table in tree.find_all(exp.Table):
        former = f"{table.db}.{table.name}"
        if former in renamed and not table.catalog and isinstance(table.this, exp.Identifier):
            if not table.alias:
                table.set("alias", exp.TableAlias(this=table.this.copy()))
            table.set("this", exp.to_identifier(renamed[former].partition(".")[2]))
    for column in tree.find_all(exp.Column):
        if f"{column.db}.{column.table}" in renamed and not column.catalog:
            column.set("db", None)


def _shape(tree: exp.Expression) -> tuple[int, Counter[tuple[str, str]]]:
    return sum(1 for _ in tree.find_all(exp.Query)), Counter(named_tables(tree))


def named_tables(tree: exp.Expression) -> list[tuple[str, str]]:
    """Return schema and name of all that a tree reads by name, common table expressions included."""
    return [(table.db, table.name) for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]


def reads(sql: str, tables: Iterable[tuple[str, str]]) -> bool:
    """Return whether sqlglot finds in a text just the tables that DuckDB found, each as often."""
    try:
        trees = [tree for tree in DuckDB().parse(sql) if tree is not None]
    except (SqlglotError, RecursionError):
        return False
    return len(trees) == 1 and not trees[0].find(*_STRINGS) and Counter(named_tables(trees[0])) == Counter(tables)


def install(renamed: Mapping[str, str]) -> None:
    """Have Superset use the dialect for DuckDB, and find tables as the guard does.

    Args:
        renamed: By the former name of a table, `schema.table`, its name today.
    """
    import request_limits
    from superset.sql import parse

    ServedDuckDB.refusal = staticmethod(_refusal)
    ServedDuckDB.turn = staticmethod(request_limits.turn)
    ServedDuckDB.renamed = renamed
    parse.SQLGLOT_DIALECTS["duckdb"] = ServedDuckDB
    parse.extract_tables_from_statement = _tables


def _refusal(reason: str) -> Exception:
    from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
    from superset.exceptions import SupersetSecurityException

    kind = SupersetErrorType.INVALID_SQL_ERROR
    return SupersetSecurityException(SupersetError(message=reason, error_type=kind, level=ErrorLevel.ERROR))


def _tables(statement: exp.Expression, _dialect: Any) -> set[Any]:
    from superset.sql.parse import Table

    found = (table for table in statement.find_all(exp.Table) if table.db)
    return {Table(table.name, table.db, table.catalog or None) for table in found}
