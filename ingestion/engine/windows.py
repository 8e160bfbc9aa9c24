"""Windows of days for which a platform is asked again.

A connector with `build_window(window)` can be asked for one, and says with `kept_since()` what it is asked for at most.
Any other says in `NO_WINDOW` why it cannot, and what can be done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core import clock
from core.errors import ExpectedFailure
from ingestion.platforms import Platform

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """Days of Paris, both ends included."""

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"  # ISO 8601

    def months(self) -> Iterator["Window"]:
        """Yield its parts, month by month."""
        start = self.start
        while start <= self.end:
            following = _following(start)
            yield Window(start, min(self.end, following - ONE_DAY))
            start = following

    @property
    def whole_months(self) -> "Window":
        """The months that it touches; of the current one, what has passed."""
        return Window(self.start.replace(day=1), min(clock.today(), _following(self.end) - ONE_DAY))

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Its first midnight in Paris and the one after its last day, in UTC."""
        first, after = (datetime.combine(day, time(), clock.PARIS) for day in (self.start, self.end + ONE_DAY))
        return first.astimezone(UTC), after.astimezone(UTC)


def _following(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def first_day(platform: Platform) -> date:
    """Return the first day for which a platform is asked: what it has, and what is not erased the next night.

    Raises:
        ExpectedFailure: the platform cannot be asked for days.
    """
    connector = platform.connector
    if not hasattr(connector, "build_source"):
        what, remedy = "it has no address", f"Load its files again: cyberimpact load {platform.name} FILE…"
    elif not hasattr(connector, "build_window"):
        what, remedy = connector.NO_WINDOW
    else:
        kept_since = connector.kept_since()
        return kept_since if platform.retention is None else max(kept_since, clock.today() - platform.retention)
    raise ExpectedFailure(f"{platform.name} cannot be asked for certain days: {what}.", remedy)


def allowed(platform: Platform, asked: Window) -> Window:
    """Return the part of a window for which a platform can be asked.

    Raises:
        ExpectedFailure: it cannot be asked for days, or the window is reversed, reaches into the future, or lies before
            what the platform has.
    """
    first, today = first_day(platform), clock.today()
    if (last := max(asked.start, asked.end)) > today:
        raise ExpectedFailure(f"The window reaches into the future, to {last}.", f"End it on {today} or earlier.")
    if asked.start > asked.end:
        raise ExpectedFailure(
            f"The window is reversed: {asked.start} comes after {asked.end}.", "Give the earlier day first."
        )
    if asked.end < first:
        raise ExpectedFailure(
            f"{platform.name} has nothing from before {first}: its first day in the configuration, its archive's, or"
            " that of its retention.",
            f"Begin on {first} or later.",
        )
    return Window(max(asked.start, first), asked.end)
