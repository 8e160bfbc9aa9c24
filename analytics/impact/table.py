"""Turns the rows of a warehouse into a register, evaluates it, and returns one table of results."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from analytics.impact import register, wording
from analytics.impact.effect import Effect
from analytics.impact.eligibility import UNKNOWN_TERRITORY, Action, Series
from analytics.impact.hours import HourlyReading
from analytics.impact.register import Entry, Kpi, Reading
from analytics.impact.targets import answers_to_events, mapping, targets

#: Columns of an action that are read.
REGISTER = (
    "action_id",
    "started_on",
    "ended_on",
    "territory_code",
    "is_nationwide",
    "action_kind",
    "action_type",
    "theme",
    "targeted_kpi_codes",
)
#: Columns of a KPI that are read.
KPIS = ("kpi_code", "is_share", "is_followed", "period_types")

PAST_SHOWN = 26  # periods before the action
CONTROL, NATION = "territoires comparables", "série nationale"
_DECIMALS = 6

_TEXT, _REAL, _COUNT, _FLAG, _DAY = pa.string(), pa.decimal128(38, _DECIMALS), pa.int64(), pa.bool_(), pa.date32()

#: Columns of the table: those of an action and a KPI are repeated for each of its periods.
COLUMNS = {
    "action_id": _TEXT,
    "kpi_code": _TEXT,
    "is_proposed": _FLAG,
    "period_type": _TEXT,
    "method": _TEXT,
    "certainty": _TEXT,
    "sentence": _TEXT,
    "refusal": _TEXT,
    "remedy": _TEXT,
    "overlapping_actions": _TEXT,
    "window_start": _DAY,
    "window_end": _DAY,
    "window_is_over": _FLAG,
    "national_before": _REAL,
    "national_during": _REAL,
    "counted": _REAL,
    "expected": _REAL,
    "band_low": _REAL,
    "band_high": _REAL,
    "ratio": _REAL,
    "ratio_low": _REAL,
    "ratio_high": _REAL,
    "effect": _REAL,
    "effect_low": _REAL,
    "effect_high": _REAL,
    "p_value": _REAL,
    "adjusted_p": _REAL,
    "sequential_low": _REAL,
    "sequential_high": _REAL,
    "concluded_after": _COUNT,
    "fading_p": _REAL,
    "early_ratio": _REAL,
    "late_ratio": _REAL,
    "course": _TEXT,
    "least_decrease": _REAL,
    "least_increase": _REAL,
    "false_alarms_in_time": _REAL,
    "false_alarms_in_space": _REAL,
    "donors": _COUNT,
    "period_start": _DAY,
    "is_after": _FLAG,
    "period_counted": _REAL,
    "period_expected": _REAL,
    "period_low": _REAL,
    "period_high": _REAL,
}

#: Columns of the effects so far by the hour.
HOURLY = {
    "action_id": _TEXT,
    "kpi_code": _TEXT,
    "territory_code": _TEXT,
    "known_until": pa.timestamp("us"),
    "certainty": _TEXT,
    "sentence": _TEXT,
    "refusal": _TEXT,
    "hours": _COUNT,
    "counted": _REAL,
    "expected": _REAL,
    "ratio": _REAL,
    "sequential_low": _REAL,
    "sequential_high": _REAL,
    "concluded_after_hours": _COUNT,
    "donors": _COUNT,
}

Row = dict[str, Any]


def read_register(rows: Iterable[Sequence]) -> list[Entry]:
    """Return the entries of a register; `rows` have the columns `REGISTER`."""
    entries = []
    for action_id, started_on, ended_on, territory, nationwide, kind, action_type, theme, named in rows:
        codes, proposed = targets(named, theme, kind, action_type)
        action = Action(action_id, started_on, ended_on, _places(territory), bool(nationwide), codes)
        entries.append(Entry(action, proposed, answers_to_events(kind)))
    return entries


def read_targeted(rows: Iterable[Sequence]) -> list[Action]:
    """Return actions from rows: key, first and last day, territory, whether nationwide, KPI."""
    return [
        Action(action_id, started_on, ended_on, _places(territory), bool(nationwide), frozenset({code}))
        for action_id, started_on, ended_on, territory, nationwide, code in rows
    ]


def _places(territory: str | None) -> tuple[str, ...]:
    return () if territory in (None, UNKNOWN_TERRITORY) else (territory,)


def hourly(readings: Iterable[HourlyReading]) -> pa.Table:
    """Return the results of running actions at the end of an hour, one row per action."""
    rows = [_hourly_row(reading) for reading in readings]
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in HOURLY.items()})


def _hourly_row(reading: HourlyReading) -> Row:
    finding, certainty = reading.finding, reading.certainty
    common: Row = {
        "action_id": reading.action.action_id,
        "kpi_code": finding.kpi_code,
        "territory_code": next(iter(reading.action.territories), UNKNOWN_TERRITORY),
        "known_until": reading.until,
        "certainty": certainty.value,
        "hours": len(finding.starts),
    }
    effect = finding.effect
    if effect is None:
        return common | {"sentence": f"On ne peut pas conclure. {finding.refusal}", "refusal": finding.refusal}
    return common | {
        "sentence": wording.sentence_so_far(effect, certainty),
        "counted": _real(effect.counted),
        "expected": _real(effect.expected),
        "ratio": _real(effect.ratio),
        "sequential_low": _real(effect.sequential_ratio.low),
        "sequential_high": _real(effect.sequential_ratio.high),
        "concluded_after_hours": effect.concluded_after,
        "donors": effect.donors,
    }


def evaluate(
    entries: Sequence[Entry],
    kpis: Iterable[Sequence],
    cells: Iterable[Sequence],
    periods: Iterable[Sequence],
    known: Mapping[str, date],
) -> pa.Table:
    """Evaluate the register: one row per action, KPI and period, or one without a period where there is no effect.

    Args:
        entries: The register.
        kpis: Rows with the columns `KPIS`.
        cells: KPI, period type, département, first day, numerator, denominator, whether suppressed.
        periods: Period type, first and last day, in order.
        known: Last day of each platform.
    """
    today = max(known.values(), default=date.min)
    spans: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for period_type, start, end in periods:
        spans[period_type].append((start, end))
    of_kpi: dict[tuple[str, str], list[register.Cell]] = defaultdict(list)
    for code, period_type, *cell in cells:
        of_kpi[code, period_type].append(tuple(cell))
    published = {}
    for code, is_share, is_followed, period_types in kpis:
        series = _series(code, period_types.split(","), of_kpi, spans, known, is_share=is_share, today=today)
        published[code] = Kpi(code, is_followed, series if is_followed else {})
    return to_table(register.read(entries, published, today))


def to_table(readings: Iterable[Reading]) -> pa.Table:
    rows = [row for reading in readings for row in _rows(reading)]
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in COLUMNS.items()})


def _series(
    code: str,
    period_types: Sequence[str],
    cells: Mapping[tuple[str, str], list[register.Cell]],
    spans: Mapping[str, list[tuple[date, date]]],
    known: Mapping[str, date],
    *,
    is_share: bool,
    today: date,
) -> dict[str, Series]:
    found = {
        period_type: register.series_of(
            code,
            cells.get((code, period_type), ()),
            spans[period_type],
            is_share=is_share,
            window=mapping()["windows"][period_type],
            known_until=known.get(mapping()["platforms"].get(code), today),
        )
        for period_type in period_types
    }
    return {period_type: series for period_type, series in found.items() if series}


def _rows(reading: Reading) -> Iterator[Row]:
    """Yield the rows of one action and KPI, one for each period that is shown."""
    finding = reading.finding
    common: Row = {
        "action_id": reading.action_id,
        "kpi_code": reading.kpi_code,
        "is_proposed": reading.proposed,
        "period_type": reading.period_type,
        "method": CONTROL if finding.effect else NATION if finding.nation else None,
        "certainty": reading.certainty.value,
        "sentence": f"On ne peut pas conclure. {finding.refusal}",
        "refusal": finding.refusal,
        "remedy": finding.remedy,
        "overlapping_actions": ", ".join(reading.overlaps) or None,
        "window_start": finding.starts[0] if finding.starts else None,
        "window_end": finding.last_day,
        "window_is_over": finding.window_is_over if finding.effect else None,
        "national_before": _real(finding.nation and finding.nation[0]),
        "national_during": _real(finding.nation and finding.nation[1]),
    }
    if finding.effect is None:
        yield common
        return
    common |= _figures(reading, finding.effect)
    yield from (common | period for period in _periods(reading, finding.effect))


def _figures(reading: Reading, effect: Effect) -> Row:
    certainty, is_over = reading.certainty, reading.finding.window_is_over
    unseen = certainty is wording.Certainty.none
    early, late = effect.halves or (None, None)
    real = {
        "counted": effect.counted,
        "expected": effect.expected,
        "band_low": effect.band.low,
        "band_high": effect.band.high,
        "ratio": effect.ratio,
        "ratio_low": effect.ratio_interval.low,
        "ratio_high": effect.ratio_interval.high,
        "effect": effect.absolute,
        "effect_low": effect.absolute_interval.low,
        "effect_high": effect.absolute_interval.high,
        "p_value": effect.p_value,
        "adjusted_p": reading.adjusted_p,
        "sequential_low": effect.sequential_ratio.low,
        "sequential_high": effect.sequential_ratio.high,
        "fading_p": effect.fading,
        "early_ratio": early,
        "late_ratio": late,
        "least_decrease": effect.least_decrease,
        "least_increase": effect.least_increase,
        "false_alarms_in_time": effect.false_alarms_in_time,
        "false_alarms_in_space": effect.false_alarms_in_space,
    }
    return {name: _real(value) for name, value in real.items()} | {
        "sentence": (wording.sentence if is_over else wording.sentence_so_far)(effect, certainty),
        "remedy": (wording.remedy(effect) if is_over else wording.PATIENCE) if unseen else None,
        "course": None if unseen else wording.course(effect),
        "concluded_after": effect.concluded_after,
        "donors": effect.donors,
    }


def _periods(reading: Reading, effect: Effect) -> Iterator[Row]:
    starts = reading.finding.starts
    for start, period in zip(starts, effect.periods, strict=True):
        yield {
            "period_start": start,
            "is_after": True,
            "period_counted": _real(period.counted),
            "period_expected": _real(period.expected),
            "period_low": _real(period.band.low),
            "period_high": _real(period.band.high),
        }
    before = reading.finding.before[-PAST_SHOWN:]
    for start, (counted, expected) in zip(before, effect.past[-PAST_SHOWN:], strict=True):
        yield {
            "period_start": start,
            "is_after": False,
            "period_counted": _real(counted),
            "period_expected": _real(expected),
        }


def _real(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.{_DECIMALS}f}")
