"""Reads the published figures that the holder of a token may see."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, get_args

import duckdb
from ninja import Schema
from pydantic import BeforeValidator, Field, WithJsonSchema

from audit.cells import period
from core.errors import ExpectedFailure
from web.failures import NotFound, Refused

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
        and ($first is null or period_start >= $first)
        and ($last is null or period_start <= $last)
        and ($territory is null or territory_code = $territory)
    order by period_start, territory_level, territory_code, breakdown_value
    limit {MOST_ROWS + 1}
"""  # noqa: S608 - constants of this module; values are bound


def _one_of(values: tuple[str, ...], is_none: str, remedy: str) -> BeforeValidator:
    def checked(value: str) -> str:
        if value not in values:
            raise ExpectedFailure(f"« {value} » {is_none}", remedy)
        return value

    return BeforeValidator(checked)


Shape = Literal["json", "csv"]
PeriodType = Literal["day", "week", "month", "quarter", "year"]
_SHAPES, _PERIOD_TYPES = get_args(Shape), get_args(PeriodType)
_A_PERIOD = WithJsonSchema({"type": "string", "examples": ["2026", "2026-Q4", "2026-10", "2026-W43", "2026-10-21"]})

Format = Annotated[Shape, _one_of(_SHAPES, "n'est pas un format.", f"Écrivez {' ou '.join(_SHAPES)}.")]
OfPeriods = Annotated[
    PeriodType, _one_of(_PERIOD_TYPES, "n'est pas un type de période.", f"Écrivez {', '.join(_PERIOD_TYPES)}.")
]
FirstDay = Annotated[date | None, BeforeValidator(lambda text: period(text).start if text else None), _A_PERIOD]
LastDay = Annotated[date | None, BeforeValidator(lambda text: period(text).last if text else None), _A_PERIOD]


class Shaped(Schema):
    """What every request may say; a wrong value is refused in words."""

    format: Format = Field("json", description="Forme de la réponse.")


class Question(Shaped):
    """The rows of a KPI that a request asks for."""

    period_type: OfPeriods = Field("month", description="Type de période.")
    first: FirstDay = Field(None, alias="from", description="Première période, par le premier de ses jours.")
    last: LastDay = Field(None, alias="to", description="Dernière période, par le dernier de ses jours.")
    territory: str | None = Field(
        None, description="FR, FR-33, FR-BRE, GN-BRE, XX ou ZZ ; sans lui, tous ceux que voit le jeton."
    )
    breakdown: str = Field("total", description="Ventilation, total pour l'ensemble.")


#: As a refusal lists them.
PARAMETERS = ("period_type", "from", "to", "territory", "breakdown", "format")


@dataclass(frozen=True)
class Figures:
    """The copies that the holder of a token may read (`web.reading`); every answer is of the same build."""

    connection: duckdb.DuckDBPyConnection

    def publication(self) -> Row:
        return self._rows(_PUBLICATION)[0]

    def catalogue(self) -> list[Row]:
        return self._rows(_CATALOGUE)

    def definition(self, code: str) -> Row:
        """Return the definition of a KPI.

        Raises:
            NotFound: there is none of that code.
        """
        for row in self.catalogue():
            if row["kpi_code"] == code:
                return row
        raise NotFound(f"L'indicateur « {code} » n'existe pas.", "La liste est à l'adresse /api/kpi.")

    def values(self, code: str, asked: Question) -> list[Row]:
        """Return the rows that are asked for, from the earliest.

        Raises:
            Refused: the territory is none that may be seen; the answer does not reveal whether it exists.
            ExpectedFailure: there are too many.
        """
        seen = "select 1 from reference.dim_territory where territory_code = ?"
        if asked.territory and not self.connection.execute(seen, [asked.territory]).fetchone():
            raise Refused(
                f"Ce jeton ne donne pas accès au territoire « {asked.territory} ».",
                "Demandez FR ou un territoire de votre rôle.",
            )
        rows = self._rows(_VALUES, {"code": code, **asked.dict(exclude={"format"})})
        if len(rows) > MOST_ROWS:
            raise ExpectedFailure(
                f"La réponse dépasse {MOST_ROWS} lignes.", "Restreignez-la par territory, from et to, ou period_type."
            )
        return rows

    def _rows(self, query: str, values: dict[str, Any] | None = None) -> list[Row]:
        result = self.connection.execute(query, values or {})
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
