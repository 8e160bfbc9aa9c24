"""The effect so far by the hour: which actions run, hours filled with zeros, and looks that do not make it wrong."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.impact import Action, Certainty
from analytics.impact.hours import HOUR, HourlyReading, midnight, read_hourly, running
from analytics.impact.sequential import Boundary
from analytics.impact.table import HOURLY, hourly, read_targeted
from tests.analytics.simulated_actions import mentions_by_hour

BEGIN = date(2026, 2, 1)
STARTED = BEGIN + timedelta(days=32)


def action(**changed: object) -> Action:
    given = {"action_id": "A", "started_on": STARTED, "ended_on": STARTED, "territories": ("T0",)}
    return Action(**{"is_nationwide": False, "targets": frozenset({"mentions"})} | given | changed)  # ty: ignore


def reading_after(hours: int, *others: Action, seed: int = 1, effect: float = 1.0, a_day: float = 4.0) -> HourlyReading:
    cells = mentions_by_hour(seed, effect, begin=midnight(BEGIN), a_day=a_day)
    return read_hourly("mentions", [action(), *others], cells, midnight(STARTED) + hours * HOUR)[0]


def test_a_day_of_paris_begins_an_hour_or_two_before_that_of_greenwich() -> None:
    assert midnight(date(2026, 1, 15)) == datetime.fromisoformat("2026-01-14T23:00")
    assert midnight(date(2026, 7, 15)) == datetime.fromisoformat("2026-07-14T22:00")


@pytest.mark.parametrize(
    ("until", "runs"),
    [
        (datetime.fromisoformat("2026-03-04T23:00"), False),  # it begins at this very instant
        (datetime.fromisoformat("2026-03-05T00:00"), True),
        (datetime.fromisoformat("2026-04-01T21:00"), True),
        (datetime.fromisoformat("2026-04-01T22:00"), False),  # twenty-eight days, of which one has twenty-three hours
    ],
)
def test_an_action_runs_for_four_weeks_from_its_first_instant(until: datetime, runs: bool) -> None:
    assert bool(running([action()], until)) is runs


def test_an_action_that_lasts_longer_runs_until_its_last_day_is_over() -> None:
    long = action(ended_on=date(2026, 4, 30))
    assert running([long], datetime.fromisoformat("2026-04-30T21:00"))
    assert not running([long], datetime.fromisoformat("2026-04-30T22:00"))


def test_hours_without_a_mention_count_as_none_and_all_are_there() -> None:
    cells = mentions_by_hour(1, begin=midnight(BEGIN))
    until = midnight(STARTED) + 100 * HOUR
    effect = reading_after(100).finding.effect
    assert effect
    assert len(effect.periods) == 100
    assert effect.counted == sum(n for place, at, n in cells if place == "T0" and midnight(STARTED) <= at < until)
    assert len(reading_after(100).finding.before) == 32 * 24 - 1  # the first hour may lack its beginning
    assert effect.donors == 99


def test_an_effect_that_is_there_is_possible_at_most_and_none_is_not_concluded() -> None:
    strong = reading_after(300, effect=4.0, a_day=10.0)
    assert strong.certainty is Certainty.possible
    assert strong.finding.effect
    assert strong.finding.effect.concluded_after
    assert strong.finding.effect.concluded_after < 300
    assert reading_after(300, a_day=10.0).certainty is Certainty.none


def test_what_cannot_be_asked_of_hours_has_a_sentence() -> None:
    assert "moins d'un cas" in (reading_after(2).finding.refusal or "")
    assert "même moment (B)" in (reading_after(100, action(action_id="B")).finding.refusal or "")
    cells = [cell for cell in mentions_by_hour(1, begin=midnight(BEGIN)) if cell[1] >= midnight(STARTED) - 150 * HOUR]
    (short,) = read_hourly("mentions", [action()], cells, midnight(STARTED) + 100 * HOUR)
    assert "149 heure(s) avant l'action, il en faut au moins 196" in (short.finding.refusal or "")


def test_a_night_is_no_outage_and_a_silent_day_is_one() -> None:
    cells = mentions_by_hour(1, begin=midnight(BEGIN))
    silent = [cell for cell in cells if not 20 <= (cell[1] - midnight(STARTED)) // HOUR < 50]
    (found,) = read_hourly("mentions", [action()], silent, midnight(STARTED) + 100 * HOUR)
    assert "une panne ressemblerait" in (found.finding.refusal or "")
    assert reading_after(100).finding.refusal is None


def test_nothing_runs_or_nothing_was_heard_gives_no_row() -> None:
    assert read_hourly("mentions", [action()], [], midnight(STARTED) + HOUR) == []
    assert read_hourly("mentions", [], mentions_by_hour(1, begin=midnight(BEGIN)), midnight(STARTED) + HOUR) == []


def test_the_table_tells_figures_or_a_sentence() -> None:
    assert read_targeted([("A", STARTED, STARTED, "T0", False, "mentions")]) == [action()]
    measured, refused = hourly([reading_after(100), reading_after(2)]).to_pylist()
    assert list(measured) == list(HOURLY)
    assert (measured["hours"], measured["donors"], measured["refusal"]) == (100, 99, None)
    assert measured["known_until"] == midnight(STARTED) + 100 * HOUR
    assert measured["sequential_low"] < measured["ratio"] < measured["sequential_high"]
    assert (refused["counted"], refused["sentence"]) == (None, f"On ne peut pas conclure. {refused['refusal']}")


@given(st.floats(0.05, 1.0), st.floats(0.1, 500.0))
def test_a_bound_drawn_for_all_looks_is_the_same_at_each_of_them(seen: float, whole: float) -> None:
    """Information grows evenly: half of the looks have half of it, and the bound at a variance is that of the whole."""
    so_far, all_of_it = Boundary(np.array([[whole * seen]]), 0.1, seen), Boundary(np.array([[whole]]), 0.1)
    variance = np.array([[whole / 3]])
    assert so_far.at(variance)[0, 0] == pytest.approx(all_of_it.at(variance)[0, 0])


@pytest.mark.proof
def test_looking_at_every_hour_raises_no_more_false_effects_than_promised() -> None:
    """Each look is computed from scratch, as the platform does, and includes all hours before it."""
    at = (6, 12, 24, 36, 48, 72, 96, 144, 192, 288, 384, 480, 576, 670)

    def ever(seed: int, effect: float, a_day: float) -> bool:
        effects = [reading_after(hours, seed=seed, effect=effect, a_day=a_day).finding.effect for hours in at]
        return any(effect is not None and effect.sequential_ratio.excludes(1.0) for effect in effects)

    false = np.mean([ever(100 + n, 1.0, 4.0) for n in range(60)])
    found = np.mean([ever(500 + n, 0.5, 8.0) for n in range(20)])
    print(f"ever excluded by hourly looks: {false:.3f}; of actions that halve 8 a day, found: {found:.2f}")
    assert false <= 0.10
    assert found >= 0.3
