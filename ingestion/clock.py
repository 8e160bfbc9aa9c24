"""The zone in which the platform's business days lie, and which day it is there. Parses nothing."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def today() -> date:
    """Return the day in Europe/Paris."""
    return datetime.now(PARIS).date()
