"""Draws series as SVG on the server: no script, readable in print and in the dark.

Whoever shows one shows the table of its points too, for readers who do not see it (`web/chart.html` does).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core import french
from core.clock import PARIS

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 20, 28
MOST_LABELS = 8


@dataclass(frozen=True)
class Point:
    """A point of a series.

    Attributes:
        label: What stands below it, a day or a period.
        value: Its value, None where there is none.
        low: Lower end of the expected band, None without one.
        high: Upper end of the expected band.
        is_marked: Whether it is the one that the page is about.
        expected: What was expected, None where only a band is.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    is_marked: bool = False
    expected: float | None = None


def hour(start: datetime, observed: float, upper: float | None, *, is_marked: bool = False) -> Point:
    """Return the point of an hour, labelled in the time of Paris, with the band up to what would not surprise."""
    return Point(f"{start.astimezone(PARIS):%d/%m %H\u00a0h}", observed, 0, upper, is_marked)


def course(points: Sequence[Point], title: str) -> SafeString:
    """Return the picture of a series: a line, what was expected and its band behind it, and the marked points.

    Args:
        points: In order of time.
        title: What it shows, for who does not see it.
    """
    ends = [end for point in points for end in (point.value, point.low, point.high, point.expected) if end is not None]
    if not ends:
        return format_html("<p>Aucune valeur à montrer.</p>")
    bottom, top = min(0.0, *ends), max(*ends, 0.0)
    span = top - bottom or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(1, len(points) - 1)

    def x(rank: int) -> str:
        return f"{LEFT + rank * step:.1f}"

    def y(value: float) -> str:
        return f"{TOP + (top - value) / span * (HEIGHT - TOP - BOTTOM):.1f}"

    known = [(rank, point) for rank, point in enumerate(points) if point.low is not None and point.high is not None]
    band = " ".join(
        [f"{x(rank)},{y(point.high or 0)}" for rank, point in known]
        + [f"{x(rank)},{y(point.low or 0)}" for rank, point in reversed(known)]
    )
    expected = " ".join(
        f"{x(rank)},{y(point.expected)}" for rank, point in enumerate(points) if point.expected is not None
    )
    lines = format_html_join(
        "",
        '<line class="line" x1="{}" y1="{}" x2="{}" y2="{}"/>',
        (
            (x(rank), y(one.value), x(rank + 1), y(next_one.value))
            for rank, (one, next_one) in enumerate(pairwise(points))
            if one.value is not None and next_one.value is not None
        ),
    )
    marks = format_html_join(
        "",
        '<circle class="{}" cx="{}" cy="{}" r="{}"><title>{} : {}</title></circle>',
        (
            (
                "here" if point.is_marked else "mark",
                x(rank),
                y(point.value),
                "5" if point.is_marked else "2",
                point.label,
                french.number(point.value),
            )
            for rank, point in enumerate(points)
            if point.value is not None
        ),
    )
    every = max(1, -(-len(points) // MOST_LABELS))
    below = format_html_join(
        "",
        '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>',
        (
            (
                "spare" if rank // every % 3 else "",  # a narrow screen has no room for it
                x(rank),
                HEIGHT - 8,
                "end" if rank == len(points) - 1 else "middle",
                point.label,
            )
            for rank, point in enumerate(points)
            if rank % every == 0
        ),
    )
    beside = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="end">{}</text><line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>',
        (
            (LEFT - 6, y(value), french.number(value), LEFT, y(value), WIDTH - RIGHT, y(value))
            for value in dict.fromkeys((bottom, (bottom + top) / 2, top))
        ),
    )
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '{}<polygon class="band" points="{}"/><polyline class="expected" points="{}"/>{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        title,
        beside,
        band,
        expected,
        lines,
        marks,
        below,
    )
