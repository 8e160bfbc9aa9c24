"""Values of traces in templates, in the words of the command `trace`."""

from django import template

from audit import report

register = template.Library()
register.filter("in_french", report.in_french)
register.filter("displayed", report.displayed)
register.filter("column", report.column)
