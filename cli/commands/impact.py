"""The `impact` command: the effect of one action in French, from the published marts."""

import itertools
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import duckdb

from analytics.impact import Certainty, Interval, wording
from analytics.impact.targets import answers_to_events
from core.clock import PARIS
from core.errors import ExpectedFailure
from core.settings import Home
from warehouse import published

_SUGGESTED = 5
PERIOD_NAMES = {"day": "jour", "week": "semaine", "month": "mois"}

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
    """One period of a picture: what was counted and expected; the band only from the action on."""

    start: date
    is_after: bool
    counted: float
    expected: float
    band: Interval | None


@dataclass(frozen=True)
class Reading:
    """One KPI of a report.

    Args:
        result: The row of `impact.fct_action_effect`, decimals as floats.
        periods: Its periods, in order; none where there is no effect.
        by_the_hour: The row of `impact.live_action_effect`, while the action runs and its KPI is told by the hour.
    """

    result: dict[str, Any]
    periods: tuple[Period, ...] = ()
    by_the_hour: dict[str, Any] | None = None

    @property
    def is_measured(self) -> bool:
        return self.result["donors"] is not None

    @property
    def certainty(self) -> Certainty:
        return Certainty(self.result["certainty"])

    @property
    def label(self) -> str:
        return self.result["kpi_label"] or self.result["kpi_code"] or "Aucun indicateur"

    def interval(self, name: str) -> Interval:
        return Interval(self.result[f"{name}_low"], self.result[f"{name}_high"])


@dataclass(frozen=True)
class Report:
    """What is told of one action.

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
        return self.readings[0].result

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
                _json(reading.result) | {"by_the_hour": reading.by_the_hour and _json(reading.by_the_hour)}
                for reading in self.readings
            ],
        }

    def as_text(self) -> str:
        return "\n".join(itertools.chain(self._heading(), *(self._lines(reading) for reading in self.readings)))

    def as_html(self) -> str:
        """Return one page that needs no other file and no network; whatever comes from a platform is escaped."""
        from cli.commands.impact_page import page

        sections = [(_title(reading), self._lines(reading)[2:], reading.periods) for reading in self.readings]
        return page(f"Effet de l'action {self.action['action_id']}", self._heading(), sections)

    def _heading(self) -> list[str]:
        action = self.action
        when = f"du {action['started_on']:%d/%m/%Y} au {action['ended_on']:%d/%m/%Y}"
        where = (
            "tout le pays" if action["is_nationwide"] else f"{action['territory_name']} ({action['territory_code']})"
        )
        lines = [
            f"Action {action['action_id']} : {_named(action)} – {action['theme'] or 'sans thème'}",
            f"Quand et où : {when}, {where}. Données au {self.data_as_of:%d/%m/%Y}.",
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

    def _lines(self, reading: Reading) -> list[str]:
        head = ["", _title(reading)]
        lines = [*_effect_lines(reading), self._of_all()] if reading.is_measured else _refusal_lines(reading)
        return [*head, *(f"  {line}" for line in (*lines, *_hourly_lines(reading.by_the_hour)))]

    def _of_all(self) -> str:
        return (
            f"Toutes actions : {self.standing_out} effets possibles ou probables, {wording.by_chance(self.measured)}."
        )


def report(home: Home, action_id: str) -> Report:
    """Tell the effect of one action of the register on the KPIs that it is held to, as it was published.

    Args:
        home: Where the published copy is.
        action_id: Key of the register.

    Raises:
        ExpectedFailure: nothing was published, or there is no such action; the message names some that exist.
    """
    with published.connect(home) as connection:
        rows = read(connection, EFFECTS, action_id)
        if not rows:
            recent = "select distinct action_id, started_on from impact.fct_action_effect order by 2 desc, 1 limit ?"
            some = ", ".join(row[0] for row in connection.execute(recent, [_SUGGESTED]).fetchall())
            raise ExpectedFailure(
                f"L'action « {action_id} » n'existe pas dans le registre publié.",
                f"Actions connues, les plus récentes d'abord : {some or 'aucune'}.",
            )
        if "action_kind" not in rows[0]:
            raise ExpectedFailure(
                "La copie publiée a été faite par une version plus ancienne, qui ne connaît qu'un genre d'actions.",
                "Lancez `cyberimpact build` puis `cyberimpact publish`.",
            )
        readings = tuple(Reading(row, _periods(connection, row), _by_the_hour(connection, row)) for row in rows)
        [(as_of,)] = connection.execute("select max(data_as_of) from audit.publication").fetchall()
        [(measured, standing_out)] = connection.execute(ALL_EFFECTS).fetchall()
    return Report(as_of, readings, measured, standing_out)


def read(connection: duckdb.DuckDBPyConnection, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """Return rows of the published marts by column, decimals as floats.

    Raises:
        ExpectedFailure: the published copy has no such mart.
    """
    try:
        found = connection.execute(query, list(parameters))
    except duckdb.CatalogException:
        raise ExpectedFailure(
            "La copie publiée ne contient pas encore les effets des actions.",
            "Lancez `cyberimpact build` puis `cyberimpact publish`.",
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


def _named(action: dict[str, Any]) -> str:
    kind, items = action["action_type"] or action["action_kind"], action["items"]
    return f"{kind} ({items} publications)" if items else kind


def _title(reading: Reading) -> str:
    code, period_type = reading.result["kpi_code"], reading.result["period_type"]
    name = f"{reading.label} ({code})" if code else reading.label
    return f"{name}, par {PERIOD_NAMES[period_type]}" if period_type else name


def _refusal_lines(reading: Reading) -> list[str]:
    result = reading.result
    lines = [f"On ne peut pas conclure. {result['refusal']}", f"Pour pouvoir conclure : {result['remedy']}"]
    if result["national_during"] is not None:
        during, before = wording.number(result["national_during"]), wording.number(result["national_before"])
        lines.append(f"France : {during} pendant la période suivie, {before} pendant la précédente.")
    return lines


def _hourly_lines(result: dict[str, Any] | None) -> list[str]:
    """Return the result of a running action from the live series, with its sequential interval."""
    if result is None:
        return []
    until = result["known_until"].replace(tzinfo=UTC).astimezone(PARIS)
    lines = [f"Heure par heure, jusqu'au {until:%d/%m/%Y à %H h} : {result['sentence']}"]
    if result["donors"] is not None:
        counted, expected = wording.number(result["counted"]), wording.number(result["expected"])
        lines.append(
            f"Compté {counted} en {result['hours']} heures, attendu sans l'action {expected} ; cet intervalle reste "
            "valable même regardé à chaque heure."
        )
    return lines


def _effect_lines(reading: Reading) -> list[str]:
    result, certainty = reading.result, reading.certainty
    name = PERIOD_NAMES[result["period_type"]]
    when = f"du {result['window_start']:%d/%m/%Y} au {result['window_end']:%d/%m/%Y}"
    whole = "." if result["window_is_over"] else " ; la période suivie n'est pas finie, l'effet est provisoire."
    band = wording.between(reading.interval("band"), wording.number)
    effect = wording.between(reading.interval("effect"), wording.signed)
    sequential = wording.between(reading.interval("sequential"), wording.percent)
    blank = wording.share(result["false_alarms_in_time"])
    lines = [
        result["sentence"],
        f"Observé, par {name}, {when} : {wording.number(result['counted'])}{whole}",
        f"Attendu sans l'action : {wording.number(result['expected'])}, neuf fois sur dix {band}.",
        f"Comparaison : {result['donors']} territoires sans action sur cet indicateur au même moment.",
        f"Effet : {wording.signed(result['effect_cumulative'])}, intervalle à 90 % {effect}.",
        f"Intervalle valable même regardé à chaque mise à jour : {sequential}.",
        f"Épreuve à blanc : {blank} des périodes antérieures de ce territoire auraient passé à tort pour un effet.",
    ]
    if certainty is Certainty.possible:
        lines.insert(1, "Possible veut dire : une action sans effet sur dix en donnerait autant.")
    if result["is_share"]:
        lines.append("Cet indicateur est une part : les nombres ci-dessus sont ceux de son numérateur.")
    if certainty is Certainty.none:
        return [*lines, f"Pour pouvoir conclure : {result['remedy']}"]
    after = result["concluded_after"]
    delay = f"l'effet s'est vu dès la période {after}" if after else "l'effet ne se voit que sur l'ensemble"
    return [*lines, f"Délai et durée : {delay} ; {result['course']}."]
