"""A picture places points by date, and joins neighbours only."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from web.charts import Point, course, hour

MIDNIGHT = datetime(2026, 11, 27, tzinfo=UTC)


def day(number: int, value: float | None) -> Point:
    return Point(date(2026, 11, number), f"{number:02}/11", value)


def centres(picture: str) -> list[float]:
    return [float(x) for x in re.findall(r'<circle [^>]*cx="([\d.]+)"', picture)]


def lines(picture: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(end)) for x, end in re.findall(r'class="line" x1="([\d.]+)" y1="[^"]+" x2="([\d.]+)"', picture)
    ]


def test_points_stand_at_their_dates() -> None:
    first, second, last = centres(course([day(1, 1), day(2, 1), day(11, 1)], "Visites"))
    assert second - first == pytest.approx((last - first) / 10, abs=0.1)
    assert last == 708


def test_no_line_crosses_days_that_are_missing() -> None:
    picture = course([day(1, 1), day(2, 1), day(6, 1), day(7, 1)], "Visites")
    first, second, third, last = centres(picture)
    assert lines(picture) == [(first, second), (third, last)]


def test_no_line_reaches_a_point_without_a_value() -> None:
    picture = course([day(1, 1), day(2, None), day(3, 1)], "Visites")
    assert len(centres(picture)) == 2
    assert lines(picture) == []


def test_months_of_any_length_are_neighbours() -> None:
    months = [Point(date(2026, month, 1), f"{month:02}/2026", 1) for month in range(1, 13)]
    assert len(lines(course(months, "Textes"))) == 11


def test_the_band_ends_at_a_gap_and_is_explained() -> None:
    hours = [hour(MIDNIGHT + timedelta(hours=number), 1, 3) for number in (0, 1, 5, 6)]
    picture = course(hours, "Mentions")
    assert picture.count("<polygon") == 2
    assert "ce qui n&#x27;aurait pas surpris" in picture
    assert "surpris" not in course([day(1, 1), day(2, 2)], "Visites")


def test_one_point_is_a_picture() -> None:
    assert len(centres(course([day(1, 1)], "Visites"))) == 1


def test_what_is_written_beside_the_axis_fits_on_a_phone() -> None:
    """A character is up to 12 wide there."""
    picture = course([day(1, 1_234_567), day(2, 0)], "Visites")
    texts = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end">([^<]+)</text>', picture)
    assert "1\u202f234\u202f567" in [text for _, text in texts]
    assert all(float(x) >= 11 * len(text) for x, text in texts)
