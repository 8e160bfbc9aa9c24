"""What the published copies hold on a crisis: its signals, and the courses of the series pinned to it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.safestring import SafeString

from operations import crises, places, topics
from operations.alerts.dispatch import around_in, concerns
from operations.alerts.writing import SEVERITIES
from operations.crisis_report import BEFORE
from operations.models import Crisis, Pin
from warehouse.reader_copies import NothingPublishedError
from warehouse.rights import AccessError, Right
from web import charts, reading
from web.charts import Point
from web.health import late_live
from web.reading import Reading, Row

log = logging.getLogger(__name__)

#: Three days, hour by hour.
MOST_HOURS = 72
MOST_PERIODS = 30
FINEST_FIRST = ("day", "week", "month", "quarter", "year")

_SIGNALS = """
    select signal_id, topic_label, territory_code, territory_label, kind_label, severity, status, opened_at, updated_at,
        explanation
    from live_serving.signals.live_signal
    where list_contains($topics, topic_code) and updated_at >= $since and ($until is null or opened_at <= $until)
    order by status = 'open' desc, severity desc, opened_at desc
"""
#: The nation and its regions have their series always, a département while a crisis of it is open.
_BANDS = ("signals.live_mention_band", "signals.live_crisis_band")
_HOURS = """
    select bin_start, max(observed) as observed, max(upper) as upper
    from live_serving.{table}
    where topic_code = $code and territory_code = $place
    group by bin_start
    order by bin_start desc
    limit {most}
"""
_PERIODS = """
    select period_type, period_label, value
    from kpi.rpt_kpi
    where kpi_code = $code and territory_code = $place and is_headline
    order by period_start desc
"""
_KPIS = "select kpi_code, label from kpi.kpi_catalogue order by label"


@dataclass(frozen=True)
class Series:
    """A pinned series.

    Attributes:
        pin: What is pinned.
        title: What it shows, in French.
        points: Its latest points, in order of time.
        picture: Its course.
    """

    pin: Pin
    title: str
    points: Sequence[Point]
    picture: SafeString

    @property
    def caption(self) -> str:
        """What the picture shows, in one sentence."""
        if self.pin.kind == "thème":
            return f"{self.title} : mentions heure par heure ; en fond, ce qui n'aurait pas surpris."
        return f"{self.title} : dernières valeurs publiées."

    @property
    def table_id(self) -> str:
        return f"table-{self.pin.pk}"


@dataclass(frozen=True)
class Beside:
    """What is published about a crisis, for one right.

    Attributes:
        signals: Signals of its topics in, around and within its places, the open and gravest first.
        series: The series pinned to it.
        kpis: Names of the KPIs that may be pinned, by code.
        late: What is followed live and is late, by its name.
        trouble: Why nothing of this could be read, in French.
    """

    signals: Sequence[Row] = ()
    series: Sequence[Series] = ()
    kpis: Mapping[str, str] = field(default_factory=dict)
    late: Sequence[str] = ()
    trouble: str = ""


def read(right: Right, crisis: Crisis, topic_labels: Mapping[str, str]) -> Beside:
    """Return what a right opens of what is published about a crisis; its journal does not depend on that."""
    try:
        with reading.opened(right) as copies:
            names = {"thème": topic_labels, "indicateur": kpis(copies)}
            return Beside(
                signals=_signals(copies, crisis),
                series=[_series(copies, pin, names[pin.kind].get(pin.code, pin.code)) for pin in crises.pins(crisis)],
                kpis=names["indicateur"],
                late=late_live(copies),
            )
    except NothingPublishedError:
        return Beside(trouble="Rien n'est encore publié : signaux et courbes viendront avec la première publication.")
    except AccessError as problem:
        log.warning("%s", problem)
        return Beside(trouble="Signaux et courbes ne peuvent pas être lus pour le moment. Le journal, lui, est à jour.")


def topic_labels() -> dict[str, str]:
    """Return the names of all topics by code, those that are no longer watched too."""
    return {known.topic.code: known.topic.label for known in topics.listed()}


def kpis(copies: Reading) -> dict[str, str]:
    """Return the names of the KPIs by code, those that a series can be pinned of."""
    return {row["kpi_code"]: row["label"] for row in copies.rows_of("kpi.kpi_catalogue", _KPIS)}


def _signals(copies: Reading, crisis: Crisis) -> list[Row]:
    if not copies.has("live_serving.signals.live_signal"):
        return []
    found = copies.rows(
        _SIGNALS,
        {"topics": list(crisis.topics), "since": _utc(crisis.opened_at - BEFORE), "until": _utc(crisis.closed_at)},
    )
    around = around_in(copies.connection)
    return [
        row | {"grave": SEVERITIES[row["severity"]]}
        for row in found
        if concerns(row["territory_code"], crisis.territories, around)
    ]


def _utc(moment: datetime | None) -> datetime | None:
    """Return an instant as copies keep it: UTC, without a zone."""
    return moment and moment.replace(tzinfo=None)


def _series(copies: Reading, pin: Pin, name: str) -> Series:
    title = f"{name} – {places.names().get(pin.territory_code, pin.territory_code)}"
    points = _hours(copies, pin) if pin.kind == "thème" else _periods(copies, pin)
    return Series(pin, title, points, charts.course(points, title))


def _hours(copies: Reading, pin: Pin) -> list[Point]:
    """Return the mentions of a topic by hour, beside what would not have surprised."""
    for table in _BANDS:
        query = _HOURS.format(table=table, most=MOST_HOURS)
        asked = {"code": pin.code, "place": pin.territory_code}
        if rows := copies.rows_of(f"live_serving.{table}", query, asked):
            return [charts.hour(row["bin_start"], row["observed"], row["upper"]) for row in reversed(rows)]
    return []


def _periods(copies: Reading, pin: Pin) -> list[Point]:
    """Return the latest values of a KPI, by its finest period."""
    rows = copies.rows_of("kpi.rpt_kpi", _PERIODS, {"code": pin.code, "place": pin.territory_code})
    finest = min((row["period_type"] for row in rows), key=FINEST_FIRST.index, default=None)
    latest = [row for row in rows if row["period_type"] == finest][:MOST_PERIODS]
    return [
        Point(row["period_label"], None if row["value"] is None else float(row["value"])) for row in reversed(latest)
    ]
