"""Turns signals with their evidence and context into table rows, and back."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from scipy import stats

from analytics.anomaly.baseline import DAY_MINUTES, FRANCE, Anomaly, Key
from analytics.anomaly.thresholds import NEW_SUBJECT, NEW_SUBJECT_AUTHORS, NEW_SUBJECT_TEXTS
from analytics.signals import context as contexts
from analytics.signals.context import Context, Mention
from analytics.signals.lifecycle import KINDS, Signal, update
from analytics.signals.severity import Level, severity
from analytics.signals.topic_tagging import ALL, OTHER
from analytics.signals.topics import Topic, parents
from analytics.signals.wording import explanation

#: Signals are remembered so long after their end.
KEPT = timedelta(days=400)

_OF_MENTIONS = frozenset({"mentions", "negative"})

_PSEUDO = {
    ALL: Topic(ALL, "Toutes les mentions", "", "institution", "team:veille"),
    OTHER: Topic(OTHER, "Sujets non surveillés", "", "sécuritaire", "team:veille"),
}

#: Names of what belongs to no query.
PSEUDO_LABELS: Mapping[str, str] = {code: topic.label for code, topic in _PSEUDO.items()}

#: Every column of a row; `part` says which of them it fills.
COLUMNS: Mapping[str, str] = {
    "signal_id": "string", "part": "string", "rank": "int32", "topic_code": "string", "topic_label": "string",
    "crisis_kind": "string", "territory_code": "string", "territory_level": "string", "territory_label": "string",
    "kind": "string", "kind_label": "string", "severity": "int32", "probability": "double", "status": "string",
    "opened_at": "timestamp", "updated_at": "timestamp", "closed_at": "timestamp", "observed": "double",
    "expected": "double", "upper": "double", "baseline_window": "string", "ratio": "double", "velocity": "double",
    "reach": "int64", "spread": "int32", "novelty": "double", "negative_share": "double", "explanation": "string",
    "touched": "string", "series": "string", "metric": "string", "platform": "string", "bin_start": "timestamp",
    "bin_minutes": "int32", "p_value": "double", "method": "string", "name": "string", "value": "double",
    "mentions": "int64", "tests": "int64",
}  # fmt: skip

Row = dict[str, Any]

_SIGNAL, _EVIDENCE, _TERM, _EXAMPLE, _SOURCE = "signal", "evidence", "term", "example", "source"


@dataclass(frozen=True)
class Territory:
    """A territory and its parent."""

    code: str
    level: str
    label: str
    parent: str | None


def territory_parents(territories: Iterable[Territory]) -> dict[str, str]:
    """Return each territory's code with that of the territory that contains it."""
    return {place.code: place.parent for place in territories if place.parent is not None}


@dataclass(frozen=True)
class World:
    """What a run knows besides its series.

    Attributes:
        topics: The topics that are watched.
        territories: By code, the nation among them.
        mentions: Returns the mentions of a topic in a territory since a moment, and what they share, oldest first.
        usual_terms: In how many texts of the last 28 days each term was.
        dismissed: When an operator dismissed a signal, by its identifier.
    """

    topics: Sequence[Topic]
    territories: Mapping[str, Territory]
    mentions: Callable[[str, str, datetime], Sequence[Mention]]
    usual_terms: Counter[str]
    dismissed: Mapping[str, datetime]


def run(former: Sequence[Row], found: Iterable[Anomaly], now: datetime, world: World) -> list[Row]:
    """Return the rows of all signals after a run.

    Args:
        former: The rows that the run before has returned.
        found: What stands out.
        now: Instant up to which there are data, UTC.
        world: What is known besides.
    """
    rows_of: dict[str, list[Row]] = {}
    for row in former:
        rows_of.setdefault(row["signal_id"], []).append(row)
    known = {signal_id: restored(rows) for signal_id, rows in rows_of.items()}
    new = _new_subject(world, now)
    signals = update(
        known.values(),
        [*found, *([new] if new else [])],
        now,
        parents(world.topics),
        territory_parents(world.territories.values()),
        world.dismissed,
    )
    rows: list[Row] = []
    for signal in signals:
        if signal.closed_at is not None and signal.closed_at < now - KEPT:
            continue
        if signal.closed_at is not None and known.get(signal.signal_id) == signal:
            rows += rows_of[signal.signal_id]
            continue
        rows += _rows(signal, now, world)
    return rows


def _rows(signal: Signal, now: datetime, world: World) -> list[Row]:
    """Return the rows of a signal that is open, or has just been closed."""
    since = signal.opened_at - timedelta(
        minutes=signal.strongest.minutes if signal.strongest.minutes < DAY_MINUTES else 0
    )
    mentions = world.mentions(signal.topic, signal.territory, since) if _explained_by_mentions(signal) else ()
    context = contexts.around(mentions, world.usual_terms, min(now, signal.updated_at))
    if context.spreading is not None and context.spreading.is_rumour_like and signal.kind != "drop":
        signal = replace(signal, kind="rumour")
    if signal.closed_at is None and _is_of_one_author(signal, mentions):
        signal = replace(signal, is_sure=False)
    return [
        _signal_row(signal, context, world),
        *(_evidence_row(signal, rank, anomaly) for rank, anomaly in enumerate(signal.evidence, start=1)),
        *_context_rows(signal, context),
    ]


def _is_of_one_author(signal: Signal, mentions: Sequence[Mention]) -> bool:
    """Say whether one account alone makes a signal, which is then watched until a second one joins."""
    authors = {mention.author_id for mention in mentions}
    return len(authors) == 1 and None not in authors and all(a.key.metric in _OF_MENTIONS for a in signal.evidence)


def _explained_by_mentions(signal: Signal) -> bool:
    """Say whether mentions explain a signal: those of a subject do; all others only if a series of mentions rose."""
    return signal.topic not in _PSEUDO or any(anomaly.key.metric in _OF_MENTIONS for anomaly in signal.evidence)


def _signal_row(signal: Signal, context: Context, world: World) -> Row:
    topic = next((topic for topic in world.topics if topic.code == signal.topic), None) or _PSEUDO.get(
        signal.topic, Topic(signal.topic, signal.topic, "", "institution", "team:veille")
    )
    place = world.territories.get(signal.territory, world.territories[FRANCE])
    anomaly = signal.strongest
    measures = {
        "ratio": anomaly.ratio,
        "velocity": context.velocity,
        "reach": context.reach,
        "spread": signal.spread,
        "novelty": context.novelty,
        "negative_share": context.negative_share,
    }
    grave = severity(measures)
    labels = {code: territory.label for code, territory in world.territories.items()}
    return {
        "signal_id": signal.signal_id, "part": _SIGNAL, "rank": 1, "topic_code": topic.code, "topic_label": topic.label,
        "crisis_kind": topic.kind, "territory_code": place.code, "territory_level": place.level,
        "territory_label": place.label, "kind": signal.kind, "kind_label": KINDS[signal.kind],
        "severity": list(Level).index(grave.level) + 1, "probability": anomaly.probability,
        "status": signal.status, "opened_at": signal.opened_at,
        "updated_at": signal.updated_at, "closed_at": signal.closed_at, "observed": anomaly.observed,
        "expected": anomaly.expected, "upper": anomaly.upper, "baseline_window": anomaly.window,
        **measures, "explanation": explanation(signal, topic.label, labels, context),
        "touched": ";".join(sorted(signal.touched)),
    }  # fmt: skip


def _evidence_row(signal: Signal, rank: int, anomaly: Anomaly) -> Row:
    key = anomaly.key
    return {
        "signal_id": signal.signal_id, "part": _EVIDENCE, "rank": rank, "topic_code": key.topic, "series": str(key),
        "metric": key.metric, "platform": key.platform, "territory_code": key.territory, "bin_start": anomaly.at,
        "bin_minutes": anomaly.minutes, "observed": anomaly.observed, "expected": anomaly.expected,
        "upper": anomaly.upper, "p_value": anomaly.p_value, "value": anomaly.score, "method": anomaly.method,
        "tests": anomaly.tests, "baseline_window": anomaly.window,
    }  # fmt: skip


def _context_rows(signal: Signal, context: Context) -> list[Row]:
    own = {"signal_id": signal.signal_id}
    return [
        *(
            own | {"part": _TERM, "rank": rank, "name": term.term, "value": term.z}
            for rank, term in enumerate(context.terms, start=1)
        ),
        *(
            own | {"part": _EXAMPLE, "rank": rank, "name": mention.mention_id}
            for rank, mention in enumerate(context.examples, start=1)
        ),
        *(
            own
            | {"part": _SOURCE, "rank": rank, "name": source.name, "mentions": source.mentions, "reach": source.reach}
            for rank, source in enumerate(context.sources, start=1)
        ),
    ]


def restored(rows: Iterable[Row]) -> Signal:
    """Return the signal that rows hold."""
    parts = list(rows)
    [row] = [row for row in parts if row["part"] == _SIGNAL]
    is_sure = row["status"] != "watch"
    evidence = tuple(
        Anomaly(
            key=Key(*evidence_row["series"].split("/")),
            at=evidence_row["bin_start"],
            minutes=evidence_row["bin_minutes"],
            observed=evidence_row["observed"],
            expected=evidence_row["expected"],
            upper=evidence_row["upper"],
            p_value=evidence_row["p_value"],
            method=evidence_row["method"],
            window=evidence_row["baseline_window"],
            tests=evidence_row["tests"],
            is_sure=is_sure,
        )
        for evidence_row in sorted((row for row in parts if row["part"] == _EVIDENCE), key=lambda row: row["rank"])
    )
    return Signal(
        signal_id=row["signal_id"],
        topic=row["topic_code"],
        territory=row["territory_code"],
        kind=row["kind"],
        opened_at=row["opened_at"],
        updated_at=row["updated_at"],
        closed_at=row["closed_at"],
        evidence=evidence,
        touched=frozenset(filter(None, row["touched"].split(";"))),
        is_sure=is_sure,
    )


def strongest(rows: Iterable[Row]) -> dict[str, Key]:
    """Return the series that each signal stands on, by its identifier."""
    first = (row for row in rows if row["part"] == _EVIDENCE and row["rank"] == 1)
    return {row["signal_id"]: Key(*row["series"].split("/")) for row in first}


def _new_subject(world: World, now: datetime) -> Anomaly | None:
    """Return the subject that many suddenly speak of and no topic watches, if there is one."""
    since = now - timedelta(hours=24)
    mentions = [mention for mention in world.mentions(OTHER, FRANCE, since) if mention.at >= since]
    terms_now = contexts.terms_of(mention.text for mention in mentions)
    terms = contexts.new_terms(terms_now, world.usual_terms, most=1)
    if not terms or terms[0].z < NEW_SUBJECT or terms[0].now < NEW_SUBJECT_TEXTS:
        return None
    speaking = [mention for mention in mentions if mention.text and contexts.terms_of([mention.text])[terms[0].term]]
    if len({mention.author_id for mention in speaking if mention.author_id}) < NEW_SUBJECT_AUTHORS:
        return None
    at = min(mention.at for mention in speaking).replace(minute=0, second=0, microsecond=0)
    minutes = max(60, math.ceil((now - at).total_seconds() / 60))
    usual = terms[0].before / 28 * minutes / DAY_MINUTES
    key = Key(OTHER, "mentions", "all", FRANCE)
    p_value = float(stats.norm.sf(terms[0].z))
    window = "28 jours précédents"
    return Anomaly(
        key, at, minutes, float(terms[0].now), usual, usual, p_value, "novelty", window, tests=len(terms_now)
    )
