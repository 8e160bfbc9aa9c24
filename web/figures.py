"""Reads the published figures that the holder of a token may see."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, get_args

import duckdb
import pyarrow as pa
from ninja import Schema
from pydantic import BeforeValidator, Field, WithJsonSchema

from audit.cells import period
from core.errors import ExpectedFailure
from web.failures import Conflict, NotFound, Refused

MOST_ROWS = 50_000
MOST_KPIS = 20

Row = dict[str, Any]

_PUBLICATION = "select publication_id, published_at, data_as_of, code_version from audit.publication"
_CATALOGUE = "select * from kpi.kpi_catalogue order by kpi_code"
#: Suppressed rows come without figures: the copy has none.
_COLUMNS = (
    "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value, "
    "value, numerator, denominator, observations, is_suppressed"
)
#: In this order no two rows are equal: a page begins after the last row of the one before.
_ORDER = ("kpi_code", "period_start", "territory_level", "territory_code", "breakdown_value")
_VALUES = f"""
    select kpi_code, {_COLUMNS}
    from kpi.kpi_value
    where
        kpi_code in (select unnest($codes))
        and period_type = $period_type
        and breakdown_dimension = $breakdown
        and ($first is null or period_start >= $first)
        and ($last is null or period_start <= $last)
        and ($territory is null or territory_code = $territory)
        and (
            $after is null
            or ({", ".join(_ORDER)}) > ($after[1], cast($after[2] as date), $after[3], $after[4], $after[5])
        )
    order by {", ".join(_ORDER)}
    limit $limit
"""  # noqa: S608 - constants of this module; values are bound


def _one_of(values: tuple[str, ...], is_none: str, remedy: str) -> BeforeValidator:
    def checked(value: str | None) -> str | None:
        if value is not None and value not in values:
            raise ExpectedFailure(f"« {value} » {is_none}", remedy)
        return value

    return BeforeValidator(checked)


def _limit(value: Any) -> Any:
    if value is None or (str(value).isdecimal() and 1 <= int(value) <= MOST_ROWS):
        return value
    raise ExpectedFailure(f"« {value} » n'est pas un nombre de lignes.", f"Écrivez 1 à {MOST_ROWS}.")


Shape = Literal["json", "csv", "parquet"]
PeriodType = Literal["day", "week", "month", "quarter", "year"]
_SHAPES, _PERIOD_TYPES = get_args(Shape), get_args(PeriodType)
#: As descriptions, not as `examples`: ninja would write these as a list beside the schema, where OpenAPI wants none.
_EXAMPLES = "2026, 2026-Q4, 2026-10, 2026-W43 ou 2026-10-21"
_A_PERIOD = WithJsonSchema({"type": "string"})

Format = Annotated[Shape | None, _one_of(_SHAPES, "n'est pas un format.", f"Écrivez {' ou '.join(_SHAPES)}.")]
OfPeriods = Annotated[
    PeriodType, _one_of(_PERIOD_TYPES, "n'est pas un type de période.", f"Écrivez {', '.join(_PERIOD_TYPES)}.")
]
FirstDay = Annotated[date | None, BeforeValidator(lambda text: period(text).start if text else None), _A_PERIOD]
LastDay = Annotated[date | None, BeforeValidator(lambda text: period(text).last if text else None), _A_PERIOD]


class Shaped(Schema):
    """What every request may say; a wrong value is refused in words."""

    format: Format = Field(None, description="Forme de la réponse ; sans elle, celle de l'en-tête Accept, sinon json.")
    fields: str | None = Field(None, description="Colonnes voulues, séparées par des virgules ; sans lui, toutes.")


class Question(Shaped):
    """The rows of KPIs that a request asks for."""

    period_type: OfPeriods = Field("month", description="Type de période.")
    first: FirstDay = Field(
        None, alias="from", description=f"Première période, par le premier de ses jours : {_EXAMPLES}."
    )
    last: LastDay = Field(None, alias="to", description=f"Dernière période, par le dernier de ses jours : {_EXAMPLES}.")
    territory: str | None = Field(
        None, description="FR, FR-33, FR-BRE, GN-BRE, XX ou ZZ ; sans lui, tous ceux que voit le jeton."
    )
    breakdown: str = Field("total", description="Ventilation, total pour l'ensemble.")
    limit: Annotated[int | None, BeforeValidator(_limit)] = Field(
        None, description=f"Lignes par page, {MOST_ROWS} au plus ; la suite est à l'adresse de l'en-tête Link."
    )
    cursor: str | None = Field(None, description="Début de la page, tel que la page précédente le donne (next).")


class QuestionOfSeveral(Question):
    """The rows of several KPIs."""

    kpi: str = Field("", description=f"Codes des indicateurs, séparés par des virgules, {MOST_KPIS} au plus.")

    @property
    def codes(self) -> list[str]:
        """The codes, each once.

        Raises:
            ExpectedFailure: there are none, or too many.
        """
        codes = list(dict.fromkeys(code.strip() for code in self.kpi.split(",") if code.strip()))
        if not 1 <= len(codes) <= MOST_KPIS:
            raise ExpectedFailure(f"{len(codes)} indicateurs sont demandés.", f"Demandez-en 1 à {MOST_KPIS}.")
        return codes


class Page(NamedTuple):
    """Rows, and the cursor of the next page, None at the last one."""

    rows: pa.Table
    next: str | None


@dataclass(frozen=True)
class Figures:
    """The copies that the holder of a token may read (`web.reading`); every answer is of the same build."""

    connection: duckdb.DuckDBPyConnection

    def publication(self) -> Row:
        return self._table(_PUBLICATION).to_pylist()[0]

    def catalogue(self) -> pa.Table:
        return self._table(_CATALOGUE)

    def definitions(self, codes: list[str]) -> list[Row]:
        """Return the definitions of KPIs, in the order of the codes.

        Raises:
            NotFound: there is none of a code.
        """
        known = {row["kpi_code"]: row for row in self.catalogue().to_pylist()}
        for code in codes:
            if code not in known:
                raise NotFound(f"L'indicateur « {code} » n'existe pas.", "La liste est à l'adresse /api/kpi.")
        return [known[code] for code in codes]

    def values(self, codes: list[str], asked: Question) -> Page:
        """Return the rows that are asked for, each with its `kpi_code`: by KPI, from the earliest.

        Raises:
            Refused: the territory is none that may be seen; the answer does not reveal whether it exists.
            Conflict: the cursor is of a former publication.
            ExpectedFailure: there are too many, or the cursor is that of another question.
        """
        seen = "select 1 from reference.dim_territory where territory_code = ?"
        if asked.territory and not self.connection.execute(seen, [asked.territory]).fetchone():
            raise Refused(
                f"Ce jeton ne donne pas accès au territoire « {asked.territory} ».",
                "Demandez FR ou un territoire de votre rôle.",
            )
        wanted = {"codes": codes, **asked.dict(include={"period_type", "first", "last", "territory", "breakdown"})}
        state = [self.publication()["publication_id"], hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]]
        after = _after(asked.cursor, state) if asked.cursor else None
        limit = int(asked.limit or MOST_ROWS)
        rows = self._table(_VALUES, {**wanted, "after": after, "limit": limit + 1})
        if rows.num_rows <= limit:
            return Page(rows, None)
        if asked.limit is None:
            raise ExpectedFailure(
                f"La réponse dépasse {MOST_ROWS} lignes.",
                "Demandez-la par pages (limit), ou restreignez-la par territory, from et to, ou period_type.",
            )
        page = rows.slice(0, limit)
        last = page.slice(limit - 1).select(list(_ORDER)).to_pylist()[0]
        return Page(page, _cursor([*state, *map(str, last.values())]))

    def _table(self, query: str, values: dict[str, Any] | None = None) -> pa.Table:
        return self.connection.execute(query, values or {}).to_arrow_table()


def _cursor(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _after(cursor: str, state: list[str]) -> list[str]:
    """Return the coordinates of the last row of the page before.

    Args:
        cursor: What that page gave.
        state: The publication, and the question.

    Raises:
        Conflict: the cursor is of a former publication, whose pages do not go together with those of this one.
        ExpectedFailure: it is that of another question, or none.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        publication, question, *after = parts
        after[1] = date.fromisoformat(after[1]).isoformat()
        "".join(after).encode()  # half a character is none that the database takes
        is_whole = len(after) == len(_ORDER) and all(isinstance(part, str) for part in parts)
    except (ValueError, TypeError, IndexError, RecursionError):
        is_whole = False
    if not is_whole or question != state[1]:
        raise ExpectedFailure("Ce curseur n'est pas celui de cette demande.", "Reprenez sans cursor.")
    if publication != state[0]:
        raise Conflict("De nouveaux chiffres ont été publiés depuis la première page.", "Reprenez sans cursor.")
    return after


def chosen(rows: pa.Table, fields: str | None) -> pa.Table:
    """Return the columns that are asked for, in that order.

    Raises:
        ExpectedFailure: there is no such column.
    """
    if fields is None:
        return rows
    names = list(dict.fromkeys(name.strip() for name in fields.split(",")))
    for name in names:
        if name not in rows.column_names:
            raise ExpectedFailure(f"La colonne « {name} » n'existe pas.", f"Il y a {', '.join(rows.column_names)}.")
    return rows.select(names)
