"""One cell of a KPI: its coordinates, its records, and the recomputation of its figures."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from audit.definitions import KpiDefinition
from audit.evidence import quoted
from core.errors import ExpectedFailure

TOTAL = "total"
_PERIODS = "2026, 2026-Q4, 2026-10, 2026-W43, 2026-10-21"
_SHAPES = {
    "year": re.compile(r"(?P<year>\d{4})"),
    "quarter": re.compile(r"(?P<year>\d{4})-Q(?P<part>[1-4])"),
    "month": re.compile(r"(?P<year>\d{4})-(?P<part>\d{2})"),
    "week": re.compile(r"(?P<year>\d{4})-W(?P<part>\d{2})"),
    "day": re.compile(r"(?P<year>\d{4})-(?P<part>\d{2})-(?P<day>\d{2})"),
}


@dataclass(frozen=True)
class Period:
    """A calendar period of a KPI."""

    period_type: str
    start: date

    @property
    def last(self) -> date:
        """The last day of the period."""
        match self.period_type:
            case "day":
                return self.start
            case "week":
                return self.start + min(timedelta(days=6), date.max - self.start)
        month = self.start.month + {"month": 1, "quarter": 3, "year": 12}[self.period_type] - 1
        return self.start.replace(month=month, day=monthrange(self.start.year, month)[1])

    def __str__(self) -> str:
        match self.period_type:
            case "year":
                return f"{self.start:%Y}"
            case "quarter":
                return f"{self.start:%Y}-Q{(self.start.month + 2) // 3}"
            case "month":
                return f"{self.start:%Y-%m}"
            case "week":
                return f"{self.start:%G-W%V}"
        return self.start.isoformat()


def period(text: str) -> Period:
    """Return the period that a text names.

    Raises:
        ExpectedFailure: it names none.
    """
    try:
        for period_type, shape in _SHAPES.items():
            if found := shape.fullmatch(text):
                return Period(period_type, _start(period_type, found))
    except ValueError:
        pass  # the 30th of February, a 54th week
    raise ExpectedFailure(f"« {text} » n'est pas une période.", f"Écrivez par exemple {_PERIODS}.")


def _start(period_type: str, found: re.Match[str]) -> date:
    year = int(found["year"])
    match period_type:
        case "year":
            return date(year, 1, 1)
        case "quarter":
            return date(year, 3 * int(found["part"]) - 2, 1)
        case "month":
            return date(year, int(found["part"]), 1)
        case "week":
            return date.fromisocalendar(year, int(found["part"]), 1)
    return date.fromisoformat(found[0])


@dataclass(frozen=True)
class Cell:
    """The coordinates of one figure."""

    code: str
    period: Period
    territory: str
    dimension: str = TOTAL
    breakdown: str = TOTAL

    def condition(self) -> tuple[str, list[Any]]:
        """Return the SQL that finds the cell among rows of KPIs, and its parameters."""
        known = {
            "kpi_code": self.code,
            "period_type": self.period.period_type,
            "period_start": self.period.start,
            "territory_code": self.territory,
            "breakdown_dimension": self.dimension,
            "breakdown_value": self.breakdown,
        }
        return " and ".join(f"{column} = ?" for column in known), list(known.values())

    def __str__(self) -> str:
        suffix = "" if self.dimension == TOTAL else f", {self.dimension} = {self.breakdown}"
        return f"{self.code}, {self.period}, {self.territory}{suffix}"


@dataclass(frozen=True)
class Figures:
    """The figures of a KPI row, exact."""

    numerator: Any
    denominator: Any
    value: Any
    observations: int | None
    is_suppressed: bool


FIGURES = (
    "cast(numerator as decimal(38, 6)), cast(denominator as decimal(38, 6)), "
    "cast(value as decimal(18, 6)), observations, is_suppressed"
)


def read(connection: duckdb.DuckDBPyConnection, rows: str, cell: Cell) -> Figures | None:
    """Return the figures of a cell among rows of KPIs, None where it has no row."""
    condition, parameters = cell.condition()
    found = connection.execute(f"select {FIGURES} from {rows} where {condition}", parameters).fetchone()  # noqa: S608
    return Figures(*found) if found else None


def recompute(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition, cell: Cell) -> Figures | None:
    """Return the figures of a cell by the compiled SQL of its KPI.

    Args:
        connection: Opens evidence, or a warehouse, under the names that the SQL reads.
        definition: What the KPI was at a publication.
        cell: The cell.
    """
    return read(connection, f"({definition.sql})", cell)


def records(definition: KpiDefinition, source: str, cell: Cell, level: str) -> tuple[str, list[Any]]:
    """Return the SQL of the observations that a cell counts, and its parameters.

    Args:
        definition: What the KPI was.
        source: Table or view of the observations.
        cell: The cell.
        level: Territory level of the cell.
    """
    breakdowns = definition.kpi["grain"]["breakdowns"]
    parts = [breakdown["dimension"] for breakdown in breakdowns if breakdown.get("part")]
    chosen = [f'"{part}" is {"not " if part == cell.dimension else ""}null' for part in parts]
    of_cell = "true" if cell.dimension == TOTAL else f'"{cell.dimension}" = ?'
    latest = (
        "qualify row_number() over (partition by entity_key order by occurred_on desc, record_key desc) = 1"
        if definition.counts_latest
        else ""
    )
    statement = f"""
        select * from (
            select observed.*
            from {source} as observed
            where
                occurred_on in (
                    select date_day from {quoted("reference.bridge_calendar_period")}
                    where period_type = ? and period_start = ?
                )
                and {" and ".join(["true", *chosen])}
            {latest}
        )
        where
            territory_code in (
                select territory_code from {quoted("reference.bridge_territory_level")}
                where territory_level = ? and level_code = ?
            )
            and {of_cell}
    """  # noqa: S608
    parameters = [cell.period.period_type, cell.period.start, level, cell.territory]
    return statement, parameters if cell.dimension == TOTAL else [*parameters, cell.breakdown]
