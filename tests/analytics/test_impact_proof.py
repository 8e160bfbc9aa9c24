"""What the effects of actions promise, on worlds whose truth is known: coverage, false effects, power, daily looks."""

import numpy as np
import pytest

from analytics.impact import Certainty, Effect, certainties, measure
from tests.analytics.simulated_actions import Trial, trial


def measured(trial: Trial, history: int = 52) -> Effect:
    return measure(trial.panel, trial.donors, trial.first, trial.last, history=history)


def covered(count: int, seed: int, **world: object) -> float:
    """Return how often the interval holds the true effect, effects being drawn between half and double."""
    effects = np.exp(np.random.default_rng(seed).uniform(-np.log(2), np.log(2), count))
    trials = [trial(seed + number, float(effect), **world) for number, effect in enumerate(effects)]  # ty: ignore
    return float(np.mean([not measured(effect).ratio_interval.excludes(effect.truth) for effect in trials]))


def placebos(count: int, seed: int, **world: object) -> list[Effect]:
    return [measured(trial(seed + number, **world)) for number in range(count)]  # ty: ignore


def power(count: int, seed: int, effect: float, **world: object) -> float:
    return float(
        np.mean([measured(trial(seed + n, effect, **world)).ratio_interval.excludes(1.0) for n in range(count)])  # ty: ignore
    )


def test_a_few_worlds_are_covered_and_no_placebo_is_called_probable() -> None:
    """The reduced form of the long counts: bounds are those that a sound method leaves once in a thousand."""
    assert covered(40, 100) >= 0.75
    still = placebos(20, 200)
    assert certainties(still).count(Certainty.probable) == 0
    assert power(10, 300, 0.3, level=60.0) >= 0.8


@pytest.mark.proof
@pytest.mark.parametrize(
    "world",
    [
        {},
        {"fading": True},
        {"periods": 60},
        {"periods": 20},
        {"territories": 45},
        {"level": 2.0},
        {"periods": 280, "window": 28, "days": 1},
    ],
    ids=["weeks", "fading", "one year", "twenty weeks", "few territories", "rare", "days"],
)
def test_nine_intervals_in_ten_hold_the_truth(world: dict[str, object]) -> None:
    share = covered(400, 1_000, **world)
    print(f"covered {world}: {share:.3f}")
    assert 0.85 <= share <= 0.95


@pytest.mark.proof
def test_of_placebos_read_together_few_are_called_effects() -> None:
    effects = placebos(400, 5_000)
    words = certainties(effects)
    print(f"placebos: {words.count(Certainty.probable)} probable, {words.count(Certainty.possible)} possible of 400")
    assert words[:200].count(Certainty.probable) <= 10
    assert words.count(Certainty.probable) <= 20
    assert words.count(Certainty.possible) <= 60


@pytest.mark.proof
def test_power_grows_with_the_effect_and_with_the_counts() -> None:
    curve = {
        (level, effect): power(100, 8_000, effect, level=level)
        for level in (5.0, 20.0, 80.0)
        for effect in (0.9, 0.8, 0.7, 0.5)
    }
    history = {periods: power(100, 9_000, 0.7, level=20.0, periods=periods) for periods in (20, 30, 56, 104)}
    print(f"power by level and effect: {curve}\npower by history: {history}")
    assert all(curve[level, 0.5] > curve[level, 0.9] for level in (5.0, 20.0, 80.0))
    assert curve[80.0, 0.5] >= 0.9
    assert min(history.values()) >= 0.35  # donors, not a long past, carry the comparison


@pytest.mark.proof
def test_looking_every_day_raises_no_more_false_effects_than_promised() -> None:
    effects = placebos(200, 20_000, periods=280, window=28, days=1)
    share = float(np.mean([effect.concluded_after is not None for effect in effects]))
    print(f"ever excluded by daily looks: {share:.3f}")
    assert share <= 0.10
    real = [measured(trial(30_000 + n, 0.5, periods=280, window=28, days=1, level=10.0)) for n in range(50)]
    print(f"found by daily looks: {np.mean([effect.concluded_after is not None for effect in real]):.2f}, ")
    assert np.mean([effect.concluded_after is not None for effect in real]) >= 0.5
