"""Measures how well effects of actions are estimated on the sandbox, and how fast."""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from analytics.impact import Action, Certainty, Entry, Kpi, Reading, Series, read, series_of
from analytics.impact.targets import mapping, targets
from benchmarks import svg
from sandbox import cybermalveillance, perceval, pre_plainte
from sandbox.effects import remaining
from sandbox.events import START
from sandbox.files import csv_bytes
from sandbox.periods import days
from sandbox.places import departements
from sandbox.prevention_actions import HEADER, actions_of

#: Bounds of the true effect, as the share of records that it takes away over the window.
SIZES = (0.0, 0.001, 0.05, 0.10, 0.15, 0.20, 0.30, 0.41)
CODES = ("pre_complaints", "perceval_reports", "victims_assisted")
#: KPIs whose effects are measured by the week; the others have months only.
WEEKLY = {"pre_complaints", "mentions"}
TICKS = (0.0, 0.1, 0.2, 0.3)
LEAST_SHOWN = 5  # effects behind a point
MONTHS_OF_PAST = (11, 17, 23, 36)

#: A count by day and département.
ByDay = Mapping[date, Mapping[str, int]]


@dataclass(frozen=True)
class Comparison:
    """A measured effect beside the truth: both as the ratio of what was counted to what would have been."""

    reading: Reading
    truth: float
    months: int

    @property
    def is_covered(self) -> bool:
        assert self.reading.finding.effect
        return not self.reading.finding.effect.ratio_interval.excludes(self.truth)

    @property
    def stands_out(self) -> bool:
        assert self.reading.finding.effect
        return self.reading.finding.effect.ratio_interval.excludes(1.0)


def by_day(seed: int, until: date) -> dict[str, ByDay]:
    """Return the counts of each KPI by day and département, as the platforms would show them."""
    found: dict[str, dict[date, dict[str, int]]] = {
        "pre_complaints": {},
        "perceval_reports": {},
        "victims_assisted": {},
    }
    for offset in range((until - START).days + 1):
        day = START + timedelta(days=offset)
        found["perceval_reports"][day] = dict(perceval.reports_of(seed, day).by_departement)
        declared: dict[str, int] = defaultdict(int)
        for row in pre_plainte.declarations_of(seed, day):
            declared[str(row[3]).removesuffix("C").zfill(2)] += 1
        found["pre_complaints"][day] = declared
        victims: dict[str, int] = defaultdict(int)
        for row in cybermalveillance.cases_of(seed, day):
            victims[str(row[3])] += int(row[4] or 0)
        found["victims_assisted"][day] = victims
    return found


def period_of(period_type: str, day: date) -> date:
    match period_type:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


def series(
    code: str, days: ByDay, until: date, *, period_type: str | None = None, among: ByDay | None = None
) -> Series | None:
    """Return a KPI as a build reads it.

    Args:
        code: Its code.
        days: What was counted, by day and département.
        until: Last day that is known.
        period_type: Day, week or month; where none is given, the one that effects are measured in.
        among: What it was counted among, for a share.
    """
    grain = period_type or ("week" if code in WEEKLY else "month")
    cells: dict[tuple[str, date], int] = defaultdict(int)
    wholes: dict[tuple[str, date], int] = defaultdict(int)
    last_days: dict[date, date] = {}
    for day, places in days.items():
        start = period_of(grain, day)
        last_days[start] = day
        for place, number in places.items():
            cells[place, start] += number
        for place, number in (among or {}).get(day, {}).items():
            wholes[place, start] += number
    return series_of(
        code,
        [
            (place, start, number, wholes[place, start] if among else None, False)
            for (place, start), number in cells.items()
            if start >= START
        ],
        [(start, last) for start, last in sorted(last_days.items()) if start >= START],
        is_share=among is not None,
        window=mapping()["windows"][grain],
        known_until=until,
    )


def kpi(code: str, days: ByDay, until: date, among: ByDay | None = None) -> Kpi:
    """Return a KPI with the series that effects are measured in."""
    found = series(code, days, until, among=among)
    return Kpi(code, True, {"week" if code in WEEKLY else "month": found} if found else {})


def kpis(counts: dict[str, ByDay], until: date) -> dict[str, Kpi]:
    return {code: kpi(code, days, until) for code, days in counts.items()}


def register(seed: int, until: date) -> list[Entry]:
    entries = []
    for offset in range((until - START).days + 1):
        for rank, row in enumerate(actions_of(seed, START + timedelta(days=offset)), 1):
            codes, proposed = targets(None, str(row[4]), None)
            started, ended = row[10], row[11] or row[10]
            assert isinstance(started, date)
            assert isinstance(ended, date)
            name = f"{started:%y%m%d}-{rank}"
            action = Action(name, started, ended, (str(row[8]),), False, codes & {*mapping()["platforms"]})
            entries.append(Entry(action, proposed))
    return entries


def truth(seed: int, counts: ByDay, code: str, place: str, days: list[date]) -> float:
    """Return which share of the records of a window is left, days weighing as much as the country counted."""
    weights = np.array([sum(counts[day].values()) for day in days], dtype=float)
    left = np.array([remaining(seed, code, day).get(place, 1.0) for day in days])
    return float(np.average(left, weights=weights))


def compared(seed: int, until: date) -> Iterator[Comparison]:
    counts = by_day(seed, until)
    entries = register(seed, until)
    places = {entry.action.action_id: entry.action.territories[0] for entry in entries}
    for reading in read(entries, kpis(counts, until), until):
        finding = reading.finding
        if finding.effect is None or not finding.window_is_over or reading.kpi_code not in counts:
            continue
        assert finding.last_day
        first = finding.starts[0]
        days = [first + timedelta(days=n) for n in range((finding.last_day - first).days + 1)]
        true = truth(seed, counts[reading.kpi_code], reading.kpi_code, places[reading.action_id], days)
        yield Comparison(reading, true, (first.year - START.year) * 12 + first.month - START.month)


def share(found: list[bool]) -> str:
    return f"{sum(found):5d} of {len(found):5d} = {100 * sum(found) / len(found):5.1f} %" if found else "none"


def size_of(low: float, high: float) -> str:
    return f"-{100 * low:.0f} to -{100 * high:.0f} %" if low else "none"


def report(found: list[Comparison]) -> None:
    still = [trial for trial in found if trial.truth == 1.0]
    moved = [trial for trial in found if trial.truth < 1.0]
    print(f"measured: {len(found)}, with a true effect {len(moved)}, without any {len(still)}")
    print("90 % intervals that hold the truth:  ", share([trial.is_covered for trial in found]))
    for code in CODES:
        print(
            f"  {code:18}                ",
            share([trial.is_covered for trial in found if trial.reading.kpi_code == code]),
        )
    print("  with a true effect                ", share([trial.is_covered for trial in moved]))
    probable = [trial for trial in found if trial.reading.certainty is Certainty.probable]
    print(
        "without effect, yet probable:        ",
        share([trial.reading.certainty is Certainty.probable for trial in still]),
    )
    print("without effect, yet outside 90 %:    ", share([trial.stands_out for trial in still]))
    print("of what is probable, without effect: ", share([trial.truth == 1.0 for trial in probable]))
    print("power (interval excludes none) by true effect and KPI:")
    for code in CODES:
        for low, high in pairwise(SIZES):
            some = [o for o in found if o.reading.kpi_code == code and low <= 1 - o.truth < high]
            if some:
                print(f"  {code:18} {size_of(low, high):16}  ", share([trial.stands_out for trial in some]))
    print("power of true effects of 10 % and more, by months of past:")
    for low, high in pairwise(MONTHS_OF_PAST):
        some = [trial for trial in moved if low <= trial.months < high and 1 - trial.truth >= 0.10]  # noqa: PLR2004
        print(f"  {low:2d} to {high:2d} months                  ", share([trial.stands_out for trial in some]))


def power_picture(found: list[Comparison]) -> str:
    """Return the share of effects that the 90 % interval shows, by true size, as SVG: one line per KPI."""
    width, height, margin = 720, 300, 50
    colours = dict(zip(CODES, ("#000091", "#a558a0", "#66673d"), strict=True))
    parts = [svg.text(margin, 20, "Part des effets que l'intervalle à 90 % montre, selon le véritable effet")]
    for level in (0, 50, 100):
        y = height - margin - level * (height - 2 * margin) / 100
        parts.append(f'<line x1="{margin}" x2="{width - margin}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(svg.text(8, y + 4, f"{level} %"))
    for number, code in enumerate(CODES):
        points = []
        for low, high in pairwise(SIZES):
            some = [o for o in found if o.reading.kpi_code == code and low <= 1 - o.truth < high]
            if len(some) >= LEAST_SHOWN:
                size = float(np.mean([1 - trial.truth for trial in some]))
                seen = float(np.mean([trial.stands_out for trial in some]))
                points.append(
                    (margin + size * (width - 2 * margin) / 0.4, height - margin - seen * (height - 2 * margin))
                )
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colours[code]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colours[code]}"/>' for x, y in points]
        parts.append(svg.text(margin + 220 * number, height - 8, code, colours[code]))
    parts += [
        svg.text(margin + size * (width - 2 * margin) / 0.4, height - 30, f"−{100 * size:.0f} %") for size in TICKS
    ]
    return svg.picture(width, height, parts)


def funnel_picture(found: list[Comparison]) -> str:
    """Return every effect by how much was expected, those with a true effect filled, as SVG."""
    width, height, margin = 720, 360, 50
    parts = [
        svg.text(
            margin, 20, "Compté / attendu, selon les cas attendus (échelle logarithmique) ; plein : véritable effet"
        )
    ]
    for ratio in (0.25, 0.5, 1, 2, 4):
        y = height / 2 - np.log2(ratio) * (height - 2 * margin) / 4
        parts.append(f'<line x1="{margin}" x2="{width - margin}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(svg.text(8, y + 4, f"{ratio:g}"))
    for trial in found:
        effect = trial.reading.finding.effect
        assert effect
        x = margin + np.log10(effect.expected) * (width - 2 * margin) / 4
        y = height / 2 - np.log2(min(max(effect.ratio, 0.25), 4)) * (height - 2 * margin) / 4
        fill = "#000091" if trial.truth < 1 else "none"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{fill}" stroke="#6a6af4" fill-opacity="0.7"/>')
    parts += [svg.text(margin + ten * (width - 2 * margin) / 4, height - 20, f"{10**ten}") for ten in range(5)]
    return svg.picture(width, height, parts)


def speed(seed: int, until: date, actions: int) -> None:
    """Time one reading of a register of so many actions, the actions of the history repeated to fill it."""
    known, entries = kpis(by_day(seed, until), until), register(seed, until)
    rng = np.random.default_rng(seed)
    codes, days = [place.code for place in departements()], (until - START).days
    many = [
        Entry(
            Action(
                f"{n}",
                START + timedelta(days=int(rng.integers(days // 2, days))),
                None,
                (codes[int(rng.integers(len(codes)))],),
                False,
                entries[n % len(entries)].action.targets,
            ),
            True,
        )
        for n in range(actions)
    ]
    timed = partial(read, many, known, until)
    began, spent = time.perf_counter(), time.process_time()
    readings = timed()
    measured = sum(reading.finding.effect is not None for reading in readings)
    print(
        f"{actions} actions, {len(readings)} pairs, {measured} measured: {time.perf_counter() - began:.1f} s, "
        f"{time.process_time() - spent:.1f} s of processor"
    )


def write_register(file: Path, seed: int, until: date, actions: int) -> None:
    """Write a register for `cyberimpact load prevention_actions --file`: actions of the history, moved by chance.

    Where and when they are is drawn over the whole history, so that they meet as often as those of a busy country.
    """
    rng = np.random.default_rng(seed)
    history = [row for day in days(START, until) for row in actions_of(seed, day)]
    places = departements()
    rows = []
    for number in range(actions):
        place = places[int(rng.integers(len(places)))]
        day = START + timedelta(days=int(rng.integers((until - START).days)))
        row = dict(zip(HEADER, history[number % len(history)], strict=True))
        rows.append(
            row
            | {"Identifiant": f"MESURE-{number}", "Département": place.code, "Commune": place.town}
            | {"Date de début": f"{day:%d/%m/%Y}", "Date de fin": None}
        )
    file.write_bytes(csv_bytes([HEADER, *(row.values() for row in rows)], ";", "utf-8-sig"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.impact")
    parser.add_argument("--seeds", type=int, nargs="+", default=[17, 101, 202, 303])
    parser.add_argument("--until", type=date.fromisoformat, default=date(2027, 12, 31))
    parser.add_argument("--actions", type=int, default=2000)
    parser.add_argument("--pictures", type=Path, help="folder into which power and funnel are drawn")
    parser.add_argument(
        "--register", type=Path, help="write so many actions there, for a whole build, and nothing else"
    )
    options = parser.parse_args()
    if options.register:
        write_register(options.register, options.seeds[0], options.until, options.actions)
        return
    everything = []
    for seed in options.seeds:
        found = list(compared(seed, options.until))
        print(f"seed {seed}: {share([trial.is_covered for trial in found])} covered")
        everything += found
    report(everything)
    if options.pictures:
        (options.pictures / "impact-puissance.svg").write_text(power_picture(everything), encoding="utf-8")
        (options.pictures / "impact-entonnoir.svg").write_text(funnel_picture(everything), encoding="utf-8")
    speed(options.seeds[0], options.until, options.actions)


if __name__ == "__main__":
    main()
