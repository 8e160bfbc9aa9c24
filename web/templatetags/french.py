"""Numbers and times in templates, as a French reader writes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django import template

from core import french

register = template.Library()


@register.filter
def moment(value: datetime | None) -> str:
    """Return an instant in the time of Paris; published copies keep UTC without a zone."""
    if value is None:
        return "–"
    return french.moment(value if value.tzinfo else value.replace(tzinfo=UTC))


@register.filter
def day(value: date | None) -> str:
    return french.day(value) if value else "–"


@register.filter
def number(value: float | Decimal | None) -> str:
    return french.number(float(value)) if value is not None else "–"


@register.filter
def exact(value: float | Decimal | None) -> str:
    return french.exact(value) if value is not None else "–"
