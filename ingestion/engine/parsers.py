"""Parsers of single values, shared by all contracts.

Each takes a non-empty, trimmed text and returns the canonical value, or raises `ValueError` with the end of the
sentence "the value …", which is shown to the person who corrects the source.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from core.clock import PARIS
from core.normalize_text import fold
from privacy import is_personal, mask_identifiers, pseudonymise, redact, what_no_list_holds

#: The years that the calendar of the warehouse covers.
FIRST_YEAR, LAST_YEAR = 2000, 2050

_FLOAT_CODE = re.compile(r"(\d+)\.0+")
_ROUNDED = re.compile(r"\d+(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(.*)", re.DOTALL)
_CLOCK_ONLY_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DEPARTEMENT = re.compile(r"\d{2}|2[AB]|9[78]\d|69[DM]|75C")


def text(value: str) -> str:
    """Return the text as it is: the caller has trimmed it."""
    return value


def published(value: str) -> str:
    """Return what an institution publishes of itself, as it is: a public register names no private person."""
    return value


@lru_cache(maxsize=1 << 14)
def term(value: str) -> str:
    """Return a value of a closed list, which a tool writes and no person types: a country, a browser, a status.

    It is not redacted as running text: the name of a place may be that of a person as well. What no list holds, a mail
    address or the number of a person, is masked all the same.
    """
    return mask_identifiers(value) if what_no_list_holds(value) else value


def identifier(value: str) -> str:
    """Return the identifier of a record as it is, or its keyed pseudonym where it is one of a person."""
    return pseudonymise(value) if is_personal(value) else value


def redacted_text(value: str) -> str:
    """Return a short text written by an agent, redacted."""
    return redact(value)


def free_text(value: str) -> str:
    """Return the running text of a citizen, redacted."""
    return redact(value)


def pseudonym(value: str) -> str:
    """Return the keyed pseudonym of what identifies a person."""
    return pseudonymise(value)


def code(value: str) -> str:
    """Return a code as text; `2904756.0`, which a spreadsheet made of it, becomes `2904756`.

    One that identifies a person becomes a keyed pseudonym.

    Raises:
        ValueError: the code was rounded into a power of ten, its digits are lost.
    """
    return identifier(_code(value))


def _code(value: str) -> str:
    if value.isdigit():
        return value
    if _ROUNDED.fullmatch(value):
        raise ValueError("was rounded by a spreadsheet: its digits are lost")
    as_float = _FLOAT_CODE.fullmatch(value)
    return as_float[1] if as_float else value


def departement_code(value: str) -> str:
    """Return the INSEE code of a département: `6.0` becomes `06`, `2a` becomes `2A`, `971` stays.

    Raises:
        ValueError: it does not have the shape of such a code.
    """
    repaired = _code(value).upper().zfill(2)
    if not _DEPARTEMENT.fullmatch(repaired):
        raise ValueError("is not the code of a département")
    return repaired


def region_code(value: str) -> str:
    """Return the INSEE code of a region: `1.0` becomes `01`.

    Raises:
        ValueError: it is not a number of one or two digits.
    """
    repaired = _code(value).zfill(2)
    if not re.fullmatch(r"\d{2}", repaired):
        raise ValueError("is not the code of a region")
    return repaired


def postal_code(value: str) -> str:
    """Return a French postal code of five digits: `1000` becomes `01000`, `59780.0` becomes `59780`.

    Raises:
        ValueError: it has not four or five digits.
    """
    repaired = _code(value).replace(" ", "").zfill(5)
    if not re.fullmatch(r"\d{5}", repaired) or repaired.startswith("00"):
        raise ValueError("is not a French postal code")
    return repaired


def insee_code(prefix: str) -> Callable[[str], str]:
    """Return a parser that takes the prefix off an INSEE code: `com37261` becomes `37261`."""

    def parse(value: str) -> str:
        bare = value.removeprefix(prefix)
        if not re.fullmatch(r"\d[\dAB]\d{0,3}(?:-\d{1,3})?", bare):
            raise ValueError(f"is not an INSEE code that begins with {prefix}")
        return bare

    return parse


def count(value: str) -> int:
    """Return a whole number that is not negative; `3.0` is 3.

    Raises:
        ValueError: it is not such a number.
    """
    digits = _code(value)
    if not re.fullmatch(r"\d{1,18}", digits):
        raise ValueError("is not a whole number")
    return int(digits)


def choice(values: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """Return a parser that accepts the canonical values and their declared spellings, whatever the case and accents.

    The contract that senders are given lists the spellings (`ingestion.contracts`).

    Args:
        values: Canonical value to its other spellings.
    """
    known = {fold(spelling): canonical for canonical, others in values.items() for spelling in (canonical, *others)}
    expected = ", ".join(values)

    def parse(value: str) -> str:
        try:
            return known[fold(value)]
        except KeyError:
            raise ValueError(f"is none of: {expected}") from None

    spellings = tuple(spelling for canonical, others in values.items() for spelling in (canonical, *others))
    parse.spellings = spellings  # ty: ignore[missing-attribute]
    return parse


def local_time(value: str) -> str:
    """Return a date, or a date and time of Europe/Paris, as ISO 8601 text.

    Accepts `31/12/2022`, `31/12/2022 15:07[:00]`, `2022-12-31` and `2022-12-31T15:07[:00][+02:00]`. A time that carries
    an offset is converted to Europe/Paris; one that does not is taken to be of Europe/Paris.

    Raises:
        ValueError: there is no such date, or it lies outside 2000 to 2050.
    """
    hour, past = _hour(value[:13]), _past_hour(value[13:])
    return f"{hour[0]}{past[0]}" if hour and past else _local_time(value)


#: The hour of a date and time as most platforms write them, and what follows it.
_HOUR = re.compile(r"(?:\d{4}-\d\d-\d\d[ T]|\d\d/\d\d/\d{4} )\d\d", re.ASCII)
_PAST_HOUR = re.compile(r":([0-5]\d)(?::([0-5]\d))?", re.ASCII)


@lru_cache(maxsize=1 << 16)
def _hour(value: str) -> tuple[str, datetime] | None:
    """Return an hour of Europe/Paris as `local_time` does, and its instant; `None` where Python has to look closer."""
    if not _HOUR.fullmatch(value):
        return None
    try:
        hour = _local_time(f"{value}:00")[:13]
    except ValueError:
        return None
    return hour, _instant(hour)


@lru_cache(maxsize=1 << 16)
def _past_hour(value: str) -> tuple[str, timedelta] | None:
    """Return minutes and seconds as `local_time` does, and their length; `None` where Python has to look closer."""
    found = _PAST_HOUR.fullmatch(value)
    if found is None:
        return None
    minutes, seconds = int(found[1]), int(found[2] or 0)
    return value if seconds else value[:3], timedelta(minutes=minutes, seconds=seconds)


def _local_time(value: str) -> str:
    day_first = _DAY_FIRST.fullmatch(value)
    iso = f"{day_first[3]}-{day_first[2]:0>2}-{day_first[1]:0>2}{day_first[4]}" if day_first else value
    try:
        if _CLOCK_ONLY_DAY.fullmatch(iso):
            moment: date = date.fromisoformat(iso)
            parsed = moment.isoformat()
        else:
            moment = datetime.fromisoformat(iso)
            if moment.tzinfo is not None:
                moment = moment.astimezone(PARIS).replace(tzinfo=None)
            parsed = moment.isoformat(timespec="seconds" if moment.second else "minutes")
    except (ValueError, OverflowError):
        raise ValueError("is not a date of the calendar") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return parsed


def clock_time(value: str) -> str:
    """Return what `local_time` does, for an event of which the time of day is known.

    Raises:
        ValueError: as `local_time`, or there is no time of day.
    """
    hour, past = _hour(value[:13]), _past_hour(value[13:])
    parsed = f"{hour[0]}{past[0]}" if hour and past else _local_time(value)
    if "T" not in parsed:
        raise ValueError("has no time of day")
    return parsed


def day(value: str) -> str:
    """Return the day of what `local_time` accepts, as `YYYY-MM-DD`.

    Raises:
        ValueError: as `local_time`.
    """
    return local_time(value)[:10]


def paris_time(value: str) -> datetime:
    """Return a time of Europe/Paris as an instant; the hour that the change of March leaves out is moved on by one.

    Raises:
        ValueError: as `local_time`.
    """
    hour, past = _hour(value[:13]), _past_hour(value[13:])  # the change of clocks moves whole hours
    return hour[1] + past[1] if hour and past else _instant(local_time(value))


def paris_clock_time(value: str) -> datetime:
    """Return what `paris_time` does, for an event of which the time of day is known.

    Raises:
        ValueError: as `clock_time`.
    """
    hour, past = _hour(value[:13]), _past_hour(value[13:])
    return hour[1] + past[1] if hour and past else _instant(clock_time(value))


def _instant(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=PARIS).astimezone(UTC)


def utc_time(value: str) -> datetime:
    """Return an ISO 8601 time as an instant; one without an offset is UTC.

    Raises:
        ValueError: there is no such time, or it lies outside 2000 to 2050.
    """
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time in ISO 8601") from None
    return _within_calendar(instant)


def epoch_seconds(value: str) -> datetime:
    """Return seconds since 1970 as an instant.

    Raises:
        ValueError: it is no number, or the instant lies outside 2000 to 2050.
    """
    return _epoch(value, 1)


def epoch_or_iso(value: str) -> datetime:
    """Return an instant that is given in seconds since 1970 or in ISO 8601.

    Raises:
        ValueError: it is neither, or lies outside 2000 to 2050.
    """
    return epoch_seconds(value) if re.fullmatch(r"[\d.]+", value) else utc_time(value)


def _epoch(value: str, per_second: int) -> datetime:
    if not re.fullmatch(r"\d{1,16}(?:\.\d+)?", value):
        raise ValueError("is not a number of seconds since 1970")
    try:
        microseconds = int(Decimal(value) * 1_000_000 / per_second)
        return _within_calendar(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds))
    except OverflowError:
        raise ValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}") from None


def _within_calendar(instant: datetime) -> datetime:
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return instant


def decimal_number(value: str) -> Decimal:
    """Return a number of at most 32 digits before the point and six after it; `1 234,50` is 1234.5.

    Raises:
        ValueError: it is not such a number.
    """
    bare = re.sub(r"[\s\u00a0\u202f]", "", value).replace(",", ".")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 32:
        raise ValueError("is not a number")
    return round(number, 6)


def number(value: str) -> float:
    """Return a number with a point or a comma.

    Raises:
        ValueError: it is not a finite number.
    """
    return float(decimal_number(value))


_FLAGS = {"true": True, "1": True, "oui": True, "yes": True, "false": False, "0": False, "non": False, "no": False}


def flag(value: str) -> bool:
    """Return a truth value: `true`, `1`, `oui` or `yes`, and their opposites.

    Raises:
        ValueError: it is none of them.
    """
    try:
        return _FLAGS[fold(value)]
    except KeyError:
        raise ValueError("is neither true nor false") from None
