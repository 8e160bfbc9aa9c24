"""Evaluates all actions of a register together: eligibility, effect, and multiple-testing correction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from analytics.impact.eligibility import Action, Finding, Refusal, Series, examine, overlapping, refused
from analytics.impact.panel import Panel
from analytics.impact.wording import Certainty, adjusted, apart, so_far, word

#: territory, first day of the period, numerator, denominator, whether it is suppressed
Cell = tuple[str, date, float | None, float | None, bool]

UNTARGETED = Refusal(
    "L'action ne nomme aucun indicateur, et aucun indicateur par département ne correspond à son thème.",
    "Indiquez un indicateur dans le registre.",
)
UNPUBLISHED = Refusal("Cet indicateur n'est pas publié.", "Corrigez le code de l'indicateur dans le registre.")
UNFOLLOWED = Refusal(
    "Cet indicateur n'est pas un dénombrement ou une part publiés par département, ou il compte les actions "
    "elles-mêmes : la méthode ne s'y prête pas.",
    "Indiquez dans le registre un dénombrement ou une part publiés par département.",
)
EMPTY = Refusal("Cet indicateur n'a encore aucune valeur par département.", "Chargez les données de sa plateforme.")


@dataclass(frozen=True)
class Entry:
    """An action of the register.

    Args:
        action: What it is.
        proposed: Whether its KPIs were proposed by the mapping, and not named by the unit.
        is_reactive: Whether it follows an event, which may itself have moved the KPI. No control separates the two: its
            effect is possible at most, and outside the false discovery control.
    """

    action: Action
    proposed: bool
    is_reactive: bool = False


@dataclass(frozen=True)
class Kpi:
    """A KPI that is published.

    Args:
        code: Its code.
        is_followed: Whether it is a count or a share by département.
        series: Its series by period type, the one in which effects are reported first; a finer one, where there
            is one, gives the effect so far while the window runs.
    """

    code: str
    is_followed: bool
    series: Mapping[str, Series]


@dataclass(frozen=True)
class Reading:
    """The result of one action on one KPI.

    Args:
        action_id: Key of the register.
        kpi_code: None where the action has no KPI.
        proposed: Whether the mapping has chosen the KPI.
        period_type: Of the series; None where there is none.
        finding: An effect, or why there is none.
        overlaps: Other actions on the same KPI, territory and time.
        certainty: The word among all readings of the register.
        adjusted_p: p-value after false discovery control over all effects whose window is over, those of actions that
            answer to events apart.
        is_reactive: Whether the action answers to events.
    """

    action_id: str
    kpi_code: str | None
    proposed: bool
    period_type: str | None
    finding: Finding
    overlaps: tuple[str, ...] = ()
    certainty: Certainty = Certainty.none
    adjusted_p: float | None = None
    is_reactive: bool = False


def read(register: Sequence[Entry], kpis: Mapping[str, Kpi], today: date) -> list[Reading]:
    """Evaluate every action on every KPI that it targets; certainties are corrected for all of them together.

    Args:
        register: All actions.
        kpis: All KPIs that are published, by code.
        today: Day at which the question is asked.
    """
    aimed: dict[str, list[Action]] = {}
    for entry in register:
        for code in entry.action.targets:
            aimed.setdefault(code, []).append(entry.action)
    readings = []
    for entry in register:
        if not entry.action.targets:
            found = refused("", UNTARGETED)
            readings.append(Reading(entry.action.action_id, None, entry.proposed, None, found))
        readings += [_read(entry, code, kpis.get(code), aimed[code], today) for code in sorted(entry.action.targets)]
    return _with_certainty(readings)


def _read(entry: Entry, code: str, kpi: Kpi | None, others: Sequence[Action], today: date) -> Reading:
    action = entry.action

    def reading_of(period_type: str | None, finding: Finding, overlaps: tuple[str, ...] = ()) -> Reading:
        return Reading(
            action.action_id, code, entry.proposed, period_type, finding, overlaps, is_reactive=entry.is_reactive
        )

    if kpi is None or not kpi.is_followed or not kpi.series:
        why = UNPUBLISHED if kpi is None else EMPTY if kpi.is_followed else UNFOLLOWED
        return reading_of(None, refused(code, why))
    found = [(period_type, examine(action, series, others, today)) for period_type, series in _asked(kpi, action)]
    period_type, finding = next((candidate for candidate in reversed(found) if candidate[1].effect), found[0])
    meeting = overlapping(action, kpi.series[period_type], others) if action.started_on else []
    return reading_of(period_type, finding, tuple(sorted(other.action_id for other in meeting)))


def _asked(kpi: Kpi, action: Action) -> list[tuple[str, Series]]:
    """Return the series to ask: the first, and the finer one while the window of the first is not over."""
    (first, *finer) = kpi.series.items()
    series = first[1]
    after = [end for end in series.ends if action.started_on and end >= action.started_on][: series.window]
    over = len(after) == series.window and after[-1] <= series.known_until
    return [first] if over else [first, *finer]


def _with_certainty(readings: list[Reading]) -> list[Reading]:
    together = {
        n: reading.finding.effect
        for n, reading in enumerate(readings)
        if reading.finding.effect and reading.finding.window_is_over and not reading.is_reactive
    }
    worded = [_with_own_certainty(reading) for reading in readings]
    for (n, effect), value in zip(together.items(), adjusted(list(together.values())), strict=True):
        worded[n] = replace(readings[n], certainty=word(effect, value), adjusted_p=value)
    return worded


def _with_own_certainty(reading: Reading) -> Reading:
    """Return a reading outside the false discovery control with its certainty: a running or reactive action."""
    finding = reading.finding
    if finding.effect is None:
        return reading
    return replace(reading, certainty=apart(finding.effect) if finding.window_is_over else so_far(finding.effect))


def series_of(
    code: str,
    cells: Iterable[Cell],
    periods: Sequence[tuple[date, date]],
    *,
    is_share: bool,
    window: int,
    known_until: date,
) -> Series | None:
    """Return a KPI by département; None where it has no cell.

    A count that has no row was zero; of a share without a row, and of a suppressed cell, nothing is known.

    Args:
        code: Its code.
        cells: Its published rows.
        periods: First and last day of all periods of the calendar, in order.
        is_share: Whether it is a share.
        window: Periods over which effects are sought.
        known_until: Last day of which its platform's data are complete.
    """
    cells = list(cells)
    if not cells:
        return None
    first = min(start for _, start, *_ in cells)
    shown = [(start, end) for start, end in periods if first <= start <= known_until]
    column = {start: number for number, (start, _) in enumerate(shown)}
    territories = sorted({cell[0] for cell in cells})
    row = {territory: number for number, territory in enumerate(territories)}
    shape = (len(territories), len(shown))
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
    return Series(
        kpi_code=code,
        panel=Panel(territories, [start for start, _ in shown], counts * (exposure > 0), exposure),
        ends=[end for _, end in shown],
        window=window,
        known_until=known_until,
        suppressed=frozenset(suppressed),
    )
