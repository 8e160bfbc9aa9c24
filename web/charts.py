"""Draws series as SVG on the server: no script, readable in print and in the dark.

Whoever shows one shows the table of its points too, for readers who do not see it (`web/chart.html` does).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core import french
from core.clock import PARIS

WIDTH, HEIGHT = 720, 240
RIGHT, TOP, BOTTOM = 12, 40, 28
#: Of a character where a phone shows it: what is written beside the axis fits.
CHARACTER = 12
#: Between two labels below the axis, by their length: a third of them fits a phone.
LABEL_EVERY = 11
#: Points are neighbours up to this many of the shortest distance: months have not the same length.
NEIGHBOURS = 1.5
UNSURPRISING = "ce qui n'aurait pas surpris"


@dataclass(frozen=True)
class Point:
    """A point of a series.

    Attributes:
        at: Its place in time.
        label: What stands below it, a day or a period.
        value: Its value, None where there is none.
        low: Lower end of the expected band, None without one.
        high: Upper end of the expected band.
        is_marked: Whether it is the one that the page is about.
        expected: What was expected, None where only a band is.
    """

    at: date | datetime
    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    is_marked: bool = False
    expected: float | None = None

    @property
    def seconds(self) -> float:
        """Its place in time, as a number."""
        at = self.at if isinstance(self.at, datetime) else datetime.combine(self.at, time(), UTC)
        return at.timestamp()


def hour(start: datetime, observed: float, upper: float | None, *, is_marked: bool = False) -> Point:
    """Return the point of an hour, labelled in the time of Paris, with the band up to what would not surprise."""
    return Point(start, f"{start.astimezone(PARIS):%d/%m %H\u00a0h}", observed, 0, upper, is_marked)


def course(points: Sequence[Point], title: str) -> SafeString:
    """Return the picture of a series over time: a line, what was expected and its band behind it, the marked points.

    Neither line nor band crosses a gap: a point without a value, or points that are missing between two others.

    Args:
        points: In order of time.
        title: What it shows, for who does not see it.
    """
    ends = [end for point in points for end in (point.value, point.low, point.high, point.expected) if end is not None]
    if not ends:
        return format_html("<p>Aucune valeur à montrer.</p>")
    bottom, top = min(0.0, *ends), max(*ends, 0.0)
    span = top - bottom or 1.0
    levels = {value: french.number(value) for value in (bottom, (bottom + top) / 2, top)}
    left = CHARACTER * (max(map(len, levels.values())) + 1)
    first, last = points[0].seconds, points[-1].seconds

    def x(point: Point) -> float:
        return round(left + (point.seconds - first) / (last - first or 1.0) * (WIDTH - left - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (top - value) / span * (HEIGHT - TOP - BOTTOM), 1)

    bands, dashes, lines = [], [], []
    for part in _without_gaps(points):
        upper = [(x(point), y(point.high)) for point in part if point.high is not None]
        lower = [(x(point), y(point.low)) for point in part if point.low is not None]
        bands.append(upper + lower[::-1])
        dashes.append([(x(point), y(point.expected)) for point in part if point.expected is not None])
        lines += [
            (x(one), y(one.value), x(other), y(other.value))
            for one, other in pairwise(part)
            if one.value is not None and other.value is not None
        ]
    marks = [
        (
            "here" if point.is_marked else "mark",
            x(point),
            y(point.value),
            "5" if point.is_marked else "2",
            point.label,
            french.number(point.value),
        )
        for point in points
        if point.value is not None
    ]
    axes = [(left - 6, y(value), text, left, y(value), WIDTH - RIGHT, y(value)) for value, text in levels.items()]
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        title,
        format_html_join(
            "",
            '<text x="{}" y="{}" text-anchor="end">{}</text><line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>',
            axes,
        ),
        format_html_join("", '<polygon class="band" points="{}"/>', _paths(bands)),
        format_html_join("", '<polyline class="expected" points="{}"/>', _paths(dashes)),
        format_html_join("", '<line class="line" x1="{}" y1="{}" x2="{}" y2="{}"/>', lines),
        format_html_join("", '<circle class="{}" cx="{}" cy="{}" r="{}"><title>{} : {}</title></circle>', marks),
        format_html_join(
            "",
            '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>',
            _labels([(x(point), point.label) for point in points]),
        ),
        _legend(points),
    )


def _without_gaps(points: Sequence[Point]) -> list[list[Point]]:
    """Return the parts of a series between which points are missing."""
    shortest = min((other.seconds - one.seconds for one, other in pairwise(points)), default=0.0)
    parts = [[points[0]]]
    for one, other in pairwise(points):
        if other.seconds - one.seconds > NEIGHBOURS * shortest:
            parts.append([])
        parts[-1].append(other)
    return parts


def _paths(drawn: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[str]]:
    return [(" ".join(f"{across},{down}" for across, down in corners),) for corners in drawn if corners]


def _labels(places: Sequence[tuple[float, str]]) -> list[tuple[str, float, int, str, str]]:
    """Return what is written below the axis: class, place, anchor and text; a phone has room for every third one."""
    longest = max(len(text) for _, text in places)
    kept: list[tuple[float, str]] = []
    for place in places:
        if not kept or place[0] - kept[-1][0] >= LABEL_EVERY * longest:
            kept.append(place)
    return [
        (
            "spare" if rank % 3 else "",
            across,
            HEIGHT - 8,
            "start" if rank == 0 else "end" if across > WIDTH - CHARACTER * longest / 2 else "middle",
            text,
        )
        for rank, (across, text) in enumerate(kept)
    ]


def _legend(points: Sequence[Point]) -> SafeString:
    """Return what line, dashes and band mean, above a picture that has a band."""
    if all(point.high is None for point in points):
        return format_html("")
    is_expected_known = any(point.expected is not None for point in points)
    meanings = {"line": "observé", **({"expected": "attendu"} if is_expected_known else {}), "band": UNSURPRISING}
    parts, across = [], 0
    for name, meaning in meanings.items():
        mark = f"M{across} 14h24" if name != "band" else f"M{across} 7h24v14h-24z"
        parts.append((name, mark, across + 30, meaning))
        across += 54 + CHARACTER * len(meaning)
    return format_html_join("", '<path class="{}" d="{}"/><text x="{}" y="19">{}</text>', parts)
