"""What becomes one signal: alarms that overlap in time, territory and topic. What alarms is decided before."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_TOGETHER = timedelta(hours=24)
_CLEARLY_RARER = 2.0  # powers of ten of the probability
_CLEARLY_GREATER = 1.5  # times the ratio of observed to expected


@dataclass(frozen=True, order=True)
class Alarm:
    """A series that stands out, once."""

    at: datetime
    topic: str
    territory: str
    p_value: float
    ratio: float
    """Observed over expected."""


@dataclass(frozen=True)
class Signal:
    """Alarms that are told as one, strongest first."""

    alarms: tuple[Alarm, ...]

    @property
    def strongest(self) -> Alarm:
        return self.alarms[0]

    @property
    def opened_at(self) -> datetime:
        return min(alarm.at for alarm in self.alarms)

    @property
    def updated_at(self) -> datetime:
        return max(alarm.at for alarm in self.alarms)


def merge(
    alarms: Iterable[Alarm], topic_parents: Mapping[str, str], territory_parents: Mapping[str, str]
) -> list[Signal]:
    """Return the signals that alarms make, oldest first.

    Two alarms belong together when at most 24 hours separate them and one's topic and territory contain, or are, the
    other's; a chain of such alarms is one signal. Of equally strong alarms the narrower territory and topic speak, for
    they say where to look.

    Args:
        alarms: In any order; the result does not depend on it.
        topic_parents: Topic to the one that contains it.
        territory_parents: Territory to the one that contains it (`FR-33` to `FR-NAQ`, `FR-NAQ` to `FR`).

    Raises:
        ValueError: a topic or territory contains itself.
    """
    waiting = sorted(set(alarms))
    topics = {alarm.topic: lineage(alarm.topic, topic_parents) for alarm in waiting}
    territories = {alarm.territory: lineage(alarm.territory, territory_parents) for alarm in waiting}

    def related(one: Alarm, other: Alarm) -> bool:
        return (
            abs(one.at - other.at) <= _TOGETHER
            and (one.topic in topics[other.topic] or other.topic in topics[one.topic])
            and (one.territory in territories[other.territory] or other.territory in territories[one.territory])
        )

    groups: list[list[Alarm]] = []
    for alarm in waiting:
        joined = [group for group in groups if any(related(alarm, other) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(other for group in joined for other in group), alarm])

    def strength(alarm: Alarm) -> tuple:
        depth = len(territories[alarm.territory]) + len(topics[alarm.topic])
        return alarm.p_value, -alarm.ratio, -depth, alarm

    signals = [Signal(tuple(sorted(group, key=strength))) for group in groups]
    return sorted(signals, key=lambda signal: (signal.opened_at, strength(signal.strongest)))


def reopens(closed: Alarm, new: Alarm) -> bool:
    """Say whether an alarm is clearly stronger than the one that a closed or dismissed signal stood on.

    It is when it is a hundred times less probable, and its ratio half as great again.
    """
    rarer = math.log10(max(closed.p_value, 1e-300)) - math.log10(max(new.p_value, 1e-300)) >= _CLEARLY_RARER
    return rarer and new.ratio >= _CLEARLY_GREATER * closed.ratio


def lineage(name: str, parents: Mapping[str, str]) -> list[str]:
    """Return a name and all that contains it."""
    names = [name]
    while names[-1] in parents:
        names.append(parents[names[-1]])
        if names.count(names[-1]) > 1:
            raise ValueError(f"{names[-1]} contains itself.")
    return names
