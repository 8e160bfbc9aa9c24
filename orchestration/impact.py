"""What `cyberimpact impact` tells, in French: actions and KPIs from the published copy, methods from `analytics`."""

import itertools
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

from analytics import impact
from analytics.impact import study, wording
from analytics.impact.effect import ALPHA
from ingestion.errors import ExpectedFailure
from ingestion.settings import Home
from orchestration import published

TARGETS = Path(impact.__file__).with_name("targets.yml")
_SUGGESTED = 5
_COUNTED = ("nombre",)
_SHARES = ("part",)

ACTIONS = """
    select
        action_id, started_on, ended_on, territory_code, is_nationwide, action_type, theme, targeted_kpi_codes
    from actors.fct_prevention_action
    order by started_on desc, action_id
"""

CELLS = """
    select territory_code, period_start, numerator, denominator, is_suppressed
    from kpi.kpi_value
    where
        kpi_code = ? and period_type = ? and territory_level = 'departement' and breakdown_dimension = 'total'
"""

PERIODS = """
    select period_start, last_day
    from reference.dim_period
    where
        period_type = $period_type
        and period_start between
        (select min(period_start) from kpi.kpi_value where kpi_code = $kpi_code and period_type = $period_type)
        and (select max(data_as_of) from audit.publication)
    order by period_start
"""


@dataclass(frozen=True)
class Reading:
    """One KPI of a report: its name, what was found, and the word for it.

    Args:
        kpi_code: Its code.
        label: Its French name.
        period_type: week or month.
        finding: An effect, or why there is none.
        certainty: None where there is no effect.
        measured: Actions of the register whose effect on this KPI could be measured, this one included.
        standing_out: How many of them have a possible or probable effect; one in ten would by chance.
        is_share: Whether the counts are numerators of a share.
    """

    kpi_code: str
    label: str
    period_type: str
    finding: impact.Finding
    certainty: impact.Certainty | None = None
    measured: int = 0
    standing_out: int = 0
    is_share: bool = False


@dataclass(frozen=True)
class Report:
    """What is told of one action."""

    action: impact.Action
    title: str
    data_as_of: date
    proposed: bool
    readings: tuple[Reading, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "action_id": self.action.action_id,
            "title": self.title,
            "started_on": self.action.started_on.isoformat() if self.action.started_on else None,
            "territories": list(self.action.territories),
            "data_as_of": self.data_as_of.isoformat(),
            "targets_proposed_by_mapping": self.proposed,
            "kpis": [
                {
                    "kpi_code": reading.kpi_code,
                    "label": reading.label,
                    "period_type": reading.period_type,
                    "certainty": reading.certainty.value if reading.certainty else None,
                    "refusal": reading.finding.refusal,
                    "nation": reading.finding.nation,
                    "window": [start.isoformat() for start in reading.finding.starts],
                    "window_is_over": reading.finding.window_is_over,
                    "measured": reading.measured,
                    "standing_out": reading.standing_out,
                    "effect": asdict(reading.finding.effect) if reading.finding.effect else None,
                }
                for reading in self.readings
            ],
        }

    def as_text(self) -> str:
        return "\n".join(itertools.chain(_heading(self), *(_lines(reading) for reading in self.readings)))

    def as_html(self) -> str:
        """Return one page that needs no other file and no network; whatever comes from a platform is escaped."""
        from orchestration.impact_page import page

        sections = [
            (f"{reading.label} ({reading.kpi_code})", _lines(reading)[2:], reading.finding) for reading in self.readings
        ]
        return page(f"Effet de l'action {self.action.action_id}", _heading(self), sections)


def report(home: Home, action_id: str, today: date | None = None) -> Report:
    """Tell the effect of one action of the register on the KPIs that it aims at.

    Args:
        home: Where the published copy is.
        action_id: Key of the register.
        today: Day of the question; the last day of the published data where none is given.

    Raises:
        ExpectedFailure: nothing was published, or there is no such action; the message names some that exist.
    """
    with published.connect(home) as connection:
        rows = connection.execute(ACTIONS).fetchall()
        as_of = connection.execute("select max(data_as_of) from audit.publication").fetchall()[0][0]
        told = {row[0]: row for row in rows}
        if action_id not in told:
            some = ", ".join(list(told)[:_SUGGESTED]) or "aucune"
            raise ExpectedFailure(
                f"L'action « {action_id} » n'existe pas dans le registre publié.",
                f"Actions connues, les plus récentes d'abord : {some}.",
            )
        actions = [_action(row) for row in rows]
        chosen = next(action for action in actions if action.action_id == action_id)
        readings = tuple(_reading(connection, chosen, code, actions, today or as_of) for code in sorted(chosen.targets))
    kind, theme, named = told[action_id][5:8]
    return Report(chosen, f"{kind or 'Action'} – {theme or 'sans thème'}", as_of, not named, readings)


@cache
def mapping() -> dict[str, Any]:
    """Return which KPIs an action is held to where it names none."""
    return yaml.safe_load(TARGETS.read_text(encoding="utf-8"))


def _action(row: tuple) -> impact.Action:
    action_id, started_on, ended_on, territory, nationwide, kind, theme, named = row
    targets = (
        [code.strip() for code in named.replace(";", ",").split(",") if code.strip()]
        if named
        else [*(mapping()["themes"].get(theme) or []), *(mapping()["kinds"].get(kind) or [])]
    )
    territories = () if territory in (None, study.UNKNOWN_TERRITORY) else (territory,)
    return impact.Action(action_id, started_on, ended_on, territories, bool(nationwide), frozenset(targets))


def _reading(
    connection: duckdb.DuckDBPyConnection,
    action: impact.Action,
    code: str,
    actions: Collection[impact.Action],
    today: date,
) -> Reading:
    """Read one KPI; how sure the effect is, is told among all actions of the register on the same KPI."""
    known = connection.execute(
        "select label, unit, period_types from kpi.kpi_catalogue where kpi_code = ?", [code]
    ).fetchall()
    if not known:
        return _refused(code, code, "Cet indicateur n'est pas publié.")
    label, unit, period_types = known[0]
    if unit not in (*_COUNTED, *_SHARES):
        return _refused(
            code, label, f"Cet indicateur ({unit}) n'est ni un dénombrement ni une part : la méthode ne s'y prête pas."
        )
    period_type = "week" if "week" in period_types else "month"
    series = _series(connection, code, period_type, is_share=unit in _SHARES)
    if series is None:
        return _refused(
            code, label, "Cet indicateur n'est pas publié par département : il n'y a pas de territoire comparable."
        )
    finding = impact.examine(action, series, actions, today)
    if finding.effect is None:
        return Reading(code, label, period_type, finding)
    peers = (one for one in actions if code in one.targets and one.action_id != action.action_id)
    effects = [finding.effect, *filter(None, (impact.examine(one, series, actions, today).effect for one in peers))]
    words = impact.certainties(effects)
    return Reading(
        code,
        label,
        period_type,
        finding,
        words[0],
        measured=len(words),
        standing_out=sum(word is not impact.Certainty.none for word in words),
        is_share=unit in _SHARES,
    )


def _refused(code: str, label: str, sentence: str) -> Reading:
    return Reading(code, label, "month", impact.Finding(code, refusal=sentence))


def _series(
    connection: duckdb.DuckDBPyConnection, code: str, period_type: str, *, is_share: bool
) -> impact.Series | None:
    """Read a KPI by département; None where it is not published at that level."""
    cells = connection.execute(CELLS, [code, period_type]).fetchall()
    periods = connection.execute(PERIODS, {"kpi_code": code, "period_type": period_type}).fetchall()
    if not cells or not periods:
        return None
    column = {start: number for number, (start, _) in enumerate(periods)}
    territories = sorted({cell[0] for cell in cells})
    row = {territory: number for number, territory in enumerate(territories)}
    shape = (len(territories), len(periods))
    # A count that has no row was zero; of a share without a row nothing is known.
    counts, exposure = np.zeros(shape), np.zeros(shape) if is_share else np.ones(shape)
    suppressed = set()
    for territory, start, numerator, denominator, is_suppressed in cells:
        if start not in column:
            continue
        at = row[territory], column[start]
        if is_suppressed or numerator is None:
            suppressed.add(territory)
            exposure[at] = 0.0
            continue
        counts[at] = float(numerator)
        if is_share:
            exposure[at] = float(denominator or 0)
    return impact.Series(
        kpi_code=code,
        panel=impact.Panel(territories, [start for start, _ in periods], counts * (exposure > 0), exposure),
        ends=[end for _, end in periods],
        window=mapping()["windows"][period_type],
        known_until=_known_until(connection, code),
        suppressed=frozenset(suppressed),
    )


def _known_until(connection: duckdb.DuckDBPyConnection, code: str) -> date:
    """Return the last day of a KPI's platform, or of all data where the mapping names no platform."""
    platform = mapping()["platforms"].get(code)
    days = connection.execute(
        "select coalesce(max(data_as_of) filter (where platform = ?), max(data_as_of)) from audit.freshness", [platform]
    ).fetchall()
    return days[0][0]


PERIOD_NAMES = {"week": "semaine", "month": "mois"}


def _heading(one: Report) -> list[str]:
    started, ended = one.action.started_on, one.action.ended_on
    when = "sans date" if started is None else f"du {started:%d/%m/%Y} au {(ended or started):%d/%m/%Y}"
    where = "tout le pays" if one.action.is_nationwide else ", ".join(one.action.territories) or "territoire inconnu"
    lines = [
        f"Action {one.action.action_id} : {one.title}",
        f"Quand et où : {when}, {where}. Données au {one.data_as_of:%d/%m/%Y}.",
    ]
    if not one.action.targets:
        return [
            *lines,
            (
                "On ne peut pas conclure : l'action ne nomme aucun indicateur, et aucun indicateur par département ne "
                "correspond à son thème. Indiquez-en un dans le registre."
            ),
        ]
    if one.proposed:
        lines.append("L'action ne nomme aucun indicateur : ceux-ci sont proposés d'après son thème et sa nature.")
    return lines


def _lines(reading: Reading) -> list[str]:
    head = ["", f"{reading.label} ({reading.kpi_code}), par {PERIOD_NAMES[reading.period_type]}"]
    finding = reading.finding
    if finding.effect is None:
        nation = finding.nation
        series = (
            [f"  France : {_number(nation[1])} pendant la période suivie, {_number(nation[0])} pendant la précédente."]
            if nation
            else []
        )
        return [*head, f"  On ne peut pas conclure. {finding.refusal}", *series]
    return [*head, *(f"  {line}" for line in _effect_lines(reading, finding.effect))]


def _effect_lines(reading: Reading, effect: impact.Effect) -> list[str]:
    finding, certainty = reading.finding, reading.certainty
    sense = "baisse" if effect.ratio < 1 else "hausse"
    verdicts = {
        impact.Certainty.probable: f"Effet probable : {sense}.",
        impact.Certainty.possible: f"Effet possible : {sense}. Une action sans effet sur dix en donnerait autant.",
    }
    first, last = finding.starts[0], finding.last_day
    blank = _share(effect.false_alarms_in_time)
    lines = [
        verdicts.get(certainty, "On ne peut pas conclure : l'écart est de ceux que le hasard explique."),
        f"Observé, par {PERIOD_NAMES[reading.period_type]}, du {first:%d/%m/%Y} au {last:%d/%m/%Y} : "
        + _number(effect.counted)
        + ("." if finding.window_is_over else " ; la période suivie n'est pas finie, l'effet est provisoire."),
        f"Attendu sans l'action : {_number(effect.expected)}, neuf fois sur dix {_between(effect.band, _number)}.",
        f"Comparaison : {effect.donors} territoires sans action sur cet indicateur au même moment.",
        f"Effet : {_signed(effect.absolute)}, intervalle à 90 % {_between(effect.absolute_interval, _signed)}.",
        f"Soit {_percent(effect.ratio)}, intervalle à 90 % {_between(effect.ratio_interval, _percent)}.",
        f"Intervalle valable même regardé à chaque mise à jour : {_between(effect.sequential_ratio, _percent)}.",
        f"Ce qui aurait pu être vu, quatre fois sur cinq : {_seen(effect)}.",
        f"Épreuve à blanc : {blank} des périodes antérieures de ce territoire auraient passé à tort pour un effet.",
        f"Toutes actions : {reading.standing_out} effets possibles ou probables, {_by_chance(reading.measured)}.",
    ]
    if reading.is_share:
        lines.append("Cet indicateur est une part : les nombres ci-dessus sont ceux de son numérateur.")
    if certainty is not impact.Certainty.none:
        after = effect.concluded_after
        delay = f"l'effet s'est vu dès la période {after}" if after else "l'effet ne se voit que sur l'ensemble"
        lines.append(f"Délai et durée : {delay} ; {wording.course(effect)}.")
    return lines


def _by_chance(measured: int) -> str:
    return f"le hasard seul en donnerait environ {round(measured * ALPHA)} sur {measured}"


def _between(interval: impact.Interval, said: Callable[[float], str]) -> str:
    return f"entre {said(interval.low)} et {said(interval.high)}"


def _seen(effect: impact.Effect) -> str:
    rise = f"une hausse d'au moins {_share(effect.least_increase - 1)}"
    if effect.least_decrease <= 0:
        return f"{rise} ; aucune baisse, les nombres sont trop petits"
    return f"{rise}, ou une baisse d'au moins {_share(1 - effect.least_decrease)}"


def _number(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"  # noqa: PLR2004
    return text.removesuffix(".0").replace(",", "\u202f").replace(".", ",")


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{_number(abs(value))}"


def _percent(ratio: float) -> str:
    return f"{_signed(round(100 * (ratio - 1)))}\u202f%"


def _share(share: float) -> str:
    return f"{_number(round(100 * share))}\u202f%"
