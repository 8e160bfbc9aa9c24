"""What the published copies hold on a crisis: its signals, and the courses of the series pinned to it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.safestring import SafeString

from audit.cells import Period
from core.settings import Home
from operations import crises, places, topics
from operations.alerts.dispatch import around_in, concerns
from operations.alerts.writing import SEVERITIES, STATES
from operations.crisis_report import BEFORE, Curve
from operations.models import Crisis, Pin
from warehouse import published
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
    where topic_code = $code and territory_code = $place and ($until is null or bin_start <= $until)
    group by bin_start
    order by bin_start desc
    limit {most}
"""
#: The latest periods of a KPI by the calendar, of the finest kind that its place has. A row that is missing is a zero
#: of a KPI that counts, where the source tells of the period: where any place has a row.
_PERIODS = """
    with headline as (
        select *
        from kpi.rpt_kpi
        where kpi_code = $code and is_headline and ($until is null or period_start <= $until)
    ),

    told as (
        select period_type, period_start, any_value(period_label) as period_label, any_value(unit) as unit
        from headline
        group by period_type, period_start
    ),

    own as (
        select period_type, period_start, value from headline where territory_code = $place
    ),

    calendar as (
        select unnest(generate_series(last - ($most - 1) * step, last, step))::date as period_start, period_type
        from (
            select
                period_type, max(told.period_start) as last,
                case period_type
                    when 'day' then interval 1 day when 'week' then interval 7 day when 'month' then interval 1 month
                    when 'quarter' then interval 3 month else interval 1 year
                end as step
            from told
            where period_type in (select period_type from own)
            group by period_type
            order by step
            limit 1
        )
    )

    select
        calendar.period_type, calendar.period_start, told.period_label,
        case
            when own.period_start is not null then own.value
            when told.unit = 'nombre' then 0
        end as value
    from calendar
    left join told using (period_type, period_start)
    left join own using (period_type, period_start)
    where calendar.period_start >= (select min(period_start) from told where told.period_type = calendar.period_type)
    order by calendar.period_start
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
        return f"{self.title} : dernières valeurs publiées ; sans ligne là où la source ne dit rien."

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


def read(right: Right, crisis: Crisis) -> Beside:
    """Return what a right opens of what is published about a crisis; its journal does not depend on that."""
    try:
        with reading.opened(right) as copies:
            return Beside(
                signals=_signals(copies, crisis),
                series=pinned(copies, crisis),
                kpis=kpis(copies),
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
        row | {"grave": SEVERITIES[row["severity"]], "state": STATES[row["status"]]}
        for row in found
        if concerns(row["territory_code"], crisis.territories, around)
    ]


def _utc(moment: datetime | None) -> datetime | None:
    """Return an instant as copies keep it: UTC, without a zone."""
    return moment and moment.replace(tzinfo=None)


def pinned(copies: Reading, crisis: Crisis) -> list[Series]:
    """Return the series that are pinned to a crisis, up to its end."""
    names, until = {"thème": topic_labels(), "indicateur": kpis(copies)}, _utc(crisis.closed_at)
    return [_series(copies, pin, names[pin.kind].get(pin.code, pin.code), until) for pin in crises.pins(crisis)]


def curves(series: Sequence[Series]) -> list[Curve]:
    """Return pinned series as a report shows them."""
    return [Curve(one.caption, one.picture) for one in series if one.points]


def curves_in(home: Home, crisis: Crisis) -> list[Curve]:
    """Return all series pinned to a crisis from the copies that nobody's right narrows."""
    if published.current(home, published.DAILY) is None:
        return []
    with published.connect(home) as connection:
        return curves(pinned(Reading(connection, frozenset()), crisis))


def _series(copies: Reading, pin: Pin, name: str, until: datetime | None) -> Series:
    title = f"{name} – {places.names().get(pin.territory_code, pin.territory_code)}"
    points = _hours(copies, pin, until) if pin.kind == "thème" else _periods(copies, pin, until)
    return Series(pin, title, points, charts.course(points, title))


def _hours(copies: Reading, pin: Pin, until: datetime | None) -> list[Point]:
    """Return the mentions of a topic by hour, beside what would not have surprised."""
    for table in _BANDS:
        query = _HOURS.format(table=table, most=MOST_HOURS)
        asked = {"code": pin.code, "place": pin.territory_code, "until": until}
        if rows := copies.rows_of(f"live_serving.{table}", query, asked):
            return [charts.hour(row["bin_start"], row["observed"], row["upper"]) for row in reversed(rows)]
    return []


def _periods(copies: Reading, pin: Pin, until: datetime | None) -> list[Point]:
    """Return the latest values of a KPI, by its finest period."""
    asked = {"code": pin.code, "place": pin.territory_code, "until": until, "most": MOST_PERIODS}
    return [
        Point(
            row["period_start"],
            row["period_label"] or str(Period(row["period_type"], row["period_start"])),
            None if row["value"] is None else float(row["value"]),
        )
        for row in copies.rows_of("kpi.rpt_kpi", _PERIODS, asked)
    ]
