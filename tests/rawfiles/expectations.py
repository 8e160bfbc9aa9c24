"""Every headline figure that files feed: how the definitions in `meta.kpi` add it up, and what it must be."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path

from tests.rawfiles import (
    app_stores,
    audience,
    chat,
    cybermalveillance,
    experiences,
    jdma,
    listening,
    partoo,
    perceval,
    pre_complaints,
    prevention_actions,
    reference,
    social_accounts,
)
from tests.rawfiles.deliveries import Desk, Size
from tests.rawfiles.figures import Cell, Expected, Figures, Kpi, Part

#: Platforms, in the order in which their files are loaded: what others need comes first.
PLATFORMS = (
    reference,
    chat,
    pre_complaints,
    perceval,
    experiences,
    jdma,
    partoo,
    app_stores,
    audience,
    social_accounts,
    cybermalveillance,
    prevention_actions,
    listening,
)

_NATION = ("nation",)
_NOWHERE = ("nation", "unknown")
_PLACED = ("nation", "region", "gendarmerie_region", "departement")
_PLACED_OR_NOT = (*_PLACED, "unknown")
_LONG = Part(("quarter", "year"), ("nation", "gendarmerie_region", "abroad", "unknown"))
_FOLLOWERS = {"network": Part(), "account_scope": Part()}
_ACTION = {"theme": Part(), "audience": Part(), "channel": Part()}
_VISITS = {name: Part() for name in ("site", "sub_site", "traffic_source", "device")}
_SCOPE = {"scope": Part()}
_SERVICE = {"service": Part()}

#: Working hours of a full-time month.
MONTHLY_HOURS = Fraction(1607, 12)

KPIS: Mapping[str, Kpi] = {
    "chat_contacts": Kpi(levels=_NOWHERE, parts={"category": Part(), "hour": Part(), "weekday_hour": Part()}),
    "chat_out_of_hours_share": Kpi("ratio", _NOWHERE, parts={"category": Part()}),
    "pre_complaints": Kpi(parts={"person_type": Part(), "outcome": Part()}),
    "pre_complaint_duration_median": Kpi(Fraction(1, 2), parts={"person_type": Part()}),
    "perceval_reports": Kpi(parts={"age_class": Part(levels=_NATION)}, victims="numerator"),
    "perceval_amount_eur": Kpi(levels=_NATION, victims="denominator"),
    "perceval_mean_amount_eur": Kpi("ratio", _NATION, victims="denominator"),
    "experiences": Kpi(parts=_SCOPE),
    "answer_rate": Kpi("ratio", parts=_SCOPE),
    "positive_share": Kpi("ratio", parts={"scope": Part(), "theme": Part()}),
    "response_time_median": Kpi(Fraction(1, 2), parts=_SCOPE),
    "response_time_p75": Kpi(Fraction(3, 4), parts=_SCOPE),
    "response_time_p90": Kpi(Fraction(9, 10), parts=_SCOPE),
    "satisfaction_score": Kpi("ratio", _NOWHERE, parts=_SERVICE),
    "clarity_score": Kpi("ratio", _NOWHERE, parts=_SERVICE),
    "reachability_share": Kpi("ratio", _NOWHERE, parts=_SERVICE),
    "help_quality_score": Kpi("ratio", _NOWHERE, parts=_SERVICE),
    "autonomy_score": Kpi("ratio", _NOWHERE, parts=_SERVICE),
    "google_rating": Kpi("ratio"),
    "google_answer_rate": Kpi("ratio"),
    "app_rating": Kpi("ratio", _NOWHERE, parts={"store": Part()}),
    "negative_reviews_share": Kpi("ratio", parts={"platform": Part()}),
    "feedback_index": Kpi("ratio", parts={"platform": Part()}),
    "listing_actions": Kpi(parts={"listing_action": Part()}),
    "listing_sync_share": Kpi("ratio", _NATION, parts={"publisher": Part()}),
    "visits": Kpi(levels=_NATION, parts=_VISITS),
    "bounce_share": Kpi("ratio", _NATION, parts=_VISITS),
    "unique_visitors": Kpi(levels=_NATION, periods=("month",), parts={"site": Part(), "device": Part()}),
    "regional_visits": Kpi(
        levels=("nation", "region", "gendarmerie_region", "abroad", "unknown"), parts={"site": Part()}
    ),
    **{
        f"followers of the {period}": Kpi(levels=_PLACED_OR_NOT, periods=(period,), parts=_FOLLOWERS)
        for period in ("month", "quarter", "year")
    },
    "engagement_rate": Kpi("ratio", _PLACED_OR_NOT, parts=_FOLLOWERS),
    "victims_assisted": Kpi(parts={"victim_type": _LONG, "threat": _LONG}, victims="numerator"),
    "victims_per_10k": Kpi(levels=_PLACED, scale=10_000, victims="numerator", per_inhabitant=True),
    "handover_share": Kpi("ratio", parts={"handover": Part(levels=_NATION)}, victims="denominator"),
    "prevention_actions": Kpi(parts=_ACTION),
    "prevention_audience": Kpi(parts=_ACTION),
    "prevention_hours": Kpi(parts=_ACTION),
    "prevention_coverage": Kpi(levels=_PLACED, per_inhabitant=True),
    "prevention_hours_per_10k": Kpi(levels=_PLACED, scale=10_000, per_inhabitant=True),
    "cost_per_person_reached": Kpi("ratio", _PLACED_OR_NOT, parts={"theme": Part(), "channel": Part()}),
    "demand_per_fte": Kpi("ratio", _PLACED_OR_NOT),
    "mentions": Kpi(parts={"network": Part()}),
    "reach": Kpi(parts={"network": Part()}),
    "iggn_complaints": Kpi(levels=_NATION, periods=("year",)),
}

#: Codes as they are published.
CODES = tuple(dict.fromkeys(code.partition(" of the ")[0] for code in KPIS))


def deliver(folder: Path, size: Size) -> Desk:
    """Write the files of every platform below a folder, and note what must come of them."""
    desk = Desk(folder, size, Figures(KPIS))
    for platform in PLATFORMS:
        platform.deliver(desk)
    _demand(desk.figures)
    return desk


def expected(figures: Figures) -> dict[str, dict[Cell, Expected]]:
    """Return the figures that must be published, by KPI."""
    found: dict[str, dict[Cell, Expected]] = {code: {} for code in CODES}
    for cell, figure in figures.cells().items():
        code = cell.kpi.partition(" of the ")[0]
        found[code][cell._replace(kpi=code)] = figure
    return found


def _demand(figures: Figures) -> None:
    """Set what citizens ask for against the hours of prevention, place by place."""
    for kpi in ("pre_complaints", "chat_contacts"):
        for (year, month, place), count in figures.months(kpi).items():
            figures.add("demand_per_fte", date(year, month, 1), place, count)
    for (year, month, place), hours in figures.months("prevention_hours").items():
        figures.add("demand_per_fte", date(year, month, 1), place, 0, hours / MONTHLY_HOURS)
