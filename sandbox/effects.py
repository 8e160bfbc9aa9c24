"""What prevention actions change in the invented country: fewer records in some places, for a while.

The platforms do not show the true effects; `--truth` writes them to a file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from sandbox.events import START, draw
from sandbox.prevention_actions import actions_of

#: Which counts the actions of a theme lessen, where they lessen any.
MOVED: Mapping[str, tuple[str, ...]] = {
    "Cambriolages": ("pre_complaints",),
    "Fraude à la carte bancaire": ("perceval_reports", "pre_complaints"),
    "Faux conseiller bancaire": ("perceval_reports", "victims_assisted"),
    "Piratage de compte": ("victims_assisted",),
    "Rançongiciel": ("victims_assisted",),
    "Cyberharcèlement": ("victims_assisted",),
    "Usages numériques des jeunes": ("victims_assisted",),
}
#: Days that an effect lasts: it is whole for the first half, and fades to none over the second.
LASTS_DAYS: Mapping[str, int] = {"pre_complaints": 28, "perceval_reports": 60, "victims_assisted": 60}

EFFECTIVE_SHARE = 0.5
WEAKEST, STRONGEST = 0.05, 0.40

_THEME, _CODE, _FIRST_DAY = 4, 8, 10


@dataclass(frozen=True)
class Effect:
    """What one action takes away from one count.

    Attributes:
        departement: Code of the département.
        theme: Theme of the action.
        start: Its first day.
        rank: Its place among those that begin on that day, from 1.
        moved: Code of the count.
        days: Days that the effect lasts.
        strength: Share of the records that it takes away at its height; 0 for an action without effect.
    """

    departement: str
    theme: str
    start: date
    rank: int
    moved: str
    days: int
    strength: float

    def share(self, day: date) -> float:
        """Return the share of the records of a day that it takes away."""
        age = (day - self.start).days
        if not 0 <= age < self.days:
            return 0.0
        half = self.days / 2
        return self.strength * min(1.0, (self.days - age) / half)


@lru_cache(maxsize=4096)
def effects_of(seed: int, day: date) -> tuple[Effect, ...]:
    """Return what the actions that begin on a day change, those without any effect included."""
    found = []
    for rank, row in enumerate(actions_of(seed, day), 1):
        for moved in MOVED.get(str(row[_THEME]), ()):
            chance = draw(seed, f"effects/{moved}/{rank}", day)
            strength = chance.uniform(WEAKEST, STRONGEST) if chance.random() < EFFECTIVE_SHARE else 0.0
            found.append(Effect(str(row[_CODE]), str(row[_THEME]), day, rank, moved, LASTS_DAYS[moved], strength))
    return tuple(found)


def effects(seed: int, until: date) -> list[Effect]:
    """Return the effects of all actions from the start of the history up to a day."""
    days = range((until - START).days + 1)
    return [effect for offset in days for effect in effects_of(seed, START + timedelta(days=offset))]


@lru_cache(maxsize=16384)
def remaining(seed: int, moved: str, day: date) -> Mapping[str, float]:
    """Return which share of the records of a day is left, by département; all of them where none is named."""
    left: dict[str, float] = {}
    for age in range(min(LASTS_DAYS[moved], (day - START).days + 1)):
        for effect in effects_of(seed, day - timedelta(days=age)):
            if effect.moved == moved and effect.strength:
                left[effect.departement] = left.get(effect.departement, 1.0) * (1 - effect.share(day))
    return left


def kept(seed: int, moved: str, day: date, codes: Iterable[str]) -> list[bool]:
    """Return which records of a day are left, given the département of each; a stand-in draws them all before.

    The draws are of their own, so that nothing else of the day depends on them.
    """
    left = remaining(seed, moved, day)
    chance = draw(seed, f"effects/{moved}/records", day)
    return [chance.random() < left.get(code, 1.0) for code in codes]
