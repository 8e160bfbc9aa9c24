"""The effect of actions on KPIs, estimated against territories without an action: pure functions on counts."""

from analytics.impact.effect import Effect, Interval, measure
from analytics.impact.eligibility import Action, Finding, Refusal, Series, examine, overlapping
from analytics.impact.panel import Panel
from analytics.impact.register import Entry, Kpi, Reading, read, series_of
from analytics.impact.wording import Certainty, certainties

__all__ = [
    "Action",
    "Certainty",
    "Effect",
    "Entry",
    "Finding",
    "Interval",
    "Kpi",
    "Panel",
    "Reading",
    "Refusal",
    "Series",
    "certainties",
    "examine",
    "measure",
    "overlapping",
    "read",
    "series_of",
]
