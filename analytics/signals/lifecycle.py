"""The life cycle of signals: opened from anomalies, updated, closed.

A signal is known by its opening: the same opening makes the same identifier, whoever computes it. Its kind is that of
its evidence so far, and may sharpen while it is open. What is clearly stronger than a closed or dismissed
signal opens another one, so that operators are alerted and give their verdict again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from analytics.anomaly.baseline import WAVE, Anomaly, without_redundant_pairs
from analytics.anomaly.thresholds import ENDED_FOR, TOGETHER, WATCHED_FOR
from analytics.signals.clustering import lineage, merge, reopens

_MOST_EVIDENCE = 20
_SPREAD = 4  # places, or platforms, beyond which a rise spreads
KINDS: Mapping[str, str] = {
    "sudden": "hausse soudaine",
    "slow": "hausse lente",
    "novelty": "sujet nouveau",
    "spread": "extension",
    "rumour": "diffusion de rumeur",
    "co_movement": "hausse sur plusieurs plateformes",
    "drop": "silence",
}


@dataclass(frozen=True)
class Signal:
    """A signal as it is known.

    Attributes:
        signal_id: Hash of topic, territory, kind and opening.
        topic: Code of its topic.
        territory: Where its strongest evidence lies.
        kind: One of `KINDS`.
        opened_at: Beginning of its first bin, UTC.
        updated_at: End of its last bin.
        closed_at: When it was closed; None while it is open.
        evidence: What stood out, strongest first.
        touched: Every territory and platform in which something stood out.
        is_sure: Whether it alerts; before that it is watched, and ends without a trace.
    """

    signal_id: str
    topic: str
    territory: str
    kind: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    evidence: tuple[Anomaly, ...]
    touched: frozenset[str] = field(default_factory=frozenset)
    is_sure: bool = True

    @property
    def status(self) -> str:
        if self.closed_at is not None:
            return "closed"
        return "open" if self.is_sure else "watch"

    @property
    def strongest(self) -> Anomaly:
        return self.evidence[0]

    @property
    def spread(self) -> int:
        """Territories and platforms that are touched, beyond the first of each."""
        territories = sum(1 for name in self.touched if name.startswith("t:"))
        platforms = sum(1 for name in self.touched if name.startswith("p:"))
        return max(territories - 1, 0) + max(platforms - 1, 0)


def identifier(topic: str, territory: str, kind: str, opened_at: datetime) -> str:
    return sha256(f"{topic}\n{territory}\n{kind}\n{opened_at.isoformat()}".encode()).hexdigest()[:32]


def update(  # noqa: PLR0917 - all that becomes of a signal
    former: Iterable[Signal],
    found: Iterable[Anomaly],
    now: datetime,
    topic_parents: Mapping[str, str],
    territory_parents: Mapping[str, str],
    dismissed: Mapping[str, datetime] | None = None,
) -> list[Signal]:
    """Return the signals after a run: those that were known, and those that open.

    Args:
        former: What was known before.
        found: What stands out, in any order; what is known already changes nothing.
        now: Instant up to which there are data, UTC.
        topic_parents: Topic to the one that contains it.
        territory_parents: Territory to the one that contains it.
        dismissed: When an operator dismissed a signal, by its identifier.
    """
    dismissed = dismissed or {}
    signals = _settled(former, now, dismissed)
    for cluster in merge(found, topic_parents, territory_parents):
        related = [
            signal for signal in signals if _related(signal, cluster.anomalies, topic_parents, territory_parents)
            and signal.opened_at <= cluster.updated_at + TOGETHER
        ]  # fmt: skip
        still_open = [signal for signal in related if signal.closed_at is None]
        closed = [signal for signal in related if signal.closed_at is not None]
        if still_open:
            first = min(still_open, key=lambda signal: (signal.opened_at, signal.signal_id))
            signals = [_grown(signal, cluster.anomalies) if signal is first else signal for signal in signals]
            continue
        if not closed:
            signals.append(_opened(cluster.anomalies))
            continue
        last = max(closed, key=lambda signal: (signal.updated_at, signal.signal_id))
        since = _reported_until(last)
        new = tuple(anomaly for anomaly in cluster.anomalies if _end(anomaly) > since)
        if new and reopens(last.strongest, new[0]):
            signals.append(_opened(new, not_before=since))
    return sorted(_settled(signals, now, dismissed), key=lambda signal: (signal.opened_at, signal.signal_id))


def _related(
    signal: Signal, found: Sequence[Anomaly], topic_parents: Mapping[str, str], territory_parents: Mapping[str, str]
) -> bool:
    """Say whether anomalies belong to a signal, or follow its end so soon that they make no other one."""
    waits = TOGETHER if signal.closed_at is None else ENDED_FOR
    places = {name[2:] for name in signal.touched if name.startswith("t:")} | {signal.territory}
    return any(
        signal.opened_at - TOGETHER <= anomaly.at <= signal.updated_at + waits
        and _on_one_line(signal.topic, anomaly.key.topic, topic_parents)
        and any(_on_one_line(place, anomaly.key.territory, territory_parents) for place in places)
        for anomaly in found
    )


def _on_one_line(first: str, second: str, parents: Mapping[str, str]) -> bool:
    """Say whether one of two names contains or is the other."""
    return first in lineage(second, parents) or second in lineage(first, parents)


def _reported_until(signal: Signal) -> datetime:
    """Return up to when a closed signal reports; one dismissed during its last bin, up to its dismissal."""
    return signal.updated_at if signal.closed_at is None else min(signal.updated_at, signal.closed_at)


def _end(anomaly: Anomaly) -> datetime:
    return anomaly.at + timedelta(minutes=anomaly.minutes)


def _strength(anomaly: Anomaly) -> tuple:
    return anomaly.p_value, -anomaly.ratio, anomaly.minutes, anomaly.at, anomaly.key


def _touched(evidence: Iterable[Anomaly]) -> frozenset[str]:
    names: set[str] = set()
    for anomaly in evidence:
        names.add(f"t:{anomaly.key.territory}")
        if anomaly.key.platform != "all":
            names.add(f"p:{anomaly.key.platform}")
    return frozenset(names)


def _opened(evidence: Sequence[Anomaly], not_before: datetime | None = None) -> Signal:
    """Return a new signal; one that comes after a closed one opens after it, and is another signal to its readers.

    Args:
        evidence: Strongest first: the signal has its topic and territory.
        not_before: Up to when a former signal was reported.
    """
    first = min(anomaly.at for anomaly in evidence)
    opened_at = first if not_before is None else max(first, not_before)
    touched = _touched(evidence)
    kind = _kind(evidence, touched)
    strongest = evidence[0].key
    return Signal(
        signal_id=identifier(strongest.topic, strongest.territory, kind, opened_at),
        topic=strongest.topic,
        territory=strongest.territory,
        kind=kind,
        opened_at=opened_at,
        updated_at=max(map(_end, evidence)),
        closed_at=None,
        evidence=tuple(sorted(evidence, key=_strength)[:_MOST_EVIDENCE]),
        touched=touched,
        is_sure=any(anomaly.is_sure for anomaly in evidence),
    )


def _grown(signal: Signal, evidence: Iterable[Anomaly]) -> Signal:
    """Return a signal with more evidence; the newer anomaly of a bin takes the place of the former."""
    by_bin = {_bin(anomaly): anomaly for anomaly in (*signal.evidence, *evidence)}
    anomalies = without_redundant_pairs(by_bin.values())
    touched = signal.touched | _touched(anomalies)
    return replace(
        signal,
        kind=signal.kind if signal.kind == "rumour" else _kind(anomalies, touched),
        updated_at=max(signal.updated_at, *map(_end, anomalies)),
        evidence=tuple(sorted(anomalies, key=_strength)[:_MOST_EVIDENCE]),
        touched=touched,
        is_sure=signal.is_sure or any(anomaly.is_sure for anomaly in anomalies),
    )


def _bin(anomaly: Anomaly) -> tuple:
    """Return what an anomaly is of; a new subject and a wave are one however long they last."""
    lasts = anomaly.method in {"novelty", WAVE}
    return (anomaly.key, anomaly.method) if lasts else (anomaly.key, anomaly.at, anomaly.minutes)


def _kind(evidence: Sequence[Anomaly], touched: frozenset[str]) -> str:
    """Return the kind that evidence makes; rumour is found later, in the texts."""
    methods = {anomaly.method for anomaly in evidence}
    if methods <= {"drop"}:
        return "drop"
    if methods <= {"novelty"}:
        return "novelty"
    metrics = {anomaly.key.metric for anomaly in evidence if anomaly.method != "drop"}
    if len(metrics - {"negative"}) > 1:
        return "co_movement"
    territories = {name for name in touched if name.startswith("t:FR-")}
    platforms = {name for name in touched if name.startswith("p:")}
    if max(len(territories), len(platforms)) > _SPREAD:
        return "spread"
    return "sudden" if "sudden" in methods else "slow"


def _settled(signals: Iterable[Signal], now: datetime, dismissed: Mapping[str, datetime]) -> list[Signal]:
    """Return signals, those that ended as closed; what was only watched is then forgotten, but for a verdict on it."""
    settled = (_closed_if_ended(signal, now, dismissed) for signal in signals)
    return [signal for signal in settled if signal.is_sure or signal.closed_at is None or signal.signal_id in dismissed]


def _closed_if_ended(signal: Signal, now: datetime, dismissed: Mapping[str, datetime]) -> Signal:
    """Return a signal closed where nothing was heard of it for a day, or an operator dismissed it."""
    if signal.closed_at is not None:
        return signal
    dismissed_at = dismissed.get(signal.signal_id)
    if dismissed_at is not None and dismissed_at >= signal.updated_at - TOGETHER:
        return replace(signal, closed_at=dismissed_at)
    waits = TOGETHER if signal.is_sure else WATCHED_FOR
    if signal.updated_at + waits < now:
        return replace(signal, closed_at=signal.updated_at + waits)
    return signal
