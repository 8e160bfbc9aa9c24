"""How old the data of each platform are, by the published copies that somebody may read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from core import clock
from ingestion.platforms import PLATFORMS, Platform
from web.reading import Reading, Row

#: The daily copy knows nothing of the loads since it was made, and is made once a day.
COPY_AGE = timedelta(hours=36)
_STATES = """
select
    platform, owner_label, last_loaded_at, data_as_of, rows,
    case when is_late then late_at else greatest(late_at, last_loaded_at + $copy_age) end as late_at
from audit.freshness
"""
_LIVE = """
select
    platform, platform_label, data_until, last_loaded_at, last_loaded_at + to_minutes(late_after_minutes) as late_at
from live_serving.signals.live_state
order by platform_label
"""
_KPIS = """
select read.platform, catalogue.label
from audit.kpi_platform as read
inner join kpi.kpi_catalogue as catalogue on read.kpi_code = catalogue.kpi_code
order by catalogue.label
"""
_WAITING = "select platform, cast(sum(rows) as bigint) as rows from audit.set_aside group by platform"


@dataclass(frozen=True)
class Health:
    """How old the data of a platform are.

    Attributes:
        platform: The platform.
        owner: The team that answers for it.
        last_loaded_at: When it was last loaded; None where it never was.
        late_at: When it becomes, or became, late.
        data_as_of: The last day that its data cover.
        kpis: Labels of the KPIs that its data are in.
        set_aside: Records that wait in quarantine.
    """

    platform: Platform
    owner: str = ""
    last_loaded_at: datetime | None = None
    late_at: datetime | None = None
    data_as_of: date | None = None
    kpis: Sequence[str] = field(default=())
    set_aside: int = 0

    @property
    def state(self) -> str:
        if self.last_loaded_at is None:
            return "jamais chargée"
        return f"en retard de {_duration(self._late_by)}" if self._late_by > timedelta() else "à jour"

    @property
    def badge(self) -> str:
        """The class of the badge."""
        return {"jamais chargée": "info", "à jour": "success"}.get(self.state, "warning")

    @property
    def is_late(self) -> bool:
        return self.state.startswith("en retard")

    @property
    def _late_by(self) -> timedelta:
        return clock.now() - self.late_at if self.late_at else timedelta()


def _duration(span: timedelta) -> str:
    """Return a duration in the unit that a reader would use."""
    for unit, length in (("jour", timedelta(days=1)), ("heure", timedelta(hours=1))):
        if span >= length:
            count = span // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{max(1, span // timedelta(minutes=1))} min"


def live_states(opened: Reading) -> list[Row]:
    """Return what the live copy knows of each platform that is followed live, and whether that is late."""
    found = opened.rows_of("live_serving.signals.live_state", _LIVE)
    return [row | {"is_late": row["late_at"] is None or row["late_at"] < clock.now()} for row in found]


def late_live(opened: Reading) -> list[str]:
    """Return the names of what is followed live and is late: signals then say nothing of the present."""
    return [row["platform_label"] for row in live_states(opened) if row["is_late"]]


def healths(opened: Reading) -> list[Health]:
    """Return the health of every platform; of what is followed live, the live copy knows the latest load."""
    daily = opened.rows_of("audit.freshness", _STATES, {"copy_age": COPY_AGE})
    states = {row["platform"]: row for row in daily}
    for row in live_states(opened):
        until = row["data_until"]
        told = {"data_as_of": until.astimezone(clock.PARIS).date()} if until else {}
        states[row["platform"]] = states.get(row["platform"], {}) | row | told
    kpis = defaultdict(list)
    for row in opened.rows_of("audit.kpi_platform", _KPIS):
        kpis[row["platform"]].append(row["label"])
    waiting = {row["platform"]: row["rows"] for row in opened.rows_of("audit.set_aside", _WAITING)}
    return [
        Health(
            platform,
            state.get("owner_label", ""),
            state.get("last_loaded_at"),
            state.get("late_at"),
            state.get("data_as_of"),
            kpis[platform.name],
            waiting.get(platform.name, 0),
        )
        for platform in PLATFORMS
        for state in [states.get(platform.name, {})]
    ]
