"""What is known of the effect of an action, in French, from a published copy."""

from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import duckdb

from analytics.impact import Certainty, Interval, wording
from analytics.impact.targets import answers_to_events
from core.clock import PARIS
from core.errors import ExpectedFailure
from core.french import day
from web.charts import Point
from web.failures import NotFound

_SUGGESTED = 5
NEXT_PUBLICATION = "Attendez la publication suivante, ou lancez `cyberimpact build` puis `cyberimpact publish`."
PERIOD_NAMES = {"day": "jour", "week": "semaine", "month": "mois"}

LEGEND = (
    "Trait plein : observé. Tirets : attendu sans l'action. Bande : où l'observé serait resté neuf fois sur dix. Point "
    "rouge : première période suivie."
)

EFFECTS = "from impact.fct_action_effect where action_id = ? order by kpi_code"
PERIODS = """
    from impact.fct_action_effect_period
    where action_id = ? and kpi_code = ?
    order by period_start
"""
#: What the live copy knows of running actions, where it has that table.
HAS_HOURS = "from duckdb_tables() where database_name = 'live_serving' and table_name = 'live_action_effect'"
BY_THE_HOUR = "from live_serving.impact.live_action_effect where action_id = ? and kpi_code = ?"
#: Of all effects that were measured, how many stand out.
ALL_EFFECTS = """
    select count(effect_key), count(effect_key) filter (certainty <> 'on ne peut pas conclure')
    from impact.fct_action_effect
    where donors is not null
"""


@dataclass(frozen=True)
class Period:
    """A period of the picture: what was counted and expected; the band only from the action on."""

    start: date
    is_after: bool
    counted: float
    expected: float
    band: Interval | None


@dataclass(frozen=True)
class Reading:
    """One KPI of a report.

    Args:
        effect: The row of `impact.fct_action_effect`, decimals as floats.
        periods: Its periods, in order; none where there is no effect.
        by_the_hour: The row of `impact.live_action_effect`, while the action runs and its KPI is known by the hour.
    """

    effect: dict[str, Any]
    periods: tuple[Period, ...] = ()
    by_the_hour: dict[str, Any] | None = None

    @property
    def is_measured(self) -> bool:
        return self.effect["donors"] is not None

    @property
    def certainty(self) -> Certainty:
        return Certainty(self.effect["certainty"])

    @property
    def label(self) -> str:
        return self.effect["kpi_label"] or self.effect["kpi_code"] or "Aucun indicateur"

    @property
    def title(self) -> str:
        code, period_type = self.effect["kpi_code"], self.effect["period_type"]
        name = f"{self.label} ({code})" if code else self.label
        return f"{name}, par {PERIOD_NAMES[period_type]}" if period_type else name

    def interval(self, name: str) -> Interval:
        return Interval(self.effect[f"{name}_low"], self.effect[f"{name}_high"])


@dataclass(frozen=True)
class Report:
    """What is known of one action.

    Args:
        data_as_of: Last day of the published data.
        readings: One per KPI that the action is held to; one without a KPI where it has none.
        measured: Effects of the whole register that could be measured.
        standing_out: How many of them are possible or probable; one in ten would be by chance.
    """

    data_as_of: date
    readings: tuple[Reading, ...]
    measured: int
    standing_out: int

    @property
    def action(self) -> dict[str, Any]:
        return self.readings[0].effect

    def as_json(self) -> dict[str, Any]:
        action = self.action
        return {
            "action_id": action["action_id"],
            "action_kind": action["action_kind"],
            "platform": action["platform"],
            "items": action["items"],
            "action_type": action["action_type"],
            "theme": action["theme"],
            "audience": action.get("audience"),
            "started_on": action["started_on"].isoformat(),
            "ended_on": action["ended_on"].isoformat(),
            "territory_code": action["territory_code"],
            "data_as_of": self.data_as_of.isoformat(),
            "targets_proposed_by_mapping": action["is_proposed"],
            "measured": self.measured,
            "standing_out": self.standing_out,
            "kpis": [
                _json(reading.effect) | {"by_the_hour": reading.by_the_hour and _json(reading.by_the_hour)}
                for reading in self.readings
            ],
        }

    def as_text(self) -> str:
        lines = self.heading()
        for reading in self.readings:
            lines += ["", reading.title, *(f"  {line}" for line in self.lines(reading))]
        return "\n".join(lines)

    def heading(self) -> list[str]:
        """Return what the action is, in French."""
        action = self.action
        when = f"du {day(action['started_on'])} au {day(action['ended_on'])}"
        where = (
            "tout le pays" if action["is_nationwide"] else f"{action['territory_name']} ({action['territory_code']})"
        )
        lines = [
            f"Action {action['action_id']} : {named(action)} – {action['theme'] or 'sans thème'}",
            f"Quand et où : {when}, {where}. Données au {day(self.data_as_of)}.",
        ]
        if action.get("audience"):  # a copy of an older version has no such column
            lines.append(
                f"Public visé : {action['audience']}. Les indicateurs comptent tous les publics d'un département, un "
                "effet sur celui-ci seul s'y dilue."
            )
        if action["is_proposed"] and action["kpi_code"]:
            lines.append("L'action ne nomme aucun indicateur : ceux-ci sont proposés d'après son thème et sa nature.")
        if answers_to_events(action["action_kind"]):
            lines.append(
                "Une telle vague suit souvent un événement, qui a pu faire bouger l'indicateur lui-même : un effet n'y "
                "est jamais que possible."
            )
        return lines

    def lines(self, reading: Reading) -> list[str]:
        """Return what is known of one KPI, in French: the conclusion first, then what chance alone makes."""
        if reading.is_measured:
            conclusion, *details = _effect_lines(reading)
            lines = [conclusion, self._of_all(), *details]
        else:
            lines = _refusal_lines(reading)
        return [*lines, *_hourly_lines(reading.by_the_hour)]

    def _of_all(self) -> str:
        chance = wording.by_chance(self.measured)
        return f"Toutes actions lues : {self.standing_out} effets possibles ou probables, {chance}."


def report(connection: duckdb.DuckDBPyConnection, action_id: str) -> Report:
    """Return the published effect of an action on the KPIs that it is held to.

    Args:
        connection: Published copies, the daily one as default catalog.
        action_id: Key of the action.

    Raises:
        NotFound: the copy has no such action; the message names some that it has.
        ExpectedFailure: the copy knows no effects.
    """
    rows = read(connection, EFFECTS, action_id)
    if not rows:
        recent = "select distinct action_id, started_on from impact.fct_action_effect order by 2 desc, 1 limit ?"
        some = ", ".join(row[0] for row in connection.execute(recent, [_SUGGESTED]).fetchall())
        raise NotFound(
            f"L'action « {action_id} » n'existe pas dans le registre publié.",
            f"Actions connues, les plus récentes d'abord : {some or 'aucune'}.",
        )
    if "action_kind" not in rows[0]:
        raise ExpectedFailure(
            "La copie publiée a été faite par une version plus ancienne, qui ne connaît qu'un genre d'actions.",
            NEXT_PUBLICATION,
        )
    readings = tuple(Reading(row, _periods(connection, row), _by_the_hour(connection, row)) for row in rows)
    [(as_of,)] = connection.execute("select max(data_as_of) from audit.publication").fetchall()
    [(measured, standing_out)] = connection.execute(ALL_EFFECTS).fetchall()
    return Report(as_of, readings, measured, standing_out)


def points(reading: Reading) -> list[Point]:
    """Return what was counted and expected, period by period; the first one that is followed is marked."""
    first = next((period.start for period in reading.periods if period.is_after), None)
    return [
        Point(
            period.start,
            day(period.start),
            period.counted,
            *(period.band or (None, None)),
            is_marked=period.start == first,
            expected=period.expected,
        )
        for period in reading.periods
    ]


def read(connection: duckdb.DuckDBPyConnection, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """Return rows of the published marts by column, decimals as floats.

    Raises:
        ExpectedFailure: the published copy has no such mart.
    """
    try:
        found = connection.execute(query, list(parameters))
    except duckdb.CatalogException:
        raise ExpectedFailure(
            "La copie publiée ne contient pas encore les effets des actions.", NEXT_PUBLICATION
        ) from None
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in found.fetchall()]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _periods(connection: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> tuple[Period, ...]:
    if row["donors"] is None:
        return ()
    return tuple(
        Period(
            period["period_start"],
            period["is_after"],
            period["counted"],
            period["expected"],
            Interval(period["band_low"], period["band_high"]) if period["is_after"] else None,
        )
        for period in read(connection, PERIODS, row["action_id"], row["kpi_code"])
    )


def _by_the_hour(connection: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the live copy knows of an action; None where nothing live was published, or by an older version."""
    known = connection.execute(HAS_HOURS).fetchall()
    return next(iter(read(connection, BY_THE_HOUR, row["action_id"], row["kpi_code"])), None) if known else None


def _json(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def named(action: dict[str, Any]) -> str:
    """Return what kind of action it is, in French."""
    kind, items = action["action_type"] or action["action_kind"], action["items"]
    return f"{kind} ({items} publications)" if items else kind


def _refusal_lines(reading: Reading) -> list[str]:
    row = reading.effect
    lines = [f"On ne peut pas conclure. {row['refusal']}", f"Pour pouvoir conclure : {row['remedy']}"]
    if row["national_during"] is not None:
        during, before = wording.number(row["national_during"]), wording.number(row["national_before"])
        lines.append(f"France : {during} pendant la période suivie, {before} pendant la précédente.")
    return lines


def _hourly_lines(row: dict[str, Any] | None) -> list[str]:
    """Return what the live series says of a running action; its interval is valid at every hour."""
    if row is None:
        return []
    until = row["known_until"].replace(tzinfo=UTC).astimezone(PARIS)
    lines = [f"Heure par heure, jusqu'au {until:%d/%m/%Y à\u00a0%H\u00a0h} : {row['sentence']}"]
    if row["donors"] is not None:
        counted, expected = wording.number(row["counted"]), wording.number(row["expected"])
        lines.append(
            f"Compté {counted} en {row['hours']} heures, attendu sans l'action {expected} ; cet intervalle reste "
            "valable même regardé à chaque heure."
        )
    return lines


def _effect_lines(reading: Reading) -> list[str]:
    row, certainty = reading.effect, reading.certainty
    name = PERIOD_NAMES[row["period_type"]]
    when = f"du {day(row['window_start'])} au {day(row['window_end'])}"
    whole = "." if row["window_is_over"] else " ; la période suivie n'est pas finie, l'effet est provisoire."
    band = wording.between(reading.interval("band"), wording.number)
    effect = wording.between(reading.interval("effect"), wording.signed)
    sequential = wording.between(reading.interval("sequential"), wording.percent)
    blank = wording.share(row["false_alarms_in_time"])
    lines = [
        row["sentence"],
        f"Observé, par {name}, {when} : {wording.number(row['counted'])}{whole}",
        f"Attendu sans l'action : {wording.number(row['expected'])}, neuf fois sur dix {band}.",
        f"Comparaison : {row['donors']} territoires sans action sur cet indicateur au même moment.",
        f"Effet : {wording.signed(row['effect_cumulative'])}, intervalle à 90 % {effect}.",
        f"Intervalle valable même regardé à chaque mise à jour : {sequential}.",
        f"Épreuve à blanc : {blank} des périodes antérieures de ce territoire auraient passé à tort pour un effet.",
    ]
    if certainty is Certainty.possible:
        lines.insert(1, "Possible veut dire : une action sans effet sur dix en donnerait autant.")
    if row["is_share"]:
        lines.append("Cet indicateur est une part : les nombres ci-dessus sont ceux de son numérateur.")
    if certainty is Certainty.none:
        return [*lines, f"Pour pouvoir conclure : {row['remedy']}"]
    after = row["concluded_after"]
    delay = f"l'effet s'est vu dès la période {after}" if after else "l'effet ne se voit que sur l'ensemble"
    return [*lines, f"Délai et durée : {delay} ; {row['course']}."]
