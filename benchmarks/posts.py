"""Simulated counts of posts with labelled events, in the layout of the Numenta Anomaly Benchmark; no real series."""

import argparse
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator

_BIN = timedelta(minutes=5)
_BINS = 15_850
_DAY = 288
_START = datetime(2026, 2, 26, 21, 40)  # noqa: DTZ001 (the benchmark's timestamps have no zone)
_FIRST_LABEL = 1_000  # the benchmark does not score the first 750 bins
_ALONE = 0.4  # share of the bursts that last one bin
_COSTS = {"standard": (1.0, 0.11), "reward_low_FP_rate": (1.0, 0.22), "reward_low_FN_rate": (2.0, 0.11)}


@dataclass(frozen=True)
class Posts:
    """One series, and the bins where its labelled events begin."""

    counts: list[int]
    events: list[int]


def clear(draw: Generator) -> Posts:
    """Return a series whose events are drawn apart from its ordinary bursts, and mostly greater."""
    base = float(np.exp(draw.uniform(np.log(4), np.log(90))))
    rate = season(draw, base, memory=(12, 200), noise=(0.15, 0.35), amplitude=(0.3, 1.0))
    for at in np.flatnonzero(draw.random(_BINS) < draw.uniform(0.5, 3.0) / _DAY):
        size = base * draw.uniform(0.5, 1.0) * (draw.pareto(draw.uniform(1.8, 2.6)) + 0.7)
        alone = draw.random() < _ALONE
        rise, half_life = (0, 0.3) if alone else (int(draw.integers(0, 4)), float(np.exp(draw.normal(1.5, 0.8))))
        _burst(rate, at, min(size, base * 12), rise, half_life)
    for at in draw.integers(_FIRST_LABEL, _BINS, draw.poisson(1.0)):  # machines post too, and nobody labels that
        _burst(rate, at, base * float(np.exp(draw.normal(np.log(10), 0.5))), 0, 0.3)
    events: list[int] = []
    number = int(draw.integers(2, 6))
    width = _width(number)
    while len(events) < number:
        at = int(draw.integers(_FIRST_LABEL, _BINS - width))
        if all(abs(at - other) > width for other in events):
            events.append(at)
    for at in events:
        size = base * float(np.exp(draw.normal(np.log(14), 0.6)))
        _burst(rate, at, size, int(draw.choice([0, 1, 3, 12])), float(np.exp(draw.normal(2.0, 0.9))))
    return _counted(draw, rate, events, dispersion=(4, 25))


def doubtful(draw: Generator) -> Posts:
    """Return a series of heavy-tailed bursts, of which a hasty reader has labelled the most visible."""
    base = float(np.exp(draw.uniform(np.log(3), np.log(90))))
    rate = season(draw, base, memory=(12, 300), noise=(0.2, 0.5), amplitude=(0.3, 1.1))
    tail = draw.uniform(1.25, 1.9)
    bursts = []
    for at in np.flatnonzero(draw.random(_BINS) < draw.uniform(1.0, 6.0) / _DAY):
        size = base * min(draw.pareto(tail) + 0.6, 80.0)
        alone = draw.random() < _ALONE
        rise, half_life = (
            (0, 0.3) if alone else (int(draw.choice([0, 0, 1, 3, 10])), float(np.exp(draw.normal(1.6, 0.9))))
        )
        _burst(rate, at, size, rise, half_life)
        bursts.append((int(at), np.log(size / base * half_life**0.25) * 2.5 + draw.gumbel() * 0.8))
    number = int(draw.integers(2, 6))
    width = _width(number)
    events: list[int] = []
    for at, _ in sorted(bursts, key=lambda burst: -burst[1]):
        if _FIRST_LABEL < at < _BINS - width and all(abs(at - other) > width for other in events):
            events.append(at)
        if len(events) == number:
            break
    return _counted(draw, rate, events, dispersion=(3, 20))


KINDS = {"clear": clear, "doubtful": doubtful}


def season(
    draw: Generator,
    base: float,
    memory: tuple[float, float],
    noise: tuple[float, float],
    amplitude: tuple[float, float],
) -> np.ndarray:
    """Return expected counts with the season of days and weeks and a slowly wandering interest."""
    bins = np.arange(_BINS)
    minutes = bins * 5 + _START.hour * 60 + _START.minute
    hours, weekdays = minutes / 60 % 24, (minutes // 1440 + _START.weekday()) % 7
    swing, noon = draw.uniform(*amplitude), draw.uniform(14, 20)
    logs = np.log(base) + swing * np.cos((hours - noon) / 24 * 2 * np.pi)
    logs += 0.25 * swing * np.cos((hours - noon - 3) / 12 * 2 * np.pi) - draw.uniform(0.1, 0.6) * (weekdays >= 5)  # noqa: PLR2004
    kept = np.exp(-1 / draw.uniform(*memory))
    shocks = draw.normal(size=_BINS) * draw.uniform(*noise) * np.sqrt(1 - kept**2)
    interest = 0.0
    for index in bins:
        interest = kept * interest + shocks[index]
        logs[index] += interest
    return np.exp(logs)


def _burst(rate: np.ndarray, at: int, size: float, rise: int, half_life: float) -> None:
    """Add a burst that rises in a straight line and dies away by halves, in bins."""
    bins = np.arange(min(_BINS - at, int(rise + half_life * 10) + 1))
    rate[at : at + len(bins)] += size * np.where(
        bins < rise, (bins + 1) / (rise + 1), 0.5 ** ((bins - rise) / half_life)
    )


def _width(events: int) -> int:
    """Return the bins of a window: a tenth of the series belongs to windows, as in the benchmark."""
    return int(0.1 * _BINS / events)


def _counted(draw: Generator, rate: np.ndarray, events: list[int], dispersion: tuple[float, float]) -> Posts:
    shape = draw.uniform(*dispersion)
    return Posts(draw.negative_binomial(shape, shape / (shape + rate)).tolist(), sorted(events))


def write(folder: Path, seed: int, kind: str, series: int) -> None:
    """Write a corpus that the benchmark's scorer reads as it reads its own."""
    draw = np.random.default_rng(seed)
    labels, windows = {}, {}
    for number in range(series):
        posts = KINDS[kind](draw)
        name = f"{kind}/{number:02d}.csv"
        file = folder / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        moments = [str(_START + index * _BIN) for index in range(_BINS)]
        rows = [f"{moment},{count}" for moment, count in zip(moments, posts.counts, strict=True)]
        file.write_text("\n".join(["timestamp,value", *rows]) + "\n", encoding="utf-8")
        half = _width(max(1, len(posts.events))) // 2
        labels[name] = [moments[at] for at in posts.events]
        windows[name] = [
            [f"{moments[at - half]}.000000", f"{moments[min(_BINS - 1, at + half)]}.000000"] for at in posts.events
        ]
    profiles = {
        name: {"CostMatrix": {"tpWeight": 1.0, "fnWeight": missed, "fpWeight": false, "tnWeight": 1.0}}
        for name, (missed, false) in _COSTS.items()
    }
    for name, content in [("combined_labels", labels), ("combined_windows", windows), ("profiles", profiles)]:
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, default="clear")
    parser.add_argument("--series", type=int, default=10)
    given = parser.parse_args()
    write(given.folder, given.seed, given.kind, given.series)


if __name__ == "__main__":
    main()
