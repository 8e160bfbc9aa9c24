"""Measures effects that the sandbox lacks: waves of publications, changes of a service, repeated looks at both.

Nothing in the sandbox changes when a wave passes or a service is changed. The benchmark adds effects of known size to
its counts, at random places and days, and measures them as a build does, beside the sandbox's own actions.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np

from analytics.impact import Action, Certainty, Entry, Finding, examine, read
from analytics.impact.hours import DAY, HOUR, midnight, read_hourly
from analytics.impact.targets import answers_to_events
from benchmarks.impact import ByDay, Comparison, by_day, kpi, register, series, share
from sandbox.events import START
from sandbox.listening import mentions_of
from sandbox.periods import days
from sandbox.places import departements
from sandbox.social_accounts import counts, local_accounts

CHANGE, NEWS, POSTS = "Évolution de service en ligne", "Actualités Ma Sécurité", "Publications exceptionnelles"


@dataclass(frozen=True)
class Kind:
    """A kind of action and one KPI on which it is measured.

    Args:
        name: Of the kind.
        code: Of the KPI.
        days: Fewest and most days that an action lasts, drawn evenly.
        stays: Whether its effect stays for good; else it is gone a fortnight after the last day.
    """

    name: str
    code: str
    days: tuple[int, int]
    stays: bool = False


KINDS = (
    Kind(CHANGE, "pre_complaints", (1, 1), stays=True),
    Kind(CHANGE, "perceval_reports", (1, 1), stays=True),
    Kind(NEWS, "mentions", (2, 10)),
    Kind(NEWS, "perceval_reports", (2, 10)),
    Kind(NEWS, "victims_assisted", (2, 10)),
    Kind(POSTS, "mentions", (5, 20)),
    Kind(POSTS, "engagement_rate", (7, 21)),
)
FADES_DAYS = 14
#: Half of the actions change nothing; the others between half and double.
LARGEST = np.log(2)
#: Bounds of the true mean effect over the window, as the logarithm of a ratio, either way.
SIZES = (1e-9, np.log(1.1), np.log(1.2), np.log(1.4), np.log(2.1))
BEFORE = 120  # days of history that every action drawn has at least
KPIS_BY_DAY = ("pre_complaints", "mentions")
LOOK_DAYS = 27
LOOK_HOURS = (6, 12, 24, 48, 96, 144, 240, 384, 528, 670)
HEARD_DAYS = 60


@dataclass(frozen=True)
class Tried:
    """An action that changes a count by a known ratio."""

    action: Action
    ratio: float
    stays: bool

    @property
    def place(self) -> str:
        return self.action.territories[0]

    def left(self, day: date) -> float:
        """Return by what it multiplies the count of a day."""
        first, last = self.action.started_on, self.action.ended_on
        assert first
        assert last
        if day < first:
            return 1.0
        fading = 0.0 if self.stays else max((day - last).days, 0) / FADES_DAYS
        return float(self.ratio ** max(1.0 - fading, 0.0))


def drawn(chance: np.random.Generator, kind: Kind, number: int, until: date) -> list[Tried]:
    """Draw actions of a kind: where, when, how long, and what they change."""
    codes = [place.code for place in departements() if len(place.code) == len("2A")]
    tried = []
    for rank in range(number):
        first = START + timedelta(days=int(chance.integers(BEFORE, (until - START).days)))
        last = first + timedelta(days=int(chance.integers(kind.days[0], kind.days[1] + 1)) - 1)
        place = codes[int(chance.integers(len(codes)))]
        ratio = float(np.exp(chance.uniform(-LARGEST, LARGEST))) if chance.random() < 0.5 else 1.0  # noqa: PLR2004
        action = Action(f"{kind.name}-{rank}", first, last, (place,), False, frozenset({kind.code}))
        tried.append(Tried(action, ratio, kind.stays))
    return tried


def changed(chance: np.random.Generator, number: int, ratio: float) -> int:
    """Return what is left of a count, or what it has become: records that are taken away or come, one by one."""
    return int(chance.binomial(number, ratio)) if ratio < 1 else number + int(chance.poisson((ratio - 1) * number))


def touched(chance: np.random.Generator, original: ByDay, tried: Sequence[Tried]) -> ByDay:
    """Return the counts with what the actions change."""
    found = {day: dict(places) for day, places in original.items()}
    for trial in tried:
        if trial.ratio == 1.0:
            continue
        for day, places in found.items():
            if places.get(trial.place) and trial.left(day) != 1.0:
                places[trial.place] = changed(chance, places[trial.place], trial.left(day))
    return found


def truth(trial: Tried, original: ByDay, window: Sequence[date]) -> float:
    """Return the true mean effect over a window, days weighing what they would have counted."""
    # A little beside the counts, so that a window in which nothing was counted has an effect too.
    weights = [original[day].get(trial.place, 0) + 1e-6 for day in window]
    return float(np.average([trial.left(day) for day in window], weights=weights))


def mentions_by_hour(seed: int, until: date) -> dict[date, Counter[tuple[str, datetime]]]:
    """Return the mentions of each day of Paris by place and hour."""
    codes = {place.name: place.code for place in departements()}
    return {
        day: Counter(
            (
                codes[mention["extra_source_attributes"]["world_data"]["region"]],
                datetime.fromtimestamp(mention["published"] // 3_600_000 * 3_600, UTC).replace(tzinfo=None),
            )
            for mention in mentions_of(seed, day)
        )
        for day in days(START, until)
    }


def in_days(heard: Mapping[date, Counter[tuple[str, datetime]]]) -> ByDay:
    found = {}
    for day, cells in heard.items():
        places: Counter[str] = Counter()
        for (place, _), number in cells.items():
            places[place] += number
        found[day] = dict(places)
    return found


def engagements(seed: int, until: date) -> tuple[ByDay, ByDay]:
    """Return the engagements, and the followers that they are counted among, of the accounts of the départements."""
    found: dict[date, dict[str, int]] = {day: {} for day in days(START, until)}
    among: dict[date, dict[str, int]] = {day: {} for day in days(START, until)}
    for day, places in found.items():
        if day.weekday():
            continue
        for (network, account), (place, _) in local_accounts().items():
            followers, _, _, number = counts(seed, network, account, day)
            places[place] = places.get(place, 0) + number
            among[day][place] = among[day].get(place, 0) + followers
    return found, among


@dataclass(frozen=True)
class Known:
    """One history: counts by day, what shares are counted among, mentions by the hour, and the register."""

    counts: Mapping[str, ByDay]
    among: Mapping[str, ByDay]
    heard: Mapping[date, Counter[tuple[str, datetime]]]
    others: Sequence[Entry]


def history(seed: int, until: date) -> Known:
    heard = mentions_by_hour(seed, until)
    reacted, among = engagements(seed, until)
    counts_by_day = by_day(seed, until) | {"mentions": in_days(heard), "engagement_rate": reacted}
    return Known(counts_by_day, {"engagement_rate": among}, heard, register(seed, until))


def compared(
    chance: np.random.Generator, kind: Kind, tried: Sequence[Tried], known: Known, until: date
) -> Iterator[Comparison]:
    """Measure actions of a kind beside the register, and compare each with its true effect."""
    original = known.counts[kind.code]
    entries = [Entry(trial.action, False, answers_to_events(kind.name)) for trial in tried]
    measured_kpi = kpi(kind.code, touched(chance, original, tried), until, known.among.get(kind.code))
    by_name = {trial.action.action_id: trial for trial in tried}
    for reading in read([*entries, *known.others], {kind.code: measured_kpi}, until):
        trial, finding = by_name.get(reading.action_id), reading.finding
        if trial is None or finding.effect is None or not finding.window_is_over:
            continue
        assert finding.last_day
        yield Comparison(reading, truth(trial, original, list(days(finding.starts[0], finding.last_day))), 0)


@dataclass(frozen=True)
class Looks:
    """Repeated looks at one running action, each a separate measurement.

    Args:
        ratio: The true effect.
        excluded: Whether any look excluded "no effect".
        held: Whether the sequential interval held the true effect at every look.
    """

    ratio: float
    excluded: bool
    held: bool


def together(ratio: float, findings: Iterable[Finding]) -> Looks | None:
    """Return the looks together; None where no look had an effect."""
    intervals = [finding.effect.sequential_ratio for finding in findings if finding.effect]
    if not intervals:
        return None
    return Looks(
        ratio,
        any(interval.excludes(1.0) for interval in intervals),
        not any(interval.excludes(ratio) for interval in intervals),
    )


def looks_by_day(
    chance: np.random.Generator, code: str, known: Known, number: int, until: date
) -> Iterator[Looks | None]:
    """Measure each action every day but the last of its window, as the daily build does."""
    original = known.counts[code]
    tried = drawn(chance, Kind(NEWS, code, (1, 1), stays=True), number, until - LOOK_DAYS * DAY)
    daily_series = series(code, touched(chance, original, tried), until, period_type="day")
    assert daily_series
    actions = [trial.action for trial in tried] + [
        action.action for action in known.others if code in action.action.targets
    ]
    for trial in tried:
        assert trial.action.started_on
        ends = [trial.action.started_on + step * DAY for step in range(LOOK_DAYS)]
        yield together(
            trial.ratio, [examine(trial.action, replace(daily_series, known_until=end), actions, end) for end in ends]
        )


def looks_by_hour(chance: np.random.Generator, known: Known, number: int, until: date) -> Iterator[Looks | None]:
    """Measure each action at some hours of its window, as the live build does, from sixty days of hours."""
    for trial in drawn(chance, Kind(NEWS, "mentions", (1, 1), stays=True), number, until - HEARD_DAYS * DAY):
        first = trial.action.started_on
        assert first
        begin = midnight(first)
        cells = [
            (place, at, changed(chance, heard, trial.ratio) if place == trial.place and at >= begin else heard)
            for day in days(first - HEARD_DAYS * DAY, first + LOOK_DAYS * DAY)
            for (place, at), heard in known.heard[day].items()
        ]
        looks = (read_hourly("mentions", [trial.action], cells, begin + hour * HOUR) for hour in LOOK_HOURS)
        yield together(trial.ratio, [reading.finding for readings in looks for reading in readings])


def report(kind: Kind, found: Sequence[Comparison]) -> None:
    still = [trial for trial in found if trial.truth == 1.0]
    moved = [trial for trial in found if trial.truth != 1.0]
    print(f"{kind.name}, {kind.code}: {len(found)} measured, {len(moved)} with a true effect")
    print("  90 % intervals that hold the truth:", share([trial.is_covered for trial in found]))
    print("  - with a true effect:              ", share([trial.is_covered for trial in moved]))
    print("  without effect, outside 90 %:      ", share([trial.stands_out for trial in still]))
    print(
        "  without effect, yet probable:      ",
        share([trial.reading.certainty is Certainty.probable for trial in still]),
    )
    for low, high in pairwise(SIZES):
        some = [trial.stands_out for trial in moved if low <= abs(np.log(trial.truth)) < high]
        print(f"  seen, {np.exp(low):.2f} to {np.exp(high):.2f} times:         ", share(some))


def report_looks(name: str, found: Sequence[Looks | None]) -> None:
    measured = [trial for trial in found if trial]
    print(f"{name}: {len(measured)} of {len(found)} could be measured")
    print("  without effect, ever excluded:     ", share([trial.excluded for trial in measured if trial.ratio == 1.0]))
    print("  with one, held at every look:      ", share([trial.held for trial in measured if trial.ratio != 1.0]))
    print("  with one, excluded at some look:   ", share([trial.excluded for trial in measured if trial.ratio != 1.0]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.impact_kinds")
    parser.add_argument("--seeds", type=int, nargs="+", default=[17, 101, 202, 303])
    parser.add_argument("--until", type=date.fromisoformat, default=date(2027, 12, 31))
    parser.add_argument("--actions", type=int, default=60, help="of each kind and KPI in each history")
    parser.add_argument(
        "--looked", type=int, default=24, help="running actions that are measured repeatedly, in each history"
    )
    options = parser.parse_args()
    found: dict[Kind, list[Comparison]] = defaultdict(list)
    by_look: dict[str, list[Looks | None]] = defaultdict(list)
    for seed in options.seeds:
        chance, known = np.random.default_rng(seed), history(seed, options.until)
        for kind in KINDS:
            tried = drawn(chance, kind, options.actions, options.until)
            found[kind] += compared(chance, kind, tried, known, options.until)
        for code in KPIS_BY_DAY:
            by_look[f"{code}, every day"] += looks_by_day(chance, code, known, options.looked, options.until)
        by_look["mentions, by the hour"] += looks_by_hour(chance, known, options.looked, options.until)
        print(f"seed {seed} is measured", flush=True)
    for kind, some in found.items():
        report(kind, some)
    for name, looks in by_look.items():
        report_looks(name, looks)


if __name__ == "__main__":
    main()
