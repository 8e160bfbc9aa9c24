"""The lineage graph of columns, from a platform's field to a dashboard."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

import duckdb

from audit.copies import published_copy
from core.errors import ExpectedFailure
from core.settings import Home
from core.sql import literal

#: The layers from upstream to downstream, with the name that a French reader is shown.
LAYERS = {
    "platform": "Plateforme",
    "source": "Décisions des opérateurs",
    "raw": "Données brutes",
    "seeds": "Référentiels fixes",
    "staging": "Préparation",
    "reference": "Référentiels",
    "marts": "Tables métier",
    "live": "Tables en continu",
    "signals": "Signaux",
    "impact": "Impact",
    "audit": "Audit",
    "kpi": "Indicateurs",
    "serving": "Copie publiée",
    "dataset": "Jeux de données",
    "metric": "Mesures",
    "chart": "Graphiques",
    "dashboard": "Tableaux de bord",
}

#: The layers with which data enter the warehouse.
SOURCES = ("raw", "seeds", "source")

#: Where a copy holds the edges.
TABLE = "audit.lineage_column"

#: In place of a column: the rows of a table.
ROWS = "*"


class Kind(StrEnum):
    """What the source of an edge does to its target."""

    VALUE = "value"
    CONDITION = "condition"
    JOIN = "join"
    GROUP = "group"
    COUNT = "count"

    @property
    def label(self) -> str:
        """The name that a French reader is shown."""
        return _KINDS[self]


_KINDS = {
    Kind.VALUE: "Entre dans la valeur",
    Kind.CONDITION: "Condition",
    Kind.JOIN: "Jointure",
    Kind.GROUP: "Regroupement ou ordre",
    Kind.COUNT: "Lignes comptées",
}


def title(layer: str) -> str:
    """Return the French name of a layer; one that has none yet is shown by its own."""
    return LAYERS.get(layer, layer)


def rank(layer: str) -> int:
    """Return the position of a layer in `LAYERS`; an unknown layer comes last."""
    return [*LAYERS, layer].index(layer)


class Column(NamedTuple):
    """A column of a layer; the column of a dashboard is a chart, that of a chart what it draws."""

    layer: str
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def rows(self) -> "Column":
        """The rows of its table."""
        return self._replace(name=ROWS)


class Edge(NamedTuple):
    """The target is computed from the source column, or shows it; of another kind, the source decides what counts.

    A target `ROWS` is all rows of its table: what decides them is said once, not for each of its columns.
    """

    source: Column
    target: Column
    kind: Kind = Kind.VALUE

    @property
    def is_of_rows(self) -> bool:
        """Whether it starts or ends at the rows of a table, not at a column."""
        return ROWS in (self.source.name, self.target.name)


class LineageGraph:
    """A directed graph of columns that is walked upstream and downstream.

    Args:
        edges: In any order; an edge that occurs twice counts once.
    """

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.edges = sorted(set(edges))
        self._into: defaultdict[Column, list[Edge]] = defaultdict(list)
        self._out_of: defaultdict[Column, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            self._into[edge.target].append(edge)
            self._out_of[edge.source].append(edge)

    @property
    def columns(self) -> set[Column]:
        """Every column of an edge."""
        return {column for edge in self.edges for column in edge[:2]}

    def into(self, column: Column) -> list[Edge]:
        """Return the edges that end at a column."""
        return self._into.get(column, [])

    def out_of(self, column: Column) -> list[Edge]:
        """Return the edges that start at a column."""
        return self._out_of.get(column, [])

    def upstream(self, start: Column) -> list[Edge]:
        """Return every edge between columns upstream of a column, the nearest first."""
        return list(self._walk(start, forward=False))

    def downstream(self, start: Column) -> list[Edge]:
        """Return every edge between columns downstream of a column, the nearest first."""
        return list(self._walk(start, forward=True))

    def _walk(self, start: Column, *, forward: bool) -> Iterator[Edge]:
        steps = self._out_of if forward else self._into
        seen, waiting = {start}, [start]
        while waiting:
            for edge in steps.get(waiting.pop(0), ()):
                if edge.is_of_rows:
                    continue
                yield edge
                reached = edge.target if forward else edge.source
                if reached not in seen:
                    seen.add(reached)
                    waiting.append(reached)

    def origins(self, start: Column) -> set[Column]:
        """Return the raw columns and seeds upstream of a column."""
        return {edge.source for edge in self.upstream(start) if edge.source.layer in ("raw", "seeds")}

    def entering(self, start: Column) -> set[Column]:
        """Return the columns whose values enter a column: on a path from each, every edge is of the kind `VALUE`."""
        return self._reached({start}, self._values)

    def deciding(self, start: Column) -> set[Column]:
        """Return the columns that decide which rows count for a column, and how, and the tables' rows themselves.

        On a path from each there is an edge of another kind than `VALUE`, or one to the rows of a table on the way. A
        column may enter the value too.
        """
        entering = {start, *self.entering(start)}
        chosen = {edge.source for column in entering for edge in self.into(column) if edge.kind is not Kind.VALUE}
        starts = chosen | {column.rows for column in entering}
        return starts | self._reached(starts, lambda column: {column.rows, *(e.source for e in self.into(column))})

    def _values(self, column: Column) -> set[Column]:
        return {edge.source for edge in self.into(column) if edge.kind is Kind.VALUE}

    @staticmethod
    def _reached(starts: Set[Column], step: Callable[[Column], Set[Column]]) -> set[Column]:
        """Return every column that steps from some columns lead to."""
        found: set[Column] = set()
        waiting = list(starts)
        while waiting:
            new = step(waiting.pop()) - found
            found |= new
            waiting += new
        return found


@dataclass(frozen=True)
class Published:
    """The columns of a published copy and their lineage.

    Attributes:
        graph: Edges between its columns.
        described: Type and description of each column of a published table, by table and name.
        publication_id: Which copy.
        published_at: When.
    """

    graph: LineageGraph
    described: Mapping[tuple[str, str], tuple[str, str]]
    publication_id: str
    published_at: datetime


def read(home: Home) -> Published:
    """Return the columns and lineage of the current published copy.

    Raises:
        ExpectedFailure: nothing was published, or the copy says nothing of its columns.
    """
    copy = published_copy(home)
    if copy is None:
        raise ExpectedFailure("Rien n'a encore été publié ici.", "Lancez `cyberimpact publish`.")
    try:
        with duckdb.connect(":memory:", config={"threads": 2}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach {literal(str(copy))} as copy (read_only)")
            rows = connection.execute(
                "select from_layer, from_table, from_column, to_layer, to_table, to_column, kind "  # noqa: S608
                f"from copy.{TABLE}"
            ).fetchall()
            columns = connection.execute(
                "select concat(schema_name, '.', table_name), column_name, data_type, coalesce(comment, '') "
                "from duckdb_columns() where database_name = 'copy'"
            ).fetchall()
            [(publication_id, at)] = connection.execute(
                "select publication_id, published_at::timestamp from copy.audit.publication"
            ).fetchall()
    except duckdb.Error as problem:
        raise ExpectedFailure(
            f"La copie publiée ne dit pas le chemin de ses colonnes : {str(problem).splitlines()[0]}",
            "Lancez `cyberimpact publish`.",
        ) from None
    graph = LineageGraph(Edge(Column(*row[:3]), Column(*row[3:6]), Kind(row[6])) for row in rows)
    described = {(table, name): (kind, description) for table, name, kind, description in columns}
    return Published(graph, described, publication_id, at.replace(tzinfo=UTC))
