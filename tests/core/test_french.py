"""Numbers and dates as a French reader writes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core import french


@pytest.mark.parametrize(
    ("value", "exact", "number"),
    [
        (0, "0", "0"),
        (7, "7", "7"),
        (1234567, "1\u202f234\u202f567", "1\u202f234\u202f567"),
        (Decimal("1234.500000"), "1\u202f234,5", "1\u202f234"),
        (0.25, "0,25", "0,2"),
        (9.96, "9,96", "10,0"),
        (100.0, "100", "100"),
        (-0.5, "-0,5", "-0,5"),
    ],
)
def test_a_number_has_a_comma_and_its_thousands_apart(value: float, exact: str, number: str) -> None:
    assert french.exact(value) == exact
    assert french.number(value) == number


def test_decimals_are_as_many_as_asked_for() -> None:
    assert french.decimal(1234.5, 2) == "1\u202f234,50"
    assert french.decimal(0.0004, 3) == "0,000"


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        ("1", "part", "100,0\u202f%"),
        ("0.333333", "part", "33,3\u202f%, exactement 33,3333\u202f%"),
        ("59.5", "secondes", "1\u202fmin 0\u202fs, exactement 59,5\u202fs"),
        ("1234", "nombre", "1\u202f234"),
        ("7.25", "note sur 10", "7,3\u202f/\u202f10, exactement 7,25\u202f/\u202f10"),
        ("0.25", "inconnue", "0,25"),
    ],
)
def test_a_value_is_read_in_its_unit_and_no_digit_of_it_is_lost(value: str, unit: str, written: str) -> None:
    assert french.full_reading(Decimal(value), unit) == written


def test_an_instant_is_in_the_time_of_paris() -> None:
    assert french.moment(datetime(2026, 10, 21, 6, 5, tzinfo=UTC)) == "21/10/2026 à\u00a008\u00a0h\u00a005"
    assert french.day(date(2026, 10, 21)) == "21/10/2026"
