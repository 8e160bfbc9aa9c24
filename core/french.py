"""Numbers and dates as a French reader writes them."""

from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal

from core.clock import PARIS

#: How a value of each unit reads, as `macros/reading.sql` writes it: what it is multiplied by, its decimals and what
#: follows. Seconds also give minutes.
_UNITS = {
    "nombre": (1, 0, ""),
    "part": (100, 1, "\u202f%"),
    "jours": (1, 1, "\u202fj"),
    "heures": (1, 0, "\u202fh"),
    "euros": (1, 0, "\u202f€"),
    "secondes": (1, 0, "\u202fs"),
    "note sur 10": (1, 1, "\u202f/\u202f10"),
    "note sur 5": (1, 1, "\u202f/\u202f5"),
    "pour 10 000 habitants": (1, 2, " pour 10\u202f000\u202fhab."),
    "heures pour 10 000 habitants": (1, 1, "\u202fh pour 10\u202f000\u202fhab."),
    "euros par personne": (1, 2, "\u202f€"),
    "par équivalent temps plein": (1, 1, " par ETP"),
    "observé sur attendu": (1, 2, ""),
    "par habitant": (1000, 1, " pour 1\u202f000\u202fhab."),
}


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


def scale(unit: str) -> tuple[int, str]:
    """Return what a value of a unit is multiplied by where it is read, and what follows it there."""
    times, _, after = _UNITS.get(unit, (1, 0, ""))
    return times, after


def reading(value: Decimal, unit: str) -> str:
    """Return a value of a KPI as dashboards show it: `54,8 %`, `6 min 28 s`; of an unknown unit, the bare number."""
    if unit not in _UNITS:
        return exact(value)
    times, places, after = _UNITS[unit]
    if unit == "secondes":
        minutes, seconds = divmod(int(value + Decimal("0.5")), 60)
        return f"{exact(minutes)}\u202fmin {seconds}{after}"
    rounded = (times * Decimal(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)  # as SQL rounds decimals
    return decimal(rounded, places) + after


def full_reading(value: Decimal, unit: str) -> str:
    """Return a value of a KPI as dashboards show it, and to its last digit where that is more."""
    read = reading(value, unit)
    times, places, after = _UNITS.get(unit, (1, 6, ""))
    whole = times * value
    return read if whole == round(whole, places) else f"{read}, exactement {exact(whole)}{after}"


def day(value: date) -> str:
    """Return a date: `21/10/2026`."""
    return f"{value:%d/%m/%Y}"


def moment(value: datetime) -> str:
    """Return an instant in the time of Paris: `21/10/2026 à 08 h 05`."""
    return f"{day(value.astimezone(PARIS))} à\u00a0{clock(value)}"


def clock(value: datetime | time) -> str:
    """Return an hour, of an instant in the time of Paris: `08 h 05`, at which no line breaks."""
    shown = value.astimezone(PARIS) if isinstance(value, datetime) else value
    return f"{shown:%H\u00a0h\u00a0%M}"
