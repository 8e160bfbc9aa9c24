"""Numbers and dates as a French reader writes them."""

from datetime import date, datetime
from decimal import Decimal

from core.clock import PARIS


def decimal(value: float | Decimal, places: int) -> str:
    """Return a number with a fixed count of decimals: `1 234,50`, with a narrow space that no line breaks at."""
    return f"{value:,.{places}f}".replace(",", "\u202f").replace(".", ",")


def exact(value: float | Decimal) -> str:
    """Return a number to its last digit, or to the sixth decimal."""
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return decimal(value, 6).rstrip("0").rstrip(",")


def number(value: float) -> str:
    """Return a number with one decimal, or none where it is whole or 10 or more."""
    return decimal(value, 0 if abs(value) >= 10 or value == int(value) else 1)  # noqa: PLR2004


def day(value: date) -> str:
    """Return a date: `21/10/2026`."""
    return f"{value:%d/%m/%Y}"


def moment(value: datetime) -> str:
    """Return an instant in the time of Paris: `21/10/2026 à 08 h 05`."""
    return f"{value.astimezone(PARIS):%d/%m/%Y à %H h %M}"
