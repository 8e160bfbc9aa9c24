"""Clusters anomalies that overlap in time, territory and topic into signals."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from analytics.anomaly.baseline import Anomaly
from analytics.anomaly.thresholds import CLEARLY_GREATER, CLEARLY_RARER, TOGETHER


@dataclass(frozen=True)
class AnomalyCluster:
    """Anomalies that make one signal, strongest first."""

    anomalies: tuple[Anomaly, ...]

    @property
    def strongest(self) -> Anomaly:
        return self.anomalies[0]

    @property
    def opened_at(self) -> datetime:
        return min(anomaly.at for anomaly in self.anomalies)

    @property
    def updated_at(self) -> datetime:
        return max(anomaly.at for anomaly in self.anomalies)


def merge(
    anomalies: Iterable[Anomaly], topic_parents: Mapping[str, str], territory_parents: Mapping[str, str]
) -> list[AnomalyCluster]:
    """Return the clusters that anomalies make, oldest first.

    Two anomalies belong together when at most 24 hours separate them and one's topic and territory contain, or are, the
    other's; a chain of such anomalies is one cluster. Of equally strong anomalies the narrower territory and topic come
    first, for they say where to look.

    Args:
        anomalies: In any order; it decides only between those of one moment, topic, territory and strength.
        topic_parents: Topic to the one that contains it.
        territory_parents: Territory to the one that contains it (`FR-33` to `FR-NAQ`, `FR-NAQ` to `FR`).

    Raises:
        ValueError: a topic or territory contains itself.
    """
    waiting = sorted(anomalies, key=_order)
    topics = {anomaly.key.topic: lineage(anomaly.key.topic, topic_parents) for anomaly in waiting}
    territories = {anomaly.key.territory: lineage(anomaly.key.territory, territory_parents) for anomaly in waiting}

    def related(first: Anomaly, second: Anomaly) -> bool:
        return (
            abs(first.at - second.at) <= TOGETHER
            and _on_one_line(topics[first.key.topic], topics[second.key.topic])
            and _on_one_line(territories[first.key.territory], territories[second.key.territory])
        )

    groups: list[list[Anomaly]] = []
    for anomaly in waiting:
        joined = [group for group in groups if any(related(anomaly, other) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(other for group in joined for other in group), anomaly])

    def strength(anomaly: Anomaly) -> tuple:
        depth = len(territories[anomaly.key.territory]) + len(topics[anomaly.key.topic])
        return anomaly.p_value, -anomaly.ratio, -depth, _order(anomaly)

    clusters = [AnomalyCluster(tuple(sorted(group, key=strength))) for group in groups]
    return sorted(clusters, key=lambda cluster: (cluster.opened_at, strength(cluster.strongest)))


def _order(anomaly: Anomaly) -> tuple:
    return anomaly.at, anomaly.key.topic, anomaly.key.territory, anomaly.p_value, anomaly.ratio


def _on_one_line(first: list[str], second: list[str]) -> bool:
    """Say whether one of two names, each with all that contains it, contains or is the other."""
    return first[0] in second or second[0] in first


def reopens(closed: Anomaly, new: Anomaly) -> bool:
    """Say whether an anomaly is clearly stronger than the one that a closed or dismissed signal stood on.

    It is when it is a hundred times less probable, and its ratio half as great again.
    """
    rarer = math.log10(max(closed.p_value, 1e-300)) - math.log10(max(new.p_value, 1e-300)) >= CLEARLY_RARER
    return rarer and new.ratio >= CLEARLY_GREATER * closed.ratio


def lineage(name: str, parents: Mapping[str, str]) -> list[str]:
    """Return a name and all that contains it."""
    names = [name]
    while names[-1] in parents:
        names.append(parents[names[-1]])
        if names.count(names[-1]) > 1:
            raise ValueError(f"{names[-1]} contains itself.")
    return names
