"""The roll-ups of the KPIs in plain Python: from observations to the figures of each period, place and breakdown."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.geography import levels, populations

TOTAL = "total"

#: Period type and start, level, territory, dimension, value.
Cell = tuple[str, date, str, str, str, str]
Number = int | Decimal | Fraction


@dataclass(frozen=True)
class Observation:
    """A row of a KPI's `__observations`; `parts` holds its breakdowns."""

    record_key: str
    occurred_on: date
    territory_code: str
    numerator: Number
    denominator: Number = 0
    entity_key: str | None = None
    parts: Mapping[str, str | None] = field(default_factory=dict)


class Figures(NamedTuple):
    """The figures of a cell; only the value is rounded."""

    numerator: Fraction | None
    denominator: Fraction | None
    value: Fraction | None


#: From the observations of a cell, and the inhabitants of its place, to its figures.
Rollup = Callable[[Sequence[Observation], int | None], Figures]


def summed(numbers: Iterable[Number]) -> Fraction:
    return sum(map(Fraction, numbers), Fraction(0))


def total(observed: Sequence[Observation], _: int | None) -> Figures:
    numerator = summed(row.numerator for row in observed)
    return Figures(numerator, None, numerator)


def latest(observed: Sequence[Observation], inhabitants: int | None) -> Figures:
    """Add up a stock: `cells` hands over the last observation of each entity."""
    return total(observed, inhabitants)


def ratio(scale: int | Fraction = 1) -> Rollup:
    def figures(observed: Sequence[Observation], _: int | None) -> Figures:
        numerator = summed(row.numerator for row in observed)
        denominator = summed(row.denominator for row in observed)
        return Figures(numerator, denominator, scale * numerator / denominator if denominator else None)

    return figures


def percentile(share: Fraction) -> Rollup:
    def figures(observed: Sequence[Observation], _: int | None) -> Figures:
        ordered = sorted(Fraction(row.numerator) for row in observed)
        below, beyond = divmod(share * (len(ordered) - 1), 1)
        above = min(below + 1, len(ordered) - 1)
        return Figures(None, None, ordered[below] + beyond * (ordered[above] - ordered[below]))

    return figures


def per_inhabitant(per: int) -> Rollup:
    def figures(observed: Sequence[Observation], inhabitants: int | None) -> Figures | None:
        if inhabitants is None:
            return None  # abroad and unknown places have no rate
        numerator = summed(row.numerator for row in observed)
        return Figures(numerator, Fraction(inhabitants), per * numerator / inhabitants)

    return figures


#: How the observations of each KPI become its figures: a new KPI adds its line.
ROLLUPS: Mapping[str, Rollup] = {
    "action_effect": ratio(),
    "actions_concluded_share": ratio(),
    "answer_rate": ratio(),
    "app_rating": ratio(),
    "autonomy_score": ratio(10),
    "bounce_share": ratio(),
    "chat_contacts": total,
    "chat_out_of_hours_share": ratio(),
    "clarity_score": ratio(),
    "cost_per_person_reached": ratio(),
    "demand_per_fte": ratio(Fraction(1607, 12)),  # the hours of a full-time month
    "engagement_rate": ratio(),
    "experiences": total,
    "feedback_index": ratio(),
    "followers": latest,
    "google_answer_rate": ratio(),
    "google_rating": ratio(),
    "handover_share": ratio(),
    "help_quality_score": ratio(),
    "iggn_complaints": total,
    "irritant_weight": ratio(),
    "listing_actions": total,
    "listing_sync_share": ratio(),
    "mentions": total,
    "negative_reviews_share": ratio(),
    "negative_share_by_theme": ratio(),
    "perceval_amount_eur": total,
    "perceval_mean_amount_eur": ratio(),
    "perceval_reports": total,
    "positive_share": ratio(),
    "pre_complaint_duration_median": percentile(Fraction(1, 2)),
    "pre_complaints": total,
    "prevention_actions": total,
    "prevention_audience": total,
    "prevention_coverage": per_inhabitant(1),
    "prevention_hours": total,
    "prevention_hours_per_10k": per_inhabitant(10_000),
    "reach": total,
    "reachability_share": ratio(),
    "regional_visits": total,
    "response_time_median": percentile(Fraction(1, 2)),
    "response_time_p75": percentile(Fraction(3, 4)),
    "response_time_p90": percentile(Fraction(9, 10)),
    "satisfaction_score": ratio(),
    "signal_precision": ratio(),
    "unique_visitors": total,
    "victims_assisted": total,
    "victims_per_10k": per_inhabitant(10_000),
    "visits": total,
}


def period_start(period_type: str, day: date) -> date:
    match period_type:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return date(day.year, 1, 1)


def rounded(value: Fraction) -> Decimal:
    """Return a number rounded once, half up, to six decimals."""
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def cells(kpi: Mapping[str, Any], observed: Iterable[Observation]) -> dict[Cell, tuple[Figures, int]]:
    """Return the figures that a KPI is to have, and the number of observations behind them.

    Args:
        kpi: Its `meta.kpi`.
        observed: Its observations.
    """
    rollup, grain = ROLLUPS[kpi["code"]], kpi["grain"]
    exclusive = {breakdown["dimension"] for breakdown in grain["breakdowns"] if breakdown.get("part")}
    found: dict[Cell, list[Observation]] = defaultdict(list)
    for breakdown in ({"dimension": TOTAL, "period_types": grain["period_types"]}, *grain["breakdowns"]):
        dimension = breakdown["dimension"]
        counted_on = breakdown.get("territory_levels", grain["territory_levels"])
        counted = [
            row
            for row in observed
            if {name for name in exclusive if row.parts.get(name) is not None} == exclusive & {dimension}
        ]
        for period_type in breakdown["period_types"]:
            for start, rows in by_period(period_type, counted).items():
                for row in newest(rows) if rollup is latest else rows:
                    value = TOTAL if dimension == TOTAL else row.parts[dimension] or "Non précisé"
                    for level, code in levels()[row.territory_code]:
                        if level in counted_on:
                            found[period_type, start, level, code, dimension, value].append(row)
    figures = {cell: (rollup(rows, populations().get(cell[2:4])), len(rows)) for cell, rows in found.items()}
    return {cell: pair for cell, pair in figures.items() if pair[0] is not None}


def by_period(period_type: str, observed: Iterable[Observation]) -> Mapping[date, list[Observation]]:
    found: dict[date, list[Observation]] = defaultdict(list)
    for row in observed:
        found[period_start(period_type, row.occurred_on)].append(row)
    return found


def newest(observed: Iterable[Observation]) -> Iterable[Observation]:
    """Return the last observation of each entity."""
    return {row.entity_key: row for row in sorted(observed, key=lambda row: (row.occurred_on, row.record_key))}.values()
