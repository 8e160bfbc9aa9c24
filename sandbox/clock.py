"""The instant up to which stand-ins show their history: never the future."""

from datetime import UTC, date, datetime, time, timedelta

from sandbox.places import PARIS


def now() -> datetime:
    """Return the instant, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Return the day in Paris."""
    return now().astimezone(PARIS).date()


def history_end(day: date) -> datetime:
    """Return the instant up to which a day is served: its end in Paris, or this minute where it is not over."""
    end = datetime.combine(day + timedelta(days=1), time(), PARIS).astimezone(UTC)
    return min(end, now().replace(second=0, microsecond=0))


def local(moment: datetime) -> datetime:
    """Return an instant as the clock in Paris shows it, without a zone."""
    return moment.astimezone(PARIS).replace(tzinfo=None)
