"""Stand-in of the log of the pré-plainte en ligne: one CSV per half-year, with the defects that were seen.

Columns, codes and the mean duration follow the published contract; the volume is a tenth of the published one. When the
service fails, fewer declarations are begun and more of them are left.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from sandbox.clock import history_end, local
from sandbox.effects import kept
from sandbox.events import START, draw, poisson, pressure, weekday_share
from sandbox.files import csv_bytes
from sandbox.periods import half_years
from sandbox.places import Departement, homes

DECLARATIONS_PER_DAY = 30

#: Of the natural logarithm of the seconds: a median of about six minutes and a half, a mean of about seven and a half.
DURATION_LOG_MEAN, DURATION_LOG_DEVIATION = 5.97, 0.53

HEADER = (
    "stats_id",
    "stats_debut_declaration",
    "stats_fin_declaration",
    "stats_dpt_unite",
    "stats_pers_physique",
    "stats_pers_morale",
)

#: Natural person, legal person, both, neither.
PERSONS, PERSON_SHARES = (("1", "0"), ("0", "1"), ("1", "1"), ("0", "0")), (91, 7, 0.5, 1.5)

HOURS = (2, 1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 7, 8, 8, 8, 7, 6, 5, 5, 5, 4, 3)

Row = tuple[str | None, ...]


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the logs delivered up to a day: name and content."""
    for period in half_years(until):
        rows = (row for day in period.days() for row in declarations_of(seed, day))
        yield f"ppel_{period.name}.csv", csv_bytes((HEADER, *_told(rows, local(history_end(until)))), ",")


def _told(rows: Iterable[Row], until: datetime) -> Iterator[Row]:
    """Yield the declarations that are begun by a moment in Paris; one that is sent later has no end yet."""
    written = f"{until:%Y-%m-%d %H:%M:%S}"
    for number, begun, sent, *others in rows:
        if begun is None or begun < written:
            yield number, begun, sent if sent is None or sent < written else None, *others


def _code(place: Departement) -> str:
    """Return a département as the log names it."""
    return "75C" if place.code == "75" else place.code


@lru_cache(maxsize=4096)
def declarations_of(seed: int, day: date) -> tuple[Row, ...]:
    chance = draw(seed, "pre_plainte", day)
    failing = pressure(seed, day, "outage") - 1.0
    number = poisson(chance, DECLARATIONS_PER_DAY * weekday_share(day) / (1.0 + failing))
    first = 1000 * (day - START).days + 600_000
    places = homes(chance, number)
    begun = [_declaration(chance, day, first + rank, _code(place), failing) for rank, place in enumerate(places)]
    left = kept(seed, "pre_complaints", day, (place.code for place in places))
    return tuple(row for row, stays in zip(begun, left, strict=True) if stays)


def _declaration(chance: Random, day: date, number: int, code: str, failing: float) -> Row:
    hour = chance.choices(range(24), HOURS)[0]
    begun = datetime.combine(day, time(hour, chance.randrange(60), chance.randrange(60)))
    written_begin = f"{begun:%Y-%m-%d %H:%M:%S}"
    oddity = chance.random()
    if oddity < 0.0005:  # noqa: PLR2004 (a date that no calendar has)
        written_begin = f"{begun:%Y}-02-31 {begun:%H:%M:%S}"
    is_left = chance.random() < min(0.6, 0.03 + 0.2 * failing)
    sent = begun + timedelta(seconds=_seconds(chance))
    person = chance.choices(PERSONS, PERSON_SHARES)[0]
    bare = code.removeprefix("0") if chance.random() < 0.02 else code  # noqa: PLR2004 (a spreadsheet was in between)
    return str(number), written_begin, None if is_left else f"{sent:%Y-%m-%d %H:%M:%S}", bare, *person


def _seconds(chance: Random) -> int:
    """Draw a duration; a few are negative or longer than a day, as in the real log."""
    oddity = chance.random()
    if oddity < 0.003:  # noqa: PLR2004
        return -chance.randint(60, 4000)
    if oddity < 0.006:  # noqa: PLR2004
        return chance.randint(90_000, 400_000)
    return max(45, round(chance.lognormvariate(DURATION_LOG_MEAN, DURATION_LOG_DEVIATION)))
