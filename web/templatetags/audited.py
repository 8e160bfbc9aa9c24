"""Values of traces in templates, in the words of the command `trace`."""

from datetime import date

from django import template

from audit import report
from core import french

register = template.Library()
register.filter("in_french", report.in_french)
register.filter("displayed", report.displayed)
register.filter("column", report.column)


@register.filter
def iso_day(text: str | None) -> str:
    """Return a day that the ledger writes as `2026-11-27`."""
    return french.day(date.fromisoformat(text)) if text else "–"
