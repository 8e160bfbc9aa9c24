"""Replays a real event over a simulated background: whether it is noticed, when, and what is noticed in vain.

    python -m benchmarks.replay benchmarks/events/germanwings.csv --share 0.1 --picture germanwings.svg

The file is a CSV whose column `at` has times (ISO 8601, UTC where no zone is given). The columns `text` and `place`
(FR-33) are optional. So is `posts`, for files of counts: as many posts in the bin that begins then, all bins being as
long as the shortest distance of two rows. Lines before the header may be comments (#). The event keeps its weekday and
its hour in Paris. Runs and thresholds are those of `benchmarks.crises`.
"""

import argparse
import csv
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import dropwhile, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from analytics.anomaly import calibration
from analytics.anomaly.thresholds import BUDGETS, TOGETHER
from analytics.geo import geoparsing
from analytics.signals import topics
from analytics.signals.context import Mention
from analytics.signals.topic_tagging import OTHER
from analytics.signals.topics import Topic
from benchmarks import crises, posts, svg
from benchmarks.crises import WARM_UP, Replayed, TaggedMention
from core.clock import PARIS
from sandbox.places import departements

FIRST = date(2026, 2, 27)
#: Of the background, whole ones.
DAYS = 54
_PER_HOUR = 12  # bins of five minutes
_WEEK = timedelta(weeks=1)
_QUIET_SHAPE = 10.0  # of the negative binomial law, in the middle of what `posts` draws


def read(file: Path, watched: Iterable[Topic], topic: str | None = None) -> list[TaggedMention]:
    """Return the posts of an event, oldest first.

    Args:
        file: The CSV.
        watched: Topics that texts are looked for.
        topic: Topic of all posts; without it, what the text is on, and `autres` without a text.

    Raises:
        SystemExit: the file cannot be read, has no column `at`, no post, or a row that is wrong.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{file}: {error}. Give a CSV in UTF-8.") from error
    rows = [*csv.DictReader(dropwhile(lambda line: line.startswith("#"), lines))]
    if not rows or "at" not in rows[0]:
        raise SystemExit(f"{file}: no column `at` with times; the first line names the columns.")
    try:
        times = [_utc(row["at"]) for row in rows]
        counts = [int(row.get("posts") or 1) for row in rows]
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{file}: {error}. A row has a time such as 2015-01-07T11:05Z and a whole number.") from error
    bin_length = min((later - at for at, later in pairwise(sorted(set(times)))), default=timedelta(0))
    tagged = partial(_tagged, watched=[*watched], topic=topic)
    found = [
        tagged(at + bin_length * rank / count, row.get("text") or "", row.get("place") or "")
        for at, count, row in zip(times, counts, rows, strict=True)
        for rank in range(count)
    ]
    if not found:
        raise SystemExit(f"{file}: no post.")
    return sorted(found, key=lambda post: post.at)


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)).replace(tzinfo=None)


def _tagged(at: datetime, text: str, place: str, *, watched: Sequence[Topic], topic: str | None) -> TaggedMention:
    folded = topics.folded(text)
    found = (topic,) if topic else tuple(one.code for one in watched if one.compiled.finds(folded))
    place = place or (geoparsing.territory(text) if text else None) or ""
    return TaggedMention(at, found or (OTHER,), place, _mention(at, text))


def _mention(at: datetime, text: str | None = None) -> Mention:
    return Mention(f"{at:%Y%m%d%H%M%S%f}", at, "all", None, text, None, None, None, None, None, None)


def quiet(draw: np.random.Generator, per_bin: float) -> np.ndarray:
    """Return counts with the season of days and weeks and a wandering interest, without bursts."""
    rate = posts.season(draw, 1.0, memory=(12, 200), noise=(0.15, 0.35), amplitude=(0.3, 1.0))
    return draw.negative_binomial(_QUIET_SHAPE, _QUIET_SHAPE / (_QUIET_SHAPE + rate * per_bin / rate.mean()))


def bursts(draw: np.random.Generator, per_bin: float) -> np.ndarray:
    """Return counts with heavy-tailed bursts, one to six a day, all of which are ordinary here."""
    counts = np.array(posts.doubtful(draw).counts)
    return draw.binomial(counts, min(1.0, per_bin / counts.mean()))


BACKGROUNDS: Mapping[str, Callable[[np.random.Generator, float], np.ndarray]] = {"quiet": quiet, "bursts": bursts}


def background(
    draw: np.random.Generator, counted: Callable[[np.random.Generator, float], np.ndarray], rates: Mapping[str, float]
) -> Iterator[TaggedMention]:
    """Yield the ordinary mentions of some topics, in places as populous as they are.

    Args:
        draw: Where chance comes from.
        counted: One of `BACKGROUNDS`.
        rates: Mentions an hour in the nation, by topic.
    """
    known = departements()
    codes = np.array([crises.territory_code(place.code) for place in known])
    weights = np.array([place.population for place in known], dtype=float)
    start = datetime.combine(FIRST, datetime.min.time())
    for topic, rate in rates.items():
        counts = counted(draw, rate / _PER_HOUR)[: DAYS * 24 * _PER_HOUR]
        minutes = 5 * (np.repeat(np.arange(len(counts)), counts) + draw.random(counts.sum()))
        places = draw.choice(codes, size=len(minutes), p=weights / weights.sum())
        for minute, place in zip(minutes.tolist(), places.tolist(), strict=True):
            at = start + timedelta(minutes=minute)
            yield TaggedMention(at, (topic,), place, _mention(at))


def shift(begins: datetime) -> timedelta:
    """Return how far an event is moved: by whole weeks on the clock of Paris, to a day after the month to learn."""
    earliest = datetime.combine(FIRST, datetime.min.time()) + WARM_UP + timedelta(days=1)
    clock = begins.replace(tzinfo=UTC).astimezone(PARIS).replace(tzinfo=None)
    moved = clock - (clock - earliest) // _WEEK * _WEEK
    return moved.replace(tzinfo=PARIS).astimezone(UTC).replace(tzinfo=None) - begins


class Outcome(NamedTuple):
    """What one replay has noticed; minutes are from the first post of the event, None where it was not."""

    found: bool
    watched_minutes: float | None
    alerted_minutes: float | None
    posts: int | None
    """Of the event, before the alert."""
    false: int
    watched_in_vain: int


def outcome(replayed: Replayed, event: Sequence[TaggedMention]) -> Outcome:
    """Return what was noticed of an event, and what else.

    A signal is of the event if it has one of its topics and lasts while the event does, or opens until a day after it.
    Where it was there before the event, the event is found, and nothing is known of the delay.
    """
    on = {topic for post in event for topic in post.topics}
    begins, ends = event[0].at, event[-1].at + TOGETHER
    own = [
        signal
        for signal in replayed.signals
        if signal.topic in on and signal.updated_at > begins and signal.opened_at < ends
    ]
    others = [signal for signal in replayed.signals if signal not in own]
    watched, alerted = (
        min((at[signal.signal_id] for signal in own if signal.signal_id in at), default=None)
        for at in (replayed.watched, replayed.alerted)
    )
    return Outcome(
        found=alerted is not None,
        watched_minutes=_minutes(begins, watched),
        alerted_minutes=_minutes(begins, alerted),
        posts=sum(post.at < alerted for post in event) if alerted and alerted >= begins else None,
        false=sum(signal.is_sure for signal in others),
        watched_in_vain=sum(not signal.is_sure for signal in others),
    )


def _minutes(begins: datetime, at: datetime | None) -> float | None:
    return (at - begins).total_seconds() / 60 if at is not None and at >= begins else None


def with_budget(threshold: calibration.Threshold, budget: float) -> calibration.Threshold:
    """Return a threshold for another budget of false alerts per series and week, as verdicts move it."""
    lower = float(np.log10(budget / threshold.alerts_per_series_week))
    return replace(threshold, score=threshold.score - lower, watch_score=threshold.watch_score - lower)


def replays(mentions: list[TaggedMention], budgets: Iterable[float]) -> Iterator[tuple[float, Replayed]]:
    """Yield by budget what runs every five minutes would have found."""
    last = FIRST + timedelta(days=DAYS - 1)
    hours = crises.count_matrix(mentions, FIRST, last, 60, departements_too=True)
    five_minute_bins = crises.count_matrix(mentions, FIRST, last, 5, departements_too=False)
    parents = crises.region_of()
    parents |= dict.fromkeys(set(parents.values()), "FR")
    [threshold] = calibration.calibrate(hours, hours.column(hours.start + WARM_UP), parents)
    for budget in budgets:
        yield budget, crises.replay(hours, five_minute_bins, parents, with_budget(threshold, budget), mentions)


def row(budget: float, outcomes: Sequence[Outcome]) -> str:
    """Return a line of the table."""
    weeks = (DAYS - WARM_UP.days) / 7 * len(outcomes)
    cells = [
        f"{budget:g}",
        f"{sum(one.found for one in outcomes)} of {len(outcomes)}",
        _median(one.watched_minutes for one in outcomes),
        _median(one.alerted_minutes for one in outcomes),
        _median(one.posts for one in outcomes),
        f"{sum(one.false for one in outcomes) / weeks:.2f}",
        f"{sum(one.watched_in_vain for one in outcomes) / weeks:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.0f} (≤ {max(known):.0f})" if known else "–"


WIDTH, HEIGHT, SIDE, TOP, BOTTOM = 900, 300, 40, 76, 40
MARKS = ("#555555", "#c77700", "#b00020")
SHOWN_BEFORE, SHOWN = timedelta(hours=3), timedelta(hours=24)
_BIN = timedelta(minutes=5)


def picture(title: str, event: Sequence[TaggedMention], mentions: Iterable[TaggedMention], seen: Outcome) -> str:
    """Return an SVG: bins of five minutes of the event's topics, the event itself darker, and when it was noticed."""
    on = {topic for post in event for topic in post.topics}
    begins = event[0].at
    first = begins - SHOWN_BEFORE
    span = SHOWN_BEFORE + min(SHOWN, event[-1].at - begins + timedelta(hours=1))
    every = _in_bins((one.at for one in mentions if on & {*one.topics}), first, span)
    own = _in_bins((post.at for post in event), first, span)
    most, height, bottom = max(every.values()), HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM

    def x(since: timedelta) -> float:
        return round(SIDE + (WIDTH - 2 * SIDE) * (since / span), 1)

    parts = [svg.text(SIDE, 20, f"{title}: posts in five minutes, at most {most}")]
    for counts, colour in ((every, "#b8c4d6"), (own, "#2f5b9c")):
        parts += [
            f'<rect x="{x(index * _BIN)}" y="{bottom - height * count / most:.1f}" width="{x(_BIN) - SIDE:.1f}"'
            f' height="{height * count / most:.1f}" fill="{colour}"/>'
            for index, count in sorted(counts.items())
        ]
    instants = (("first post", 0.0), ("to watch", seen.watched_minutes), ("alert", seen.alerted_minutes))
    for rank, (name, minutes) in enumerate(instants):
        if minutes is not None:
            at, y, colour = x(SHOWN_BEFORE + timedelta(minutes=minutes)), 42 + 14 * rank, MARKS[rank]
            parts.append(f'<line x1="{at}" y1="{y - 10}" x2="{at}" y2="{bottom}" stroke="{colour}"/>')
            parts.append(svg.text(at + 4, y, f"{name}, {minutes:.0f} min", colour))
    for at in (timedelta(0), SHOWN_BEFORE, span - _BIN * 12):
        parts.append(svg.text(x(at), HEIGHT - 20, f"{(at - SHOWN_BEFORE) / timedelta(hours=1):+.0f} h"))
    return svg.picture(WIDTH, HEIGHT, parts)


def _in_bins(times: Iterable[datetime], first: datetime, span: timedelta) -> Counter[int]:
    return Counter((at - first) // _BIN for at in times if first <= at < first + span)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--topic", help="topic of all posts; without it, what the text is on, or none")
    parser.add_argument("--share", type=float, default=1.0, help="share of the posts that the listening tool finds")
    parser.add_argument("--background", choices=BACKGROUNDS, default="quiet")
    parser.add_argument("--rate", type=float, default=0.5, help="ordinary mentions an hour of each topic of the event")
    parser.add_argument("--others", type=float, default=15.0, help="ordinary mentions an hour on no topic")
    parser.add_argument("--backgrounds", type=int, default=5, help="how often, each time over another background")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--budgets", type=float, nargs="+", default=[BUDGETS["listening"], 0.01, 0.0005],
        help="false alerts per series and week; above 0.1 no more is found, and above 0.01 no more is watched",
    )  # fmt: skip
    parser.add_argument("--picture", type=Path, help="an SVG of the first background, at the first budget")
    given = parser.parse_args()
    read_posts = read(given.file, topics.read(), given.topic)
    away = shift(read_posts[0].at)
    outcomes: dict[float, list[Outcome]] = {budget: [] for budget in given.budgets}
    ideal: list[float | None] = []
    for seed in range(given.seed, given.seed + given.backgrounds):
        draw = np.random.default_rng(seed)
        event = [post._replace(at=post.at + away) for post in read_posts if draw.random() < given.share]
        if not event:
            raise SystemExit(f"{given.file}: of so small a share no post is found; give a greater one.")
        on = {topic for post in event for topic in post.topics}
        rates = dict.fromkeys(on, given.rate) | {OTHER: given.others}
        hours = crises.ideal_delay([post.at for post in event], sum(rates[topic] for topic in on))
        ideal.append(None if hours is None else 60 * hours)
        mentions = [*background(draw, BACKGROUNDS[given.background], rates), *event]
        for budget, replayed in replays(mentions, given.budgets):
            outcomes[budget].append(outcome(replayed, event))
        if given.picture and seed == given.seed:
            given.picture.write_text(
                picture(given.file.stem, event, mentions, outcomes[given.budgets[0]][0]), encoding="utf-8"
            )
    print(
        f"{given.file.name}: {len(read_posts)} posts, of which {given.share:.0%} are found;"
        f" background {given.background}, {given.rate:g} an hour of its topic, {given.others:g} of others;"
        f" an ideal observer, who knows topic and rate: {_median(ideal)} min\n\n"
        "| budget, false alerts per series and week | found | to watch, median min | alert, median min"
        " | posts before it | false alerts a week | watched in vain a week |\n|---|---|---|---|---|---|---|"
    )
    for budget, found in outcomes.items():
        print(row(budget, found))


if __name__ == "__main__":
    main()
