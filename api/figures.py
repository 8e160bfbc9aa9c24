"""Reads the published figures that one holder of a token may see. How they are asked for over HTTP belongs in `kpi`."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from audit.cells import period
from ingestion.errors import ExpectedFailure
from ingestion.settings import Home
from orchestration import published

PERIOD_TYPES = ("day", "week", "month", "quarter", "year")
NATION = "FR"
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
        and territory_code in (select territory_code from visible)
        and ($territory is null or territory_code = $territory)
    order by period_start, territory_level, territory_code, breakdown_value
    limit {MOST_ROWS + 1}
"""  # noqa: S608 - constants of this module; values are bound
_VISIBLE = """
    create temp table visible as
    select territory_code
    from reference.dim_territory
    where $place is null or $place in (territory_code, region_code, gendarmerie_region_code) or territory_code = $nation
"""


@dataclass(frozen=True)
class Question:
    """Which rows of a KPI are asked for.

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


class HiddenTerritoryError(ExpectedFailure):
    """The holder of the token does not see the territory; whether it exists is not said."""


def first_day(text: str | None) -> date:
    """Return the first day that a period names, the earliest of all for none."""
    return period(text).start if text else date.min


def last_day(text: str | None) -> date:
    """Return the last day that a period names, the latest of all for none."""
    return period(text).last if text else date.max


@dataclass(frozen=True)
class Figures:
    """One published copy, as the holder of a token sees it; every answer is of the same build."""

    connection: duckdb.DuckDBPyConnection

    def publication(self) -> Row:
        """Return which publication it is."""
        return self._rows(_PUBLICATION)[0]

    def catalogue(self) -> list[Row]:
        """Return the definition of every KPI."""
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
        seen = "select 1 from visible where territory_code = ?"
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
def opened(home: Home, place: str | None) -> Generator[Figures]:
    """Open the current copy.

    Args:
        home: The home.
        place: Territory to which the answers are limited, with those in it and the nation; None for all.

    Raises:
        ExpectedFailure: nothing was published yet, or the copy is damaged.
    """
    with published.connect(home) as connection:
        connection.execute(_VISIBLE, {"place": place, "nation": NATION})
        yield Figures(connection)
