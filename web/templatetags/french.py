"""Numbers, times and names of roles in templates, as a French reader writes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django import template

from core import french
from core.clock import PARIS, today
from operations import roles

register = template.Library()
register.filter("role", roles.title)


@register.filter
def moment(value: datetime | None) -> str:
    """Return an instant in the time of Paris; published copies keep UTC without a zone."""
    if value is None:
        return "–"
    return french.moment(value if value.tzinfo else value.replace(tzinfo=UTC))


@register.filter
def clock(value: datetime) -> str:
    """Return the hour of an instant in the time of Paris, with its day where that is not today: `08 h 05`."""
    there = value.astimezone(PARIS)
    hour = french.clock(value)
    return hour if there.date() == today() else f"{there:%d/%m}, {hour}"


@register.filter
def day(value: date | None) -> str:
    return french.day(value) if value else "–"


@register.filter
def number(value: float | Decimal | None) -> str:
    return french.number(float(value)) if value is not None else "–"


@register.filter
def exact(value: float | Decimal | None) -> str:
    return french.exact(value) if value is not None else "–"


@register.filter
def named(names: dict[str, str], code: str) -> str:
    """Return the name of a code, the code itself where it has none."""
    return names.get(code, code)
