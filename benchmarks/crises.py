"""Measures detection on the sandbox's labelled crises, rumours and waves: recall, delay, false alerts, by kind.

    python -m benchmarks.crises --seeds 311 312 313 --first 2026-04-01 --last 2026-11-24

It replays the mentions of listening through topics, places, series and detection, five minutes after five minutes;
labels are read at the end. An alert, what is only watched and an ideal observer have a delay each, from the first
mention of the event. Days are tested each night; chat and novelty are not replayed. Whether a signal
spreads as rumours do is asked whenever something stands out.
"""

import argparse
import json
import statistics
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from analytics.anomaly import alert_budget, baseline, calibration, daily, ears, sequential
from analytics.anomaly.baseline import Anomaly, CountMatrix, Key
from analytics.anomaly.thresholds import BUDGETS, FALSE_DISCOVERY_RATE, FEWEST
from analytics.geo import geoparsing
from analytics.signals import lifecycle, live_detection, topics
from analytics.signals.context import Mention, posts
from analytics.signals.rumour import pattern
from analytics.signals.topic_tagging import OTHER
from analytics.signals.topics import Topic
from ingestion.connectors.listening.talkwalker import neutral
from sandbox.events import Event, events
from sandbox.listening import mentions_of
from sandbox.periods import days
from sandbox.places import REGIONS, departements
from sandbox.staging import KINDS

#: Which topic is on which kind of event; prevention is on none that is watched.
TOPIC_OF = {event: topic for topic, event in KINDS.items()} | {"prevention": OTHER}
WARM_UP = timedelta(days=30)
_DAYS = 45
#: What is more probable can be no alarm, whatever the budget.
NEVER = 1e-3


class TaggedMention(NamedTuple):
    """A mention with its topics and its place."""

    at: datetime
    topics: tuple[str, ...]
    place: str
    mention: Mention


class Replayed(NamedTuple):
    """Signals, when each was first watched, when it alerted, and when it was called a rumour."""

    signals: list[lifecycle.Signal]
    watched: dict[str, datetime]
    alerted: dict[str, datetime]
    rumours: dict[str, datetime]


def territory_of(name: str) -> str:
    codes = {place.name: place.code for place in departements()}
    return territory_code(codes[name])


def territory_code(code: str) -> str:
    return "FR-75C" if code == "75" else f"FR-{code}"


def region_of() -> dict[str, str]:
    """Return départements with their region; its code is that of the sandbox, which is as good as another here."""
    return {territory_code(code): f"R-{region.code}" for region in REGIONS for code in region.departements}


def tagged_mentions(seed: int, first: date, last: date, watched: Iterable[Topic]) -> Iterator[TaggedMention]:
    """Yield the mentions of some days, tagged as the platform would tag them."""
    watched = list(watched)
    for day in days(first, last):
        for document in mentions_of(seed, day):
            text = ". ".join(filter(None, (document.get("title"), document.get("content"))))
            folded = topics.folded(text)
            profiles = frozenset(document["matched_profile"])
            found = tuple(topic.code for topic in watched if topic.compiled.finds(folded, profiles))
            place = (geoparsing.territory(text) if text else None) or territory_of(
                document["extra_source_attributes"]["world_data"]["region"]
            )
            at = datetime.fromtimestamp(document["published"] / 1000, UTC).replace(tzinfo=None)
            yield TaggedMention(at, found or (OTHER,), place, read(document, at, text))


def read(document: Mapping[str, Any], at: datetime, text: str) -> Mention:
    """Return a document of the sandbox as detection knows it once it was loaded."""
    record = neutral(document, "benchmark")
    return Mention(
        record["mention_id"], at, record["source_platform"], record["url"], text or None,
        record["impressions_potential"], record["sentiment"], record["author_id"], record["author_followers"],
        record["is_share"], record["parent_id"],
    )  # fmt: skip


class Around:
    """The mentions around signals: of a topic, in a territory, since a moment, with what they share."""

    def __init__(self, mentions: Iterable[TaggedMention]) -> None:
        self._of: dict[str, list[TaggedMention]] = defaultdict(list)
        self._all: dict[str, Mention] = {}
        self._regions = region_of()
        for tagged in sorted(mentions, key=lambda tagged: (tagged.at, tagged.mention.mention_id)):
            self._all[tagged.mention.mention_id] = tagged.mention
            for topic in tagged.topics:
                self._of[topic].append(tagged)

    def spreads_as_rumours_do(self, signal: lifecycle.Signal, now: datetime) -> bool:
        minutes = signal.strongest.minutes
        since = signal.opened_at - timedelta(minutes=minutes if minutes < baseline.DAY_MINUTES else 0)
        of_topic = self._of[signal.topic]
        times = [tagged.at for tagged in of_topic]
        own = {
            tagged.mention.mention_id: tagged.mention
            for tagged in of_topic[bisect_left(times, since) : bisect_left(times, now)]
            if signal.territory in {"FR", tagged.place, self._regions.get(tagged.place)}
        }
        shared = {
            mention.parent_id: self._all[mention.parent_id]
            for mention in own.values()
            if mention.parent_id in self._all
        }
        found = pattern(posts([*(shared | own).values()]))
        return found is not None and found.is_rumour_like


def count_matrix(
    mentions: Iterable[TaggedMention], first: date, last: date, minutes: int, *, departements_too: bool
) -> CountMatrix:
    regions, counts, totals = region_of(), Counter(), Counter()
    start = datetime.combine(first, datetime.min.time())
    step = timedelta(minutes=minutes)
    for at, codes, place, _ in mentions:
        moment = start + (at - start) // step * step
        territories = ["FR", *([regions[place]] if place in regions else [])]
        if departements_too and place in regions:
            territories.append(place)
        for territory in territories:
            totals[territory, moment] += 1
            for code in codes:
                counts[Key(code, "mentions", "all", territory), moment] += 1
    row_of = {key: row for row, key in enumerate({key for key, _ in counts})}
    return baseline.count_matrix(
        [*row_of],
        np.array([row_of[key] for key, _ in counts]),
        np.array([at for _, at in counts], dtype="datetime64[us]"),
        np.array([*counts.values()]),
        np.array([totals[key.territory, at] for key, at in counts]),
        start,
        datetime.combine(last, datetime.min.time()) + timedelta(days=1),
        minutes,
    )


def of_days(hours: CountMatrix, threshold: calibration.Threshold) -> Iterator[tuple[datetime, list[Anomaly]]]:
    """Yield what each night finds in the days before; days are those of UTC here."""
    complete = hours.counts.shape[1] // 24 * 24
    counts, others = (
        of_hours[:, :complete].reshape(len(hours.keys), -1, 24).sum(axis=2) for of_hours in (hours.counts, hours.others)
    )
    series_days: list[list[daily.Day]] = []
    for key, series, beside in zip(hours.keys, counts, others, strict=True):
        charts = [chart(series).upper for chart in (ears.c1, ears.c2, ears.c3)]
        series_days.append(
            [
                daily.Day(
                    key,
                    (hours.start + timedelta(days=day)).date(),
                    series[day],
                    *(None if np.isnan(upper[day]) else float(upper[day]) for upper in charts),
                    others=beside[day],
                )
                for day in range(len(series))
            ]
        )
    scores = calibration.scores([threshold], baseline.DAY_MINUTES)
    for day in range(WARM_UP.days, counts.shape[1]):
        past = (
            count
            for series in series_days
            for count in series[max(0, day - _DAYS) : day + 1]
            if counts_any(series, day)
        )
        found = daily.detect(past, (hours.start + timedelta(days=day)).date(), scores, looked_back=1)
        if found:
            yield hours.start + timedelta(days=day + 1), found


def counts_any(series: list[daily.Day], day: int) -> bool:
    return any(counted.count for counted in series[max(0, day - 6) : day + 1])


def replay(
    hours: CountMatrix,
    five_minute_bins: CountMatrix,
    parents: dict[str, str],
    threshold: calibration.Threshold,
    mentions: list[TaggedMention],
) -> Replayed:
    """Return the signals that runs every five minutes would have found."""
    begin = hours.column(hours.start + WARM_UP)
    pairs = (
        baseline.paired(five_minute_bins),
        baseline.paired(
            replace(five_minute_bins, counts=five_minute_bins.counts[:, :-1], others=five_minute_bins.others[:, :-1])
        ),
    )
    scored = [
        (matrix, baseline.score(matrix, range(matrix.column(hours.time(begin)), matrix.counts.shape[1])))
        for matrix in (hours, five_minute_bins, *pairs)
    ]
    within = moments(mentions)
    by_run = improbable(scored, within)
    around = Around(mentions)
    signals: list[lifecycle.Signal] = []
    watched: dict[str, datetime] = {}
    alerted: dict[str, datetime] = {}
    ended: dict[str, lifecycle.Signal] = {}
    rumours: dict[str, datetime] = {}
    nights = dict(of_days(hours, threshold))
    limits = {
        minutes: (
            calibration.scores([threshold], minutes)["listening"],
            calibration.watch_scores([threshold], minutes)["listening"],
        )
        for minutes in (live_detection.FIVE, live_detection.HOUR)
    }
    limits[2 * live_detection.FIVE] = limits[live_detection.FIVE]
    rising = waves(*scored[0], within, limits[live_detection.HOUR])
    for now in sorted(by_run.keys() | nights.keys() | rising.keys()):
        tests = sum(len(matrix.keys) for matrix, _ in scored[:3])  # of the pairs those that end now
        p_values = [p_value for p_value, *_ in by_run[now]]
        passed = alert_budget.discoveries(p_values + [1.0] * max(0, tests - len(p_values)))
        found = [*nights.get(now, []), *rising.get(now, [])]
        for (p_value, count, which, row, index), is_passed in zip(by_run[now], passed, strict=False):
            matrix, part = scored[which]
            limit, watch_limit = limits[matrix.minutes]
            score = -np.log10(max(p_value, 1e-300))
            is_sure = is_passed and score > limit and count >= FEWEST
            if is_sure or score > watch_limit:
                column = part.columns[index]
                found.append(
                    Anomaly(
                        matrix.keys[row], matrix.time(column), matrix.minutes, count,
                        float(part.expected[row, index]), 0.0, p_value, is_sure=bool(is_sure),
                    )
                )  # fmt: skip
        if found:
            signals = lifecycle.update(signals, baseline.without_redundant_pairs(found), now, {}, parents)
            for position, signal in enumerate(signals):
                watched.setdefault(signal.signal_id, now)
                ended[signal.signal_id] = signal
                if signal.is_sure:
                    alerted.setdefault(signal.signal_id, now)
                is_open = signal.closed_at is None
                if is_open and signal.kind != "rumour" and around.spreads_as_rumours_do(signal, now):
                    signals[position] = replace(signal, kind="rumour")
                    rumours[signal.signal_id] = now
    return Replayed(
        list((ended | {signal.signal_id: signal for signal in signals}).values()), watched, alerted, rumours
    )


def improbable(
    scored: Iterable[tuple[CountMatrix, baseline.ScoredBins]], within: Mapping[tuple[Key, datetime], list[datetime]]
) -> dict[datetime, list[tuple[float, float, int, int, int]]]:
    """Return, by run, the bins that may alarm: p-value, count so far, and which matrix, row and scored column."""
    found: dict[datetime, list[tuple[float, float, int, int, int]]] = defaultdict(list)
    for which, (matrix, part) in enumerate(scored):
        for row, index in np.argwhere(part.p_values < NEVER).tolist():
            for end, count in counted_by(matrix, row, part.columns[index], within):
                p_value = p_value_of(part, row, index, count)
                if p_value < NEVER:
                    found[end].append((p_value, count, which, row, index))
    return found


def waves(
    matrix: CountMatrix,
    part: baseline.ScoredBins,
    within: Mapping[tuple[Key, datetime], list[datetime]],
    limits: tuple[float, float],
) -> dict[datetime, list[Anomaly]]:
    """Return, by run, the hours that add up to a wave; the last one is scored while it lasts.

    Args:
        matrix: The hours.
        part: What was expected of them.
        within: When each mention was published.
        limits: Scores that alert, and that are watched.
    """
    found: dict[datetime, list[Anomaly]] = defaultdict(list)
    counts = matrix.counts[:, part.columns.start : part.columns.stop]
    alerting, watched = limits
    fewest = np.log10(len(matrix.keys) / FALSE_DISCOVERY_RATE)  # what one wave of a run must exceed
    for row, index in np.argwhere(sequential.score(counts, part) > watched).tolist():
        steps = [*counted_by(matrix, row, part.columns[index], within)]
        hours = slice(max(0, index + 1 - sequential.WINDOW), index + 1)
        so_far = np.tile(counts[row, hours], (len(steps), 1))
        so_far[:, -1] = [count for _, count in steps]
        shape = (len(steps), 1)
        own = baseline.ScoredBins(part.columns[hours], *(np.tile(of[row, hours], shape) for of in part.arrays))
        anomaly = sequential.wave(matrix, part, row, index)
        earlier = anomaly.observed - counts[row, index]
        for (now, count), score in zip(steps, sequential.score(so_far, own)[:, -1].tolist(), strict=True):
            if score > watched and anomaly.minutes > matrix.minutes:
                is_sure = score > max(alerting, fewest) and earlier + count >= FEWEST
                found[now].append(replace(anomaly, p_value=10.0**-score, is_sure=is_sure))
    return found


def moments(mentions: Iterable[TaggedMention]) -> dict[tuple[Key, datetime], list[datetime]]:
    """Return when each mention of a series and hour was published."""
    regions = region_of()
    found: dict[tuple[Key, datetime], list[datetime]] = defaultdict(list)
    for at, codes, place, _ in mentions:
        hour = at.replace(minute=0, second=0, microsecond=0)
        for territory in {"FR", *([place, regions[place]] if place in regions else [])}:
            for code in codes:
                found[Key(code, "mentions", "all", territory), hour].append(at)
    return found


def counted_by(
    matrix: CountMatrix, row: int, column: int, within: Mapping[tuple[Key, datetime], list[datetime]]
) -> Iterator[tuple[datetime, float]]:
    """Yield what a bin has counted at each run of five minutes: an hour is scored while it lasts."""
    start, end = matrix.time(column), matrix.time(column + 1)
    if matrix.minutes < live_detection.HOUR:
        yield end, float(matrix.counts[row, column])
        return
    times = within[matrix.keys[row], start]
    step = timedelta(minutes=live_detection.FIVE)
    before = 0
    while start < end:
        start += step
        count = sum(at < start for at in times)
        if count > before:
            yield start, float(count)
        before = count


def p_value_of(part: baseline.ScoredBins, row: int, index: int, count: float) -> float:
    mean, spread = part.expected[row, index], part.spread[row, index]
    return float(stats.nbinom.sf(count - 1, 1 / spread, 1 / (1 + mean * spread)))


def ideal_delay(times: list[datetime], background: float) -> float | None:
    """Return after how many hours an observer is sure who knows topic, place, background and rate of an event.

    The test is Page's, on the likelihood ratio of two Poisson processes; by Lorden's bound it has as many false alarms
    as the budget of alerts allows one series. Source: Lorden (1971), Annals of Mathematical Statistics 42, 1897-1908.

    Args:
        times: The mentions of the topic and place since the event began, the first being its first.
        background: Mentions an hour before.
    """
    first_day = [at for at in times if at < times[0] + timedelta(days=1)]
    rate = max(len(first_day) / 24, 2 * background)
    gain, limit = np.log((rate + background) / background), np.log(7 * 24 / BUDGETS["listening"])
    total, before = 0.0, times[0]
    for at in times:
        total = max(0.0, total - rate * (at - before).total_seconds() / 3600) + gain
        before = at
        if total > limit:
            return (at - times[0]).total_seconds() / 3600
    return None


def matches(signal: lifecycle.Signal, event: Event) -> bool:
    """Say whether a signal matches an event: its topic, its time, and one of its places."""
    begins = datetime.combine(event.start, datetime.min.time()) - timedelta(hours=2)
    if TOPIC_OF[event.kind] != signal.topic or not (
        signal.opened_at < begins + timedelta(days=event.days + 1) and signal.updated_at > begins
    ):
        return False
    touched = {name[2:] for name in signal.touched if name.startswith("t:")}
    where = {territory_code(code) for code in event.departements}
    return (
        not where
        or bool(where & touched)
        or bool({region_of().get(code) for code in where} & touched)
        or touched == {"FR"}
    )


def figures_of_a_kind() -> dict[str, list]:
    return {
        "events": [], "watch_delays": [], "delays": [], "ideal": [], "missed": [], "as_rumour": [], "sharpened": []
    }  # fmt: skip


def measure(seed: int, first: date, last: date, watched: list[Topic]) -> dict[str, Any]:
    """Return what was noticed of one history."""
    mentions = list(tagged_mentions(seed, first, last, watched))
    hours = count_matrix(mentions, first, last, 60, departements_too=True)
    five_minute_bins = count_matrix(mentions, first, last, 5, departements_too=False)
    parents = region_of()
    parents |= dict.fromkeys(set(parents.values()), "FR")
    [threshold] = calibration.calibrate(hours, hours.column(hours.start + WARM_UP), parents)
    found, watched_at, alerted_at, rumours = replay(hours, five_minute_bins, parents, threshold, mentions)
    signals = [signal for signal in found if signal.is_sure]
    begin = (hours.start + WARM_UP).date()
    labelled = [
        event for event in events(seed, last) if event.start >= begin and event.start + timedelta(days=2) <= last
    ]
    kinds: dict[str, dict[str, list]] = defaultdict(figures_of_a_kind)
    for event in labelled:
        noticed = [signal for signal in signals if matches(signal, event)]
        kinds[event.kind]["events"].append(event.code)
        if not noticed:
            kinds[event.kind]["missed"].append(event.code)
            continue
        as_rumour = [rumours[signal.signal_id] for signal in noticed if signal.signal_id in rumours]
        if as_rumour:
            kinds[event.kind]["as_rumour"].append(event.code)
            first = min(alerted_at[signal.signal_id] for signal in noticed)
            kinds[event.kind]["sharpened"].append((min(as_rumour) - first).total_seconds() / 3600)
        places_of = {territory_code(code) for code in event.departements}
        starts = [
            at for at, codes, place, _ in mentions
            if TOPIC_OF[event.kind] in codes and (not places_of or place in places_of)
            and at >= datetime.combine(event.start, datetime.min.time()) - timedelta(hours=1)
        ]  # fmt: skip
        begun = min(starts)
        month = [at for at, codes, place, _ in mentions
                 if begun - timedelta(days=28) <= at < begun and TOPIC_OF[event.kind] in codes
                 and (not places_of or place in places_of)]  # fmt: skip
        kinds[event.kind]["ideal"].append(ideal_delay(sorted(starts), (len(month) + 0.5) / (28 * 24)))
        for name, since in (("watch_delays", watched_at), ("delays", alerted_at)):
            first_noticed = min(since[signal.signal_id] for signal in noticed)
            is_ongoing = first_noticed < begun
            kinds[event.kind][name].append(None if is_ongoing else (first_noticed - begun).total_seconds() / 3600)
    every = [*events(seed, last)]
    nothing = [signal for signal in found if not any(matches(signal, event) for event in every)]
    false = [signal for signal in nothing if signal.is_sure]
    return {
        "kinds": kinds,
        "false": false,
        "false_watched": len(nothing) - len(false),
        "signals": len(signals),
        "false_rumours": len(rumours.keys() & {signal.signal_id for signal in false}),
        "weeks": (last - begin).days / 7,
        "score": threshold.score,
        "mentions": len(mentions),
        "series": len(hours.keys) + len(five_minute_bins.keys),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[311, 312, 313])
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 4, 1))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2026, 11, 24))
    parser.add_argument("--words-only", action="store_true", help="without the listening tool's own profiles")
    options = parser.parse_args()
    watched = topics.read()
    if options.words_only:
        watched = [
            replace(topic, query=" ".join(term for term in topic.query.split() if not term.startswith("profil:")))
            for topic in watched
        ]
    total: dict[str, dict[str, list]] = defaultdict(figures_of_a_kind)
    false, weeks, signals, false_rumours, watched_in_vain = Counter(), 0.0, 0, 0, 0
    for seed in options.seeds:
        seen = measure(seed, options.first, options.last, watched)
        weeks += seen["weeks"]
        signals += seen["signals"]
        false_rumours += seen["false_rumours"]
        watched_in_vain += seen["false_watched"]
        false.update(signal.topic for signal in seen["false"])
        for kind, figures in seen["kinds"].items():
            for name, values in figures.items():
                total[kind][name] += values
        print(json.dumps({k: v for k, v in seen.items() if k not in ("kinds", "false")}, default=str))
        for signal in seen["false"]:
            print(
                "  false:",
                signal.topic,
                signal.territory,
                signal.opened_at,
                signal.strongest.observed,
                round(signal.strongest.expected, 2),
                signal.strongest.minutes,
                signal.kind,
            )
    print(
        "| kind | events | noticed | to watch, median h | alert, median h | ideal observer, median h | greatest, h"
        " | in an ongoing signal | missed | called rumour | hours after the signal |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for kind, figures in sorted(total.items()):
        delays = [delay for delay in figures["delays"] if delay is not None]
        ongoing = len(figures["delays"]) - len(delays)
        medians = " | ".join(median_of(figures[name]) for name in ("watch_delays", "delays", "ideal"))
        greatest = f"{max(delays):.1f}" if delays else "–"
        missed = ", ".join(figures["missed"]) or "–"
        called_so = f"{len(figures['as_rumour'])} | {statistics.median(figures['sharpened'] or [0.0]):.1f}"
        print(
            f"| {kind} | {len(figures['events'])} | {len(figures['delays'])} | {medians} | {greatest} | {ongoing}"
            f" | {missed} | {called_so} |"
        )
        if kind == "rumour":
            others = Counter(figures["events"]) - Counter(figures["as_rumour"]) - Counter(figures["missed"])
            print("not called rumour:", sorted(others.elements()))
    print(
        f"false alerts: {dict(false)} in {weeks:.1f} weeks, {sum(false.values()) / weeks:.2f} a week;"
        f" {signals} signals; {false_rumours} of the false ones called rumour;"
        f" {watched_in_vain / weeks:.2f} a week were watched and went away"
    )


def median_of(delays: Iterable[float | None]) -> str:
    known = [delay for delay in delays if delay is not None]
    return f"{statistics.median(known):.2f}" if known else "–"


if __name__ == "__main__":
    main()
