"""Moves the budget of false alerts of a topic by the verdicts on its signals, and names a narrower query.

The budget of its domain is multiplied by (confirmed + 3) / (dismissed + 3), at least a quarter and at most twice: three
alerts that were dismissed halve it, nine make it a quarter. The last verdict on a signal counts, for half a year.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from analytics.anomaly.baseline import Key, domain
from analytics.anomaly.thresholds import (
    DISMISSED_IN_A_ROW,
    VERDICT_COUNTS_FOR,
    VERDICT_LEAST,
    VERDICT_MOST,
    VERDICT_PRIOR,
)
from analytics.signals.topics import Topic, folded

CONFIRMED, DISMISSED = frozenset({"confirmé"}), frozenset({"écarté", "faux"})


@dataclass(frozen=True)
class Learnt:
    """What verdicts say of the signals of a topic in a domain."""

    confirmed: int = 0
    dismissed: int = 0

    @property
    def times(self) -> float:
        """By how much the budget is multiplied."""
        balance = (self.confirmed + VERDICT_PRIOR) / (self.dismissed + VERDICT_PRIOR)
        return min(VERDICT_MOST, max(VERDICT_LEAST, balance))


def last_verdicts(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, tuple[datetime, str]]:
    """Return the last verdict on each signal, and when it was given, UTC.

    Args:
        verdicts: Rows of the operations database, times as ISO 8601 texts.
    """
    last: dict[str, tuple[datetime, str]] = {}
    for row in verdicts:
        at = datetime.fromisoformat(row["decided_at"])
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
        if row["signal_id"] not in last or last[row["signal_id"]][0] < at:
            last[row["signal_id"]] = at, row["verdict"]
    return last


def learnt(
    last: Mapping[str, tuple[datetime, str]], strongest: Mapping[str, Key], now: datetime
) -> dict[tuple[str, str], Learnt]:
    """Return by domain and topic what operators said of its signals.

    Args:
        last: See `last_verdicts`.
        strongest: The series that each signal that is remembered stands on.
        now: Instant up to which there are data, UTC.
    """
    said = {signal_id: verdict for signal_id, (at, verdict) in last.items() if at > now - VERDICT_COUNTS_FOR}
    names = [(domain(key), key.topic, said[signal_id]) for signal_id, key in strongest.items() if signal_id in said]
    confirmed = Counter(name[:2] for name in names if name[2] in CONFIRMED)
    dismissed = Counter(name[:2] for name in names if name[2] in DISMISSED)
    return {name: Learnt(confirmed[name], dismissed[name]) for name in sorted({*confirmed, *dismissed})}


def are_doubtful(verdicts: Sequence[str]) -> bool:
    """Say whether the last verdicts on the signals of a topic, oldest first, doubt its query; « vu » says nothing."""
    judged = [verdict for verdict in verdicts if verdict in CONFIRMED | DISMISSED]
    return len(judged) >= DISMISSED_IN_A_ROW and all(verdict in DISMISSED for verdict in judged[-DISMISSED_IN_A_ROW:])


def narrower(topic: Topic, dismissed: Iterable[Iterable[str]], confirmed: Iterable[Iterable[str]]) -> Topic | None:
    """Return a topic that leaves out what dismissed signals share and confirmed ones lack; None if there is nothing.

    Args:
        topic: The topic.
        dismissed: New terms of each dismissed signal.
        confirmed: Those of each confirmed one.
    """
    kept = {folded(term) for terms in confirmed for term in terms}
    shared: Counter[str] = Counter()
    for terms in dismissed:
        shared.update([*dict.fromkeys(map(folded, terms))])
    possible = [
        term for term, signals in shared.items()
        if signals > 1 and term not in kept and len(term) > 2 and not topic.compiled.finds(term)  # noqa: PLR2004
    ]  # fmt: skip
    if not possible:
        return None
    term = max(possible, key=lambda term: shared[term])
    return replace(topic, query=f'{topic.query} -"{term}"' if " " in term else f"{topic.query} -{term}")
