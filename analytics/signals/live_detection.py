"""One run over all live series: what stands out now. It reads rows and gives findings; what they become is `story`."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import numpy as np

from analytics.anomaly import alert_budget, baseline, calibration, streaming
from analytics.anomaly.baseline import Finding, Grid, Judged, Key
from analytics.anomaly.calibration import Threshold
from analytics.anomaly.count_distributions import combined_p_value
from analytics.signals.topic_tagging import ALL

FIVE, HOUR = 5, 60

#: A bin of five minutes is closed for good when it is so old: later mentions of it are told by the hours alone.
CLOSED_AFTER = timedelta(minutes=30)
#: So far back hours are judged again, for mentions that were found late.
LOOKED_BACK_HOURS = 48
#: As far looks a home that has no signal yet.
FIRST_LOOK_HOURS = 7 * 24
_FORGOTTEN_AFTER = timedelta(days=28)
_BUSY = 1.0  # a series of five minutes that counts so many is the detector's too
_FALSE_DISCOVERY_RATE = 0.05

#: Topic, platform, territory, beginning of the bin, mentions, mentions of all topics, negative mentions.
Row = tuple[str, str, str, datetime, int, int, int]

CHAT = "brigade_numerique"


def grids(rows: Iterable[Row], now: datetime, minutes: int) -> list[Grid]:
    """Return one grid of the networks and one of the chat, each from its first record on.

    Args:
        rows: Bins that are not zero.
        now: Instant up to which there are data.
        minutes: Length of a bin.
    """
    told: dict[bool, list[tuple[Key, datetime, float, float]]] = {False: [], True: []}
    for topic, platform, territory, at, mentions, total, negative in rows:
        is_chat = platform == CHAT
        key = Key(topic, "chat_contacts" if is_chat else "mentions", platform, territory)
        told[is_chat].append((key, at, mentions, total))
        if negative and not is_chat and platform == "all":
            told[is_chat].append((Key(topic, "negative", platform, territory), at, negative, total))
    made = []
    step = timedelta(minutes=minutes)
    for is_chat, some in told.items():
        if some:
            first, last = min(at for _, at, _, _ in some), max(at for _, at, _, _ in some)
            until = (
                last if is_chat else max(first, now)
            )  # the chat comes in files: what is behind its last is not known
            made.append(baseline.grid(some, first, first + (until - first) // step * step, minutes))
    return made


def learn(rows: Iterable[Row], now: datetime, learnt: dict[Key, streaming.Learnt], history: streaming.History) -> None:
    """Let the streaming detectors learn the bins that are closed for good; `learnt` and `history` change in place."""
    for one in grids(rows, now, FIVE):
        closed = min(one.counts.shape[1], one.column(now - CLOSED_AFTER))
        if closed > 0:
            streaming.advance(one, closed, learnt, history)
    for key in [key for key, known in learnt.items() if known.until < now - _FORGOTTEN_AFTER]:
        del learnt[key]


def look(  # noqa: PLR0917 - all that a run knows
    hours: Iterable[Row],
    fives: Iterable[Row],
    now: datetime,
    learnt: Mapping[Key, streaming.Learnt],
    history: streaming.History,
    thresholds: Iterable[Threshold],
    *,
    looked_back_hours: int = LOOKED_BACK_HOURS,
) -> list[Finding]:
    """Return what stands out in the last hours, in the open bins of five minutes, and in two of these together.

    Args:
        hours: Hourly bins that are not zero.
        fives: Bins of five minutes that are not zero.
        now: Instant up to which there are data.
        learnt: What the streaming detectors know.
        history: Their scores.
        thresholds: Those of the hours, see `calibration`.
        looked_back_hours: Hours that are judged, the open one included.
    """
    of_hours, of_fives = (calibration.scores(list(thresholds), minutes) for minutes in (HOUR, FIVE))
    judged: list[tuple[Grid, Judged, Mapping[str, float]]] = []
    silent: list[Finding] = []
    for one in grids(hours, now, HOUR):
        last = one.counts.shape[1]
        first = max(0, last - looked_back_hours)
        judged.append((_topics(one), baseline.judge(_topics(one), range(first, last)), of_hours))
        whole = min(last, one.column(now))
        silent += baseline.drops(_all(one), range(max(first, whole - 3), whole))
    for one in map(_topics, grids(fives, now, FIVE)):
        judged.append((one, _with_detectors(one, _open(one, now), learnt, history), of_fives))
        # Pairs are looked at as often as bins are, for one ends with each bin: they have the threshold of bins.
        two = baseline.paired(one)
        whole = range(max(0, two.column(now - CLOSED_AFTER) + 1), two.counts.shape[1])  # both of their bins are open
        judged.append((two, baseline.judge(two, whole), of_fives))
    tests = sum(part.p_values.size for _, part, _ in judged)
    accepted = _accepted([part for _, part, _ in judged])
    found = [
        finding
        for (one, part, scores), passed in zip(judged, accepted, strict=True)
        for finding in baseline.findings(one, part, scores, passed, tests)
    ]
    return baseline.without_told_pairs(found) + silent


def _open(one: Grid, now: datetime) -> range:
    """Return the bins that are not closed for good."""
    return range(max(0, one.column(now - CLOSED_AFTER)), one.counts.shape[1])


def _topics(one: Grid) -> Grid:
    return _some(one, [row for row, key in enumerate(one.keys) if key.topic != ALL])


def _all(one: Grid) -> Grid:
    return _some(one, [row for row, key in enumerate(one.keys) if key.topic == ALL and key.metric != "negative"])


def _some(one: Grid, rows: list[int]) -> Grid:
    return Grid(tuple(one.keys[row] for row in rows), one.start, one.minutes, one.counts[rows], one.others[rows])


def _with_detectors(
    one: Grid, columns: range, learnt: Mapping[Key, streaming.Learnt], history: streaming.History
) -> Judged:
    """Return what the law of the season says, and of busy series the detector too, as one probability."""
    by_law = baseline.judge(one, columns)
    busy = [row for row in range(len(one.keys)) if one.counts[row].mean() >= _BUSY]
    if busy:
        of_detectors = streaming.open_p_values(_some(one, busy), columns, learnt, history)
        for place, row in enumerate(busy):
            for index in range(len(columns)):
                both = [float(by_law.p_values[row, index]), float(of_detectors[place, index])]
                by_law.p_values[row, index] = combined_p_value(both)
    return by_law


def _accepted(parts: list[Judged]) -> list[np.ndarray]:
    """Return which bins of a run stand out among all of them."""
    every = np.concatenate([part.p_values.ravel() for part in parts]) if parts else np.zeros(0)
    passed = np.array(alert_budget.discoveries(every.tolist(), _FALSE_DISCOVERY_RATE), dtype=bool)
    cuts = np.cumsum([part.p_values.size for part in parts])[:-1]
    return [
        some.reshape(part.p_values.shape)
        for some, part in zip(np.split(passed, cuts) if parts else [], parts, strict=True)
    ]


def calibrate(hours: Iterable[Row], now: datetime, territory_parents: Mapping[str, str]) -> list[Threshold]:
    """Return the thresholds of the hours, from the whole days before."""
    found = []
    for one in grids(hours, now, HOUR):
        found += calibration.calibrate(_topics(one), min(one.counts.shape[1], one.column(now)), territory_parents)
    return found


def band(
    hours: Iterable[Row], now: datetime, thresholds: Iterable[Threshold], pinned: Iterable[tuple[str, str]] = ()
) -> list[tuple[str, str, datetime, float, float, float]]:
    """Return topic, territory, hour, mentions, what was expected and up to where they would not have alarmed.

    Args:
        hours: Hourly bins that are not zero.
        now: Instant up to which there are data.
        thresholds: Those of the hours.
        pinned: Topics and territories that are told even where nothing was counted.
    """
    limits = calibration.scores(thresholds, HOUR)
    rows = [row for row in hours if row[1] != CHAT]
    silent = set(pinned) - {(topic, territory) for topic, _, territory, *_ in rows}
    rows += [(topic, "all", territory, rows[0][3], 0, 0, 0) for topic, territory in silent if rows]
    told = []
    for one in grids(rows, now, HOUR):
        columns = range(max(0, one.counts.shape[1] - FIRST_LOOK_HOURS), one.counts.shape[1])
        judged = baseline.judge(one, columns)
        uppers = judged.uppers(np.array([limits[baseline.domain(key)] for key in one.keys]))
        told += [
            (key.topic, key.territory, one.time(column), float(one.counts[row, column]),
             float(judged.expected[row, index]), float(uppers[row, index]))
            for row, key in enumerate(one.keys) if key.metric == "mentions"
            for index, column in enumerate(columns)
        ]  # fmt: skip
    return told
