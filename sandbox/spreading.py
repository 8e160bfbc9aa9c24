"""How mentions repeat what others wrote: who is repeated, how much, and how fast.

Rumours spread as the literature says: few originals from accounts that few follow, most mentions repeating them within
an hour or two (Kwon and others, 2013; Vosoughi and others, 2018). Some official notices are passed on as much and
nearly as fast, from sources that many follow; and some rumours begin with an account that many follow.
"""

from dataclasses import dataclass
from random import Random

from sandbox.events import Event, draw

RUMOUR = "rumour"

#: Of events that are no rumour, those that start with a notice; and of rumours, those that a known account starts.
NOTICED, STARTED_BY_KNOWN = 0.33, 0.15
FOLLOWERS_OF_UNKNOWN, FOLLOWERS_OF_KNOWN = 180, 40_000

#: How many sources are passed on in a day, and how often.
SOURCES, SHARES_OF_SOURCES = (1, 2, 3), (5, 3, 2)
LAST_SECOND = 86_399


@dataclass(frozen=True)
class Course:
    """How what is said of an event is passed on.

    Attributes:
        repeated: Share of the mentions that repeat one of a few others.
        followers: How many follow who is repeated, in the middle.
        minutes: After which half of the repeats have come.
    """

    repeated: float
    followers: int
    minutes: float


def course(seed: int, event: Event) -> Course | None:
    """Return how an event is passed on; None where mentions repeat whichever came before."""
    chance = draw(seed, f"spreading/{event.code}", event.start)
    if event.kind == RUMOUR:
        known = chance.random() < STARTED_BY_KNOWN
        followers = FOLLOWERS_OF_KNOWN if known else FOLLOWERS_OF_UNKNOWN
        return Course(chance.uniform(0.7, 0.95), followers, chance.uniform(15, 60))
    if chance.random() < NOTICED:
        return Course(chance.uniform(0.6, 0.9), FOLLOWERS_OF_KNOWN, chance.uniform(30, 120))
    return None


@dataclass(frozen=True)
class Source:
    """A mention that others repeat."""

    second: int
    """When it is published, in seconds of the day."""
    followers: int


@dataclass(frozen=True)
class Repeat:
    """A mention that repeats a source: which one, by its place, and when."""

    of: int
    second: int


def cascade(chance: Random, course: Course, mentions: int) -> tuple[list[Source], list[Repeat]]:
    """Return which mentions of a day are repeated, and those that repeat them; the others are words of their own.

    Args:
        chance: That of the event and day.
        course: How the event is passed on.
        mentions: How many there are.
    """
    repeating = round(mentions * course.repeated)
    most = chance.choices(SOURCES, SHARES_OF_SOURCES)[0]
    sources = [
        Source(chance.randint(6 * 3600, 20 * 3600), round(course.followers * chance.lognormvariate(0, 0.7)))
        for _ in range(min(most, mentions - repeating))
    ]
    repeats = []
    for _ in range(repeating if sources else 0):
        of = chance.choices(range(len(sources)), [1 / (place + 1) for place in range(len(sources))])[0]
        delay = round(60 * course.minutes * chance.lognormvariate(0, 0.9))
        repeats.append(Repeat(of, sources[of].second + 1 + delay % (LAST_SECOND - sources[of].second)))
    return sources, repeats
