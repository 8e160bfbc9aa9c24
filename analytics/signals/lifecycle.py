"""What becomes a signal, and what becomes of it: opened, told anew, closed. How a bin is judged: `scan`.

A signal is known by its opening: the same opening makes the same identifier, whoever computes it. Its kind is that of
its evidence so far, and may sharpen while it is open. What is clearly stronger than a signal that was closed or put
aside opens another one, so that it is alerted and judged as such.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from analytics.anomaly.baseline import Finding, without_told_pairs
from analytics.signals.clustering import Alarm, merge, reopens

TOGETHER = timedelta(hours=24)
_REMEMBERED = timedelta(hours=72)  # after its end a signal comes again only if it is clearly stronger
_MOST_EVIDENCE = 20
_SPREAD = 4  # places, or platforms, beyond which a rise is told as spreading
KINDS: Mapping[str, str] = {
    "sudden": "hausse soudaine",
    "slow": "hausse lente",
    "novelty": "sujet nouveau",
    "spread": "extension",
    "rumour": "diffusion de rumeur",
    "co_movement": "hausse sur plusieurs plateformes",
    "drop": "silence",
}

FRANCE = "FR"


@dataclass(frozen=True)
class Known:
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
    """

    signal_id: str
    topic: str
    territory: str
    kind: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    evidence: tuple[Finding, ...]
    touched: frozenset[str] = field(default_factory=frozenset)

    @property
    def strongest(self) -> Finding:
        return self.evidence[0]

    @property
    def spread(self) -> int:
        """Territories and platforms that are touched, beyond the first of each."""
        territories = sum(1 for name in self.touched if name.startswith("t:"))
        platforms = sum(1 for name in self.touched if name.startswith("p:"))
        return max(territories - 1, 0) + max(platforms - 1, 0)


def identifier(topic: str, territory: str, kind: str, opened_at: datetime) -> str:
    """Return the identifier of a signal that opens so."""
    return sha256(f"{topic}\n{territory}\n{kind}\n{opened_at.isoformat()}".encode()).hexdigest()[:32]


def tell(  # noqa: PLR0917 - all that becomes of a signal
    former: Iterable[Known],
    found: Iterable[Finding],
    now: datetime,
    topic_parents: Mapping[str, str],
    territory_parents: Mapping[str, str],
    dismissed: Mapping[str, datetime] | None = None,
) -> list[Known]:
    """Return the signals after a run: those that were known, and those that open.

    Args:
        former: What was known before.
        found: What stands out, in any order; what is known already changes nothing.
        now: Instant up to which there are data, UTC.
        topic_parents: Topic to the one that contains it.
        territory_parents: Territory to the one that contains it.
        dismissed: Signals that an operator has put aside, and when.
    """
    dismissed = dismissed or {}
    known = [_settled(one, now, dismissed) for one in former]
    fresh = _alarms(found)
    for merged in merge(fresh, topic_parents, territory_parents):
        evidence = tuple(finding for alarm in merged.alarms for finding in fresh[alarm])
        related = [
            one for one in known if _related(one, merged.alarms, topic_parents, territory_parents)
            and one.opened_at <= merged.updated_at + TOGETHER
        ]  # fmt: skip
        open_ones = [one for one in related if one.closed_at is None]
        closed = [one for one in related if one.closed_at is not None]
        if open_ones:
            first = min(open_ones, key=lambda one: (one.opened_at, one.signal_id))
            known = [_grown(one, evidence) if one is first else one for one in known]
            continue
        if not closed:
            known.append(_opened(merged.strongest, evidence))
            continue
        last = max(closed, key=lambda one: (one.updated_at, one.signal_id))
        since = _told_until(last)
        new = tuple(finding for finding in evidence if _end(finding) > since)
        strongest = next((alarm for alarm in merged.alarms if not set(fresh[alarm]).isdisjoint(new)), None)
        if strongest is not None and reopens(_alarm(last.strongest), strongest):
            known.append(_opened(strongest, new, not_before=since))
    told = [_settled(one, now, dismissed) for one in known]
    return sorted(told, key=lambda one: (one.opened_at, one.signal_id))


def _alarm(finding: Finding) -> Alarm:
    return Alarm(finding.at, finding.key.topic, finding.key.territory, finding.p_value, finding.ratio)


def _alarms(found: Iterable[Finding]) -> dict[Alarm, list[Finding]]:
    alarms: dict[Alarm, list[Finding]] = {}
    for finding in found:
        alarms.setdefault(_alarm(finding), []).append(finding)
    return alarms


def _related(
    one: Known, alarms: Sequence[Alarm], topic_parents: Mapping[str, str], territory_parents: Mapping[str, str]
) -> bool:
    """Say whether alarms belong to a signal, or come so soon behind its end that they are not told as another one."""
    waits = TOGETHER if one.closed_at is None else _REMEMBERED
    places = {name[2:] for name in one.touched if name.startswith("t:")} | {one.territory}
    for alarm in alarms:
        if not one.opened_at - TOGETHER <= alarm.at <= one.updated_at + waits:
            continue
        if not (_contains(one.topic, alarm.topic, topic_parents) or _contains(alarm.topic, one.topic, topic_parents)):
            continue
        if any(
            _contains(place, alarm.territory, territory_parents) or _contains(alarm.territory, place, territory_parents)
            for place in places
        ):
            return True
    return False


def _contains(whole: str, part: str, parents: Mapping[str, str]) -> bool:
    name: str | None = part
    while name is not None:
        if name == whole:
            return True
        name = parents.get(name)
    return False


def _told_until(one: Known) -> datetime:
    """Return up to when a closed signal tells: what was put aside while its last bin lasted, up to that moment."""
    return one.updated_at if one.closed_at is None else min(one.updated_at, one.closed_at)


def _end(finding: Finding) -> datetime:
    return finding.at + timedelta(minutes=finding.minutes)


def _strength(finding: Finding) -> tuple:
    return finding.p_value, -finding.ratio, finding.minutes, finding.at, finding.key


def _touched(evidence: Iterable[Finding]) -> frozenset[str]:
    names: set[str] = set()
    for finding in evidence:
        names.add(f"t:{finding.key.territory}")
        if finding.key.platform != "all":
            names.add(f"p:{finding.key.platform}")
    return frozenset(names)


def _opened(strongest: Alarm, evidence: Sequence[Finding], not_before: datetime | None = None) -> Known:
    """Return a new signal; one that comes after a closed one opens behind it, and so is another one to its readers."""
    first = min(finding.at for finding in evidence)
    opened_at = first if not_before is None else max(first, not_before)
    touched = _touched(evidence)
    kind = _kind(evidence, touched)
    return Known(
        signal_id=identifier(strongest.topic, strongest.territory, kind, opened_at),
        topic=strongest.topic,
        territory=strongest.territory,
        kind=kind,
        opened_at=opened_at,
        updated_at=max(map(_end, evidence)),
        closed_at=None,
        evidence=tuple(sorted(evidence, key=_strength)[:_MOST_EVIDENCE]),
        touched=touched,
    )


def _grown(one: Known, evidence: Iterable[Finding]) -> Known:
    """Return a signal with more evidence; a bin that was known is told as it is now."""
    known = {_bin(finding): finding for finding in one.evidence}
    known |= {_bin(finding): finding for finding in evidence}
    told = without_told_pairs(known.values())
    strongest = tuple(sorted(told, key=_strength)[:_MOST_EVIDENCE])
    touched = one.touched | _touched(told)
    kind = one.kind if one.kind == "rumour" else _kind(told, touched)
    return replace(
        one,
        kind=kind,
        updated_at=max(one.updated_at, *map(_end, told)),
        evidence=strongest,
        touched=touched,
    )


def _bin(finding: Finding) -> tuple:
    """Return what a finding tells of; a new subject is told anew at each run, up to that moment."""
    return (finding.key, finding.method) if finding.method == "novelty" else (finding.key, finding.at, finding.minutes)


def _kind(evidence: Sequence[Finding], touched: frozenset[str]) -> str:
    """Return the kind that evidence makes; that of the texts, rumour and novelty, is told behind."""
    methods = {finding.method for finding in evidence}
    if methods <= {"drop"}:
        return "drop"
    if methods <= {"novelty"}:
        return "novelty"
    metrics = {finding.key.metric for finding in evidence if finding.method != "drop"}
    if len(metrics - {"negative"}) > 1:
        return "co_movement"
    territories = {name for name in touched if name.startswith("t:FR-")}
    platforms = {name for name in touched if name.startswith("p:")}
    if max(len(territories), len(platforms)) > _SPREAD:
        return "spread"
    return "sudden" if "sudden" in methods else "slow"


def _settled(one: Known, now: datetime, dismissed: Mapping[str, datetime]) -> Known:
    """Return a signal closed where nothing was heard of it for a day, or an operator has put it aside."""
    if one.closed_at is not None:
        return one
    if one.signal_id in dismissed and dismissed[one.signal_id] >= one.updated_at - TOGETHER:
        return replace(one, closed_at=dismissed[one.signal_id])
    if one.updated_at + TOGETHER < now:
        return replace(one, closed_at=one.updated_at + TOGETHER)
    return one
