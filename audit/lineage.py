"""The way of a column from a platform's field to a dashboard, as edges. Who finds them belongs in `assets`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from ingestion.errors import ExpectedFailure
from ingestion.sql import literal

#: The layers in the order of the way, with the name that a French reader is shown.
LAYERS = {
    "platform": "Plateforme",
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

#: The layers in which a way begins.
ORIGINS = ("platform", "raw", "seeds")

#: Where a copy holds the edges.
TABLE = "audit.lineage_column"


class Column(NamedTuple):
    """A column of a layer; the column of a dashboard is a chart, that of a chart what it draws."""

    layer: str
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


class Edge(NamedTuple):
    """That a column is made from another one, or shows it."""

    source: Column
    target: Column


class Way:
    """Edges that can be followed both ways.

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
        """Every column that an edge touches."""
        return {column for edge in self.edges for column in edge}

    def behind(self, start: Column) -> list[Edge]:
        """Return every edge that leads to a column, the nearest first."""
        return list(self._walk(start, forward=False))

    def beyond(self, start: Column) -> list[Edge]:
        """Return every edge that leads on from a column, the nearest first."""
        return list(self._walk(start, forward=True))

    def _walk(self, start: Column, *, forward: bool) -> Iterator[Edge]:
        steps = self._out_of if forward else self._into
        seen, waiting = {start}, [start]
        while waiting:
            for edge in steps.get(waiting.pop(0), ()):
                yield edge
                reached = edge.target if forward else edge.source
                if reached not in seen:
                    seen.add(reached)
                    waiting.append(reached)

    def origins(self, start: Column) -> set[Column]:
        """Return the raw columns and seeds behind a column."""
        return {edge.source for edge in self.behind(start) if edge.source.layer in ("raw", "seeds")}


def read(copy: Path) -> Way:
    """Return the edges that a published copy holds.

    Raises:
        ExpectedFailure: it holds none, or cannot be read.
    """
    try:
        with duckdb.connect(":memory:", config={"threads": 2}) as connection:
            connection.execute(f"attach {literal(str(copy))} as copy (read_only)")
            rows = connection.execute(
                "select from_layer, from_table, from_column, to_layer, to_table, to_column "  # noqa: S608
                f"from copy.{TABLE}"
            ).fetchall()
    except duckdb.Error as problem:
        raise ExpectedFailure(
            f"La copie publiée ne dit pas le chemin de ses colonnes : {str(problem).splitlines()[0]}",
            "Lancez `cyberimpact publish`.",
        ) from None
    return Way(Edge(Column(*row[:3]), Column(*row[3:])) for row in rows)
