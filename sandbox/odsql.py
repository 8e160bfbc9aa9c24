"""The part of ODSQL, Opendatasoft's query language, that connectors use: filters and orders."""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

Record = dict[str, Any]
Predicate = Callable[[Record], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<date>date'[^']*')|(?P<text>\"[^\"]*\"|'[^']*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<operator><=|>=|!=|=|<|>)|(?P<parenthesis>[()])|(?P<word>[A-Za-z_]\w*))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ODSQLError(Exception):
    """A query that the portal refuses; the text is what it answers."""


class _Filter:
    """Recursive descent over `or`, `and`, `not`, parentheses and comparisons."""

    def __init__(self, query: str, fields: Sequence[str]) -> None:
        self._query = query
        self._fields = fields
        self._tokens = self._split(query)

    def parse(self) -> Predicate:
        predicate = self._either()
        if self._tokens:
            raise self._error()
        return predicate

    def _split(self, query: str) -> list[str]:
        tokens, position = [], 0
        while query[position:].strip():
            found = _TOKEN.match(query, position)
            if found is None:
                raise self._error()
            tokens.append(found[0].strip())
            position = found.end()
        return tokens

    def _error(self) -> ODSQLError:
        return ODSQLError(f"Clause(s) containing an error: where. ODSQL query is malformed: {self._query}")

    def _next(self) -> str:
        if not self._tokens:
            raise self._error()
        return self._tokens.pop(0)

    def _accept(self, word: str) -> bool:
        if self._tokens and self._tokens[0].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _either(self) -> Predicate:
        left = self._both()
        while self._accept("or"):
            left = _any(left, self._both())
        return left

    def _both(self) -> Predicate:
        left = self._one()
        while self._accept("and"):
            left = _all(left, self._one())
        return left

    def _one(self) -> Predicate:
        if self._accept("not"):
            inner = self._one()
            return lambda record: not inner(record)
        if self._accept("("):
            inner = self._either()
            if not self._accept(")"):
                raise self._error()
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        name, symbol, literal = self._next(), self._next(), self._next()
        if symbol not in _COMPARISONS:
            raise self._error()
        if name not in self._fields:
            raise ODSQLError(f"Clause(s) containing an error: where. Unknown field: {name}")
        try:
            compare, expected = _COMPARISONS[symbol], _literal(literal)
        except ValueError:
            raise self._error() from None
        return lambda record: record.get(name) is not None and compare(record[name], expected)


def _any(left: Predicate, right: Predicate) -> Predicate:
    return lambda record: left(record) or right(record)


def _all(left: Predicate, right: Predicate) -> Predicate:
    return lambda record: left(record) and right(record)


def _literal(token: str) -> str | float:
    bare = token.removeprefix("date")
    return bare[1:-1] if bare[:1] in "\"'" else float(token)


def where(query: str, fields: Sequence[str]) -> Predicate:
    """Return the filter that a `where` clause describes.

    Raises:
        ODSQLError: it is malformed, or names a field that does not exist.
    """
    return _Filter(query, fields).parse() if query.strip() else lambda _: True


def ordered(records: list[Record], query: str, fields: Sequence[str]) -> list[Record]:
    """Return records in the order of an `order_by` clause; nulls come first.

    Raises:
        ODSQLError: it names a field that does not exist.
    """
    for clause in reversed([part.split() for part in query.split(",") if part.strip()]):
        name, direction = clause[0], " ".join(clause[1:]).lower()
        if name not in fields or direction not in {"", "asc", "desc"}:
            raise ODSQLError(f"Clause(s) containing an error: order_by. Unknown field: {name}")
        records = sorted(
            records, key=lambda record: (record[name] is not None, record[name] or ""), reverse=direction == "desc"
        )
    return records
