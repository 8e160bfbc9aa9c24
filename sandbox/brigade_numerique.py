"""Stand-in of the chat's export (easiware): files without header, one per half-year, with the defects that were seen.

Volume and hours are invented around what the Gendarmerie published; the columns, their order and the date form are
those of the real export. Each file begins a week before its period, so that files overlap.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from sandbox.clock import history_end, local
from sandbox.events import START, draw, french_name, poisson, pressure, weekday_share
from sandbox.files import csv_bytes
from sandbox.periods import Period, half_years

CONTACTS_PER_DAY = 28
OVERLAP = timedelta(days=7)

#: Parent motive, motive, share of the contacts of an ordinary day, and the kind of event that multiplies it.
MOTIVES: tuple[tuple[str | None, str | None, float, str | None], ...] = (
    ("Je m'informe", "Pré-plainte en ligne", 11, "outage"),
    ("Je m'informe", "Procédure judiciaire", 13, None),
    ("Je m'informe", "Recrutement", 6, None),
    ("Je m'informe", "Sécurité routière", 6, None),
    ("Je m'informe", "Horaires et coordonnées d'une brigade", 7, None),
    ("Je m'informe", "Prévention et conseils", 4, "prevention"),
    ("Je suis victime", "Hameçonnage", 9, "phishing"),
    ("Je suis victime", "Fraude à la carte bancaire", 6, "card_fraud"),
    ("Je suis victime", "Escroquerie sur Internet", 9, None),
    ("Je suis victime", "Piratage de compte", 4, "data_breach"),
    ("Je suis victime", "Usurpation d'identité", 2, "data_breach"),
    ("Je suis victime", "Cyberharcèlement", 3, None),
    ("Je suis victime", "Violences intrafamiliales", 3, None),
    ("Je suis victime", None, 1, None),
    ("Je signale", "Contenu illicite", 3, None),
    ("Je signale", "Fait suspect", 4, None),
    ("Je signale", "Rumeur ou fausse information", 1, "rumour"),
    ("Je signale", "Inondation ou intempérie", 0.5, "flood"),
    ("Je signale", "Trouble de voisinage", 3, None),
    (None, None, 1.5, None),
    ("PNAV", "PNAV", 3, None),
)

#: A local event touches few départements: what it adds for the whole country is raised to be seen in the chat.
LOCAL_KINDS = frozenset({"rumour", "flood", "prevention"})
LOCAL_WEIGHT = 12

#: Contacts by hour of the day, from 0 to 23.
HOURS = (1, 1, 1, 0, 0, 1, 2, 3, 5, 8, 9, 8, 7, 8, 9, 9, 8, 7, 6, 5, 5, 4, 3, 2)

#: The hour that the change to summer time leaves out.
MISSING_HOUR = 2
REMARKS = ("", "", "", "à rappeler", "dossier transmis", "déjà connu du service")

_MOMENT = "%d/%m/%Y %H:%M"

Row = tuple[str | None, ...]


def drops(seed: int, until: date) -> Iterator[tuple[str, bytes]]:
    """Yield the exports delivered up to the end of a day: name and content."""
    yield from running_drops(seed, local(history_end(until)))


def running_drops(seed: int, moment: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield the exports delivered up to a moment of the day, local time without a zone: name and content.

    The first is written in cp1252 and the second has lost some of its accented letters.
    """
    for rank, period in enumerate(half_years(moment.date())):
        rows = [row for day in _with_overlap(period).days() for row in contacts_of(seed, day) if _began(row) < moment]
        encoding = "cp1252" if rank == 0 else "utf-8"
        content = csv_bytes(
            (_damaged(row, number) if rank == 1 else row for number, row in enumerate(rows)), ";", encoding
        )
        yield f"easiware_{period.name}.csv", content


def _with_overlap(period: Period) -> Period:
    return Period(period.name, max(START, period.first - OVERLAP), period.last)


def _damaged(row: Row, number: int) -> Row:
    """Return a row as a program writes it that takes cp1252 for UTF-8; one row in ten went through it."""
    if number % 10:
        return row
    return tuple(cell and cell.encode("cp1252").decode("utf-8", errors="replace") for cell in row)


@lru_cache(maxsize=4096)
def contacts_of(seed: int, day: date) -> tuple[Row, ...]:
    """Return the contacts of a day, in the order of the clock."""
    chance = draw(seed, "brigade_numerique", day)
    shares = [share * _pull(seed, day, kind) for _, _, share, kind in MOTIVES]
    ordinary = sum(share for _, _, share, _ in MOTIVES)
    number = poisson(chance, CONTACTS_PER_DAY * weekday_share(day) * sum(shares) / ordinary)
    moments = sorted(_moment(chance, day) for _ in range(number))
    motives = chance.choices(MOTIVES, shares, k=number)
    first = 100_000 * (day - START).days
    return tuple(
        (
            f"EAS{first + rank:08d}",
            moment.strftime(_MOMENT),
            "chat",
            parent,
            motive,
            _remark(chance),
        )
        for rank, (moment, (parent, motive, _, _)) in enumerate(zip(moments, motives, strict=True))
    )


def _began(row: Row) -> datetime:
    return datetime.strptime(str(row[1]), _MOMENT)  # noqa: DTZ007 - local time, as in the export


def _pull(seed: int, day: date, kind: str | None) -> float:
    if kind is None:
        return 1.0
    added = pressure(seed, day, kind, lag_days=1) - 1.0
    return 1.0 + added * (LOCAL_WEIGHT if kind in LOCAL_KINDS else 1)


def _moment(chance: Random, day: date) -> datetime:
    """Draw a local time; once a year the tool writes an hour that does not exist."""
    hour = chance.choices(range(24), HOURS)[0]
    if is_summer_change(day) and hour == MISSING_HOUR + 1:
        hour = MISSING_HOUR
    return datetime.combine(day, time(hour, chance.randrange(60)))


def is_summer_change(day: date) -> bool:
    """Tell whether clocks are put forward on a day: the last Sunday of March."""
    return day.month == 3 and day.weekday() == 6 and (day + timedelta(days=7)).month == 4  # noqa: PLR2004


def _remark(chance: Random) -> str:
    """Draw the agent's remark, which now and then names the person."""
    if chance.random() < 0.03:  # noqa: PLR2004
        first, last = french_name(chance)
        return f"rappeler {first} {last} au 06 39 98 {chance.randrange(10, 100)} {chance.randrange(10, 100)}"
    return chance.choice(REMARKS)
