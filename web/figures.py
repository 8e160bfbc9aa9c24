"""Reads the published figures that the holder of a token may see."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from audit.cells import period
from core.errors import ExpectedFailure
from core.settings import Home
from core.sql import literal
from warehouse import rights
from warehouse.published import DAILY, sealed
from warehouse.reader_copies import NothingPublishedError, path_for
from warehouse.rights import AccessError

PERIOD_TYPES = ("day", "week", "month", "quarter", "year")
MOST_ROWS = 50_000

Row = dict[str, Any]

_PUBLICATION = "select publication_id, published_at, data_as_of, code_version from audit.publication"
_CATALOGUE = "select * from kpi.kpi_catalogue order by kpi_code"
#: Suppressed rows come without figures: the copy has none.
_COLUMNS = (
    "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value, "
    "value, numerator, denominator, observations, is_suppressed"
)
_VALUES = f"""
    select {_COLUMNS}
    from kpi.kpi_value
    where
        kpi_code = $code
        and period_type = $period_type
        and breakdown_dimension = $breakdown
        and period_start between $first and $last
        and ($territory is null or territory_code = $territory)
    order by period_start, territory_level, territory_code, breakdown_value
    limit {MOST_ROWS + 1}
"""  # noqa: S608 - constants of this module; values are bound


@dataclass(frozen=True)
class Question:
    """The rows of a KPI that a request asks for.

    Attributes:
        code: The KPI.
        period_type: One of `PERIOD_TYPES`.
        breakdown: Dimension of the rows, `total` for the whole.
        first: First day from which a period may begin.
        last: Last day on which one may.
        territory: Code of a territory, None for every one that may be seen.
    """

    code: str
    period_type: str = "month"
    breakdown: str = "total"
    first: date = date.min
    last: date = date.max
    territory: str | None = None


class UnknownKpiError(ExpectedFailure):
    """There is no KPI of that code."""


class NothingToReadError(ExpectedFailure):
    """There is no copy that the holder of the token could read."""


class HiddenTerritoryError(ExpectedFailure):
    """The holder of the token may not read the territory; the answer does not reveal whether it exists."""


def first_day(text: str | None) -> date:
    """Return the first day that a period names, the earliest of all for none."""
    return period(text).start if text else date.min


def last_day(text: str | None) -> date:
    """Return the last day that a period names, the latest of all for none."""
    return period(text).last if text else date.max


@dataclass(frozen=True)
class Figures:
    """The copy that the holder of a token may read; every answer is of the same build."""

    connection: duckdb.DuckDBPyConnection

    def publication(self) -> Row:
        return self._rows(_PUBLICATION)[0]

    def catalogue(self) -> list[Row]:
        return self._rows(_CATALOGUE)

    def definition(self, code: str) -> Row:
        """Return the definition of a KPI.

        Raises:
            UnknownKpiError: there is none of that code.
        """
        for row in self.catalogue():
            if row["kpi_code"] == code:
                return row
        raise UnknownKpiError(f"L'indicateur « {code} » n'existe pas.", "La liste est à l'adresse /api/kpi.")

    def values(self, asked: Question) -> list[Row]:
        """Return the rows that are asked for, from the earliest.

        Raises:
            HiddenTerritoryError: the territory is none that may be seen.
            ExpectedFailure: there are too many.
        """
        seen = "select 1 from reference.dim_territory where territory_code = ?"
        if asked.territory and not self.connection.execute(seen, [asked.territory]).fetchone():
            raise HiddenTerritoryError(
                f"Ce jeton ne donne pas accès au territoire « {asked.territory} ».",
                "Demandez FR ou un territoire de votre rôle.",
            )
        rows = self._rows(_VALUES, vars(asked))
        if len(rows) > MOST_ROWS:
            raise ExpectedFailure(
                f"La réponse dépasse {MOST_ROWS} lignes.", "Restreignez-la par territory, from et to, ou period_type."
            )
        return rows

    def _rows(self, query: str, values: dict[str, Any] | None = None) -> list[Row]:
        result = self.connection.execute(query, values or {})
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@contextmanager
def opened(home: Home, role: str) -> Generator[Figures]:
    """Open the current copy of what a role may read.

    Args:
        home: The home.
        role: The role of a token.

    Raises:
        NothingToReadError: nothing was published yet, or the copy cannot be had.
    """
    try:
        path = path_for(DAILY.link(home), rights.current().api_right(role))
    except NothingPublishedError:
        raise NothingToReadError("Rien n'est encore publié.", "Réessayez après la première publication.") from None
    except AccessError:
        raise NothingToReadError(
            "Les chiffres de ce rôle ne peuvent pas être lus pour le moment.", "Réessayez dans quelques minutes."
        ) from None
    attached = f"attach {literal(str(path))} as {DAILY.catalog} (read_only)"
    with sealed(lambda connection: connection.execute(attached)) as connection:
        yield Figures(connection)
