"""Estimates the effect so far of running actions on a count that is known by the hour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from analytics.impact.eligibility import Action, Finding, Series, examine
from analytics.impact.panel import Panel
from analytics.impact.targets import mapping
from analytics.impact.wording import Certainty, so_far
from core.clock import PARIS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Hours of the shortest past of a placebo: with fewer, sixty days could not give the end of a window.
LEAST_PAST = 4 * 24
HISTORY = 60 * 24

#: territory, first instant of the hour (UTC), count
Cell = tuple[str, datetime, int]


@dataclass(frozen=True)
class HourlyReading:
    """The result of a running action at the end of an hour.

    Args:
        action: The action, in days.
        finding: The effect so far, or why there is none.
        until: End of the last hour that is known, UTC.
    """

    action: Action
    finding: Finding
    until: datetime

    @property
    def certainty(self) -> Certainty:
        return so_far(self.finding.effect) if self.finding.effect else Certainty.none


def read_hourly(code: str, actions: Sequence[Action], cells: Iterable[Cell], until: datetime) -> list[HourlyReading]:
    """Examine every action whose window is not over at the end of an hour.

    The interval to read is the sequential one: it is drawn for all the hours of the window, so that looking at each of
    them does not make it wrong.

    Args:
        code: The count.
        actions: All actions that target the KPI, running or not: the others decide which territories may be donors.
        cells: Hours with a count, in any order.
        until: End of the last hour that is known, UTC.
    """
    asked = running(actions, until)
    series = _series(code, cells, until) if asked else None
    if series is None:
        return []
    by_hour = {action.action_id: _in_hours(action) for action in actions if action.started_on}
    others = list(by_hour.values())
    return [HourlyReading(action, examine(by_hour[action.action_id], series, others, until), until) for action in asked]


def running(actions: Iterable[Action], until: datetime) -> list[Action]:
    """Return the actions that have begun before an instant and whose window is not over then."""
    window = mapping()["windows"]["day"] * DAY
    return [
        action
        for action in actions
        if action.started_on
        and midnight(action.started_on) < until
        and until < midnight(max(action.started_on + window, (action.ended_on or action.started_on) + DAY))
    ]


def midnight(day: date) -> datetime:
    """Return the first instant of a day of Paris, in UTC and without a zone."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC).replace(tzinfo=None)


def _in_hours(action: Action) -> Action:
    assert action.started_on
    last = action.ended_on or action.started_on
    return replace(action, started_on=midnight(action.started_on), ended_on=midnight(last + DAY) - HOUR)


def _series(code: str, cells: Iterable[Cell], until: datetime) -> Series | None:
    """Return the whole hours, zero where nothing was counted; None before there are any."""
    known = [(territory, start, count) for territory, start, count in cells if start < until]
    # Of the first hour that has anything, the beginning may be missing.
    begin = max(min((start for _, start, _ in known), default=until) + HOUR, until - HISTORY * HOUR)
    number = (until - begin) // HOUR
    if number <= 0:
        return None
    starts = [begin + step * HOUR for step in range(number)]
    territories = sorted({territory for territory, *_ in known})
    row = {territory: place for place, territory in enumerate(territories)}
    counts = np.zeros((len(territories), number))
    for territory, start, count in known:
        if start >= begin:
            counts[row[territory], (start - begin) // HOUR] += count
    return Series(
        kpi_code=code,
        panel=Panel(territories, starts, counts, np.ones_like(counts)),
        ends=[start + HOUR - timedelta(seconds=1) for start in starts],
        window=mapping()["windows"]["day"] * 24,
        known_until=until,
        history=HISTORY,
        least_past=LEAST_PAST,
        silence=24,
        unit="heure(s)",
    )
