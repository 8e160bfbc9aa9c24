"""From values to one probability, from probabilities to anomalies, and what they become; by hand where it can."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analytics.anomaly.alert_budget import anomalies, discoveries, threshold
from analytics.anomaly.baseline import Anomaly, Hypotheses, Key, Thresholds
from analytics.anomaly.count_distributions import (
    combined_p_value,
    negative_binomial_p_value,
    rank_p_value,
)
from analytics.anomaly.cusum import cusum
from analytics.signals.clustering import merge, reopens
from analytics.signals.novelty import novel_terms
from analytics.signals.rumour import Post, pattern
from analytics.signals.severity import CRITERIA, Level, severity

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERRITORIES = {"FR-33": "FR-NAQ", "FR-NAQ": "FR", "FR-29": "FR-BRE", "FR-BRE": "FR"}
TOPICS = {"crue": "climat"}


def test_a_rank_counts_the_value_itself() -> None:
    assert rank_p_value([1, 2, 3, 4], 3) == 3 / 5
    assert rank_p_value([1, 2, 3, 4], 9) == 1 / 5
    assert rank_p_value([0, 0, 0], 0) == 1.0


def test_a_first_count_after_zeros_is_rare_and_not_impossible() -> None:
    # 0.5 counts in 10 periods: negative binomial of size 0.5 and probability 1 / (1 + 0.05 * 2); none has 1.1 ** -0.5.
    assert negative_binomial_p_value([0] * 10, 1) == pytest.approx(1 - 1.1**-0.5)
    assert negative_binomial_p_value([0] * 10, 0) == 1.0
    assert negative_binomial_p_value([0] * 1000, 1) < 0.001


def test_a_negative_binomial_tail_is_calibrated_on_its_own_law() -> None:
    draw = np.random.default_rng(7)
    p_values = [
        negative_binomial_p_value(counts[:-1], int(counts[-1]))
        for counts in draw.negative_binomial(1.5, 0.5, (2000, 61))
    ]
    assert 0.5 <= np.mean(np.array(p_values) <= 0.01) / 0.01 <= 1.6


def test_probabilities_combine() -> None:
    assert combined_p_value([0.03]) == pytest.approx(0.03)
    assert combined_p_value([0.03] * 5) == pytest.approx(0.03)
    assert combined_p_value([1e-8, 0.9, 0.8]) == pytest.approx(3e-8, rel=0.01)
    assert 0 < combined_p_value([0.0, 1.0]) < 1e-290
    with pytest.raises(ValueError, match="at least one"):
        combined_p_value([])
    with pytest.raises(ValueError, match="between 0 and 1"):
        combined_p_value([1.2])


def test_a_slow_rise_adds_up_and_a_level_does_not() -> None:
    # At 25 for 25 the deviate is 0; at 36 it is (36 - 75 + 60) / 10 = 2.1, of which 1.6 is added: 5 after four periods.
    flat = cusum([25] * 20, [25] * 20)
    assert flat.tolist() == [0.0] * 20
    risen = cusum([25, 36, 36, 36, 36, 36], [25] * 6)
    assert risen == pytest.approx([0, 0.32, 0.64, 0.96, 1.28, 0.32])
    assert cusum([1], [0])[0] < 1
    with pytest.raises(ValueError, match="one for each"):
        cusum([1, 2], [1])
    with pytest.raises(ValueError, match="negative"):
        cusum([1], [-1])


def quiet_weeks(series: int, seed: int) -> list[list[tuple[datetime, float]]]:
    draw = np.random.default_rng(seed)
    return [
        [(NOON + index * HOUR, float(score)) for index, score in enumerate(draw.random(8 * 168))] for _ in range(series)
    ]


def test_a_threshold_keeps_to_its_budget() -> None:
    quiet = quiet_weeks(5, seed=1)
    found = threshold(quiet, 0.25)
    days = {(number, at.date()) for number, scores in enumerate(quiet) for at, score in scores if score > found}
    assert len(days) == 10  # 5 series x 8 weeks x 0.25
    assert threshold(quiet, 2.0) < found
    fresh = quiet_weeks(5, seed=2)
    assert sum(score > found for scores in fresh for _, score in scores) / 40 < 0.6
    assert threshold(quiet, 100.0) == 0.0


def test_a_budget_that_the_history_cannot_bear_is_refused() -> None:
    with pytest.raises(ValueError, match=r"allow no alert at 0\.01"):
        threshold(quiet_weeks(1, seed=3), 0.01)
    with pytest.raises(ValueError, match="negative"):
        threshold(quiet_weeks(1, seed=3), -1)


def test_false_discoveries_are_held_down() -> None:
    # Benjamini and Hochberg (1995), table 1 of 15 tests: at 0.05 they reject the first four.
    p_values = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    assert discoveries(p_values, 0.05) == [True] * 4 + [False] * 11
    assert discoveries(p_values[::-1], 0.05) == [False] * 11 + [True] * 4
    assert discoveries([]) == []


def anomaly(
    hours: float, topic: str = "crue", territory: str = "FR-33", p: float = 1e-4, ratio: float = 5.0
) -> Anomaly:
    return Anomaly(Key(topic, "mentions", "all", territory), NOON + hours * HOUR, 60, ratio, 1.0, 1.0, p)


def test_what_any_method_has_tested_is_watched_or_sure_by_its_thresholds_and_by_what_is_found_with_it() -> None:
    """Alerts from a score of 3, watches from 2. Of six p-values Benjamini and Hochberg accept the four up to 0.02."""
    series = [Key(topic, "mentions", "all", "FR") for topic in ("crue", "panne", "feu")]
    p_values = np.array([[1e-4, 0.5], [5e-3, 2e-2], [1e-4, 0.9]])
    thresholds = Thresholds({"listening": 3.0}, {"listening": 2.0}, {("listening", "panne"): 10.0})

    def anomaly(row: int, column: int, score: float) -> Anomaly | None:
        at = datetime(2026, 11, 24, column)  # noqa: DTZ001
        return None if row == 2 else Anomaly(series[row], at, 60, 9.0, 1.0, score, float(p_values[row, column]))

    found = anomalies([Hypotheses(series, p_values, thresholds, anomaly)])
    assert [(one.key.topic, one.at.hour, one.upper, one.is_sure, one.tests) for one in found] == [
        ("crue", 0, 3.0, True, 6),
        ("panne", 0, 2.0, True, 6),  # ten times the budget: it alerts from 2, and is watched from 1
        ("panne", 1, 2.0, False, 6),
    ]
    apart = anomalies([Hypotheses(series[:1], np.array([[1e-4] + [1.0] * 999]), thresholds, anomaly)])
    assert [(one.is_sure, one.tests) for one in apart] == [(False, 1000)], "one in a thousand tests may be chance"
    assert anomalies([]) == []


def test_overlapping_anomalies_make_one_signal() -> None:
    anomalies = [
        anomaly(0),
        anomaly(1, territory="FR", p=1e-6),
        anomaly(2, topic="climat", territory="FR-NAQ"),
        anomaly(24.5, territory="FR-NAQ"),  # within 24 hours of the second
        anomaly(3, territory="FR-29"),  # joined by the nation, which contains both
        anomaly(80),
        anomaly(1, topic="rumeur"),
    ]
    clusters = merge(anomalies, TOPICS, TERRITORIES)
    assert [len(cluster.anomalies) for cluster in clusters] == [5, 1, 1]
    assert clusters[0].strongest == anomalies[1]
    assert (clusters[0].opened_at, clusters[0].updated_at) == (NOON, NOON + 24.5 * HOUR)
    assert {tuple(map(str, merge(order, TOPICS, TERRITORIES))) for order in itertools.permutations(anomalies[:5])} == {
        tuple(map(str, merge(anomalies[:5], TOPICS, TERRITORIES)))
    }


def test_neighbours_and_later_anomalies_stay_apart() -> None:
    assert len(merge([anomaly(0), anomaly(1, territory="FR-29")], TOPICS, TERRITORIES)) == 2
    assert len(merge([anomaly(0), anomaly(24)], TOPICS, TERRITORIES)) == 1
    assert len(merge([anomaly(0), anomaly(24.01)], TOPICS, TERRITORIES)) == 2


def test_of_equal_anomalies_the_narrower_speaks() -> None:
    (cluster,) = merge([anomaly(0, territory="FR"), anomaly(0), anomaly(0, topic="climat")], TOPICS, TERRITORIES)
    assert cluster.strongest == anomaly(0)


def test_a_territory_that_contains_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="contains itself"):
        merge([anomaly(0)], TOPICS, {"FR-33": "FR-NAQ", "FR-NAQ": "FR-33"})


def test_only_clearly_stronger_evidence_reopens() -> None:
    closed = anomaly(0, p=1e-4, ratio=4.0)
    assert reopens(closed, anomaly(9, p=1e-6, ratio=6.0))
    assert not reopens(closed, anomaly(9, p=1.1e-6, ratio=6.0))
    assert not reopens(closed, anomaly(9, p=1e-6, ratio=5.9))
    assert not reopens(anomaly(0, p=0.0), anomaly(9, p=0.0, ratio=99.0))


def test_severity_adds_up_what_each_criterion_earns() -> None:
    found = severity({"ratio": 20, "velocity": math.sqrt(5), "spread": 3, "novelty": 1, "reach": None})
    assert found.by_criterion == pytest.approx(
        {"ratio": 25, "velocity": 10, "reach": 0, "spread": 7.5, "novelty": 0, "negative_share": 0}
    )
    assert (found.level, found.points) == (Level.moderate, pytest.approx(42.5))
    assert (severity({}).level, severity({}).points) == (Level.low, 0)
    assert severity(dict.fromkeys(CRITERIA, 1e9)).level == Level.critical
    assert sum(criterion.points for criterion in CRITERIA.values()) == 100
    with pytest.raises(ValueError, match="no such criterion"):
        severity({"anger": 1})


def test_novel_terms_are_those_said_more_than_before() -> None:
    now, before = {"de": 100, "barrage": 20, "pluie": 10}, {"de": 1000, "pluie": 90, "soleil": 200}
    terms = novel_terms(now, before, prior_size=100)
    assert [term.term for term in terms] == ["barrage", "pluie", "de"]
    # By hand: 1420 occurrences, so the prior of `barrage` is 100 * 20 / 1420.
    prior = 100 * 20 / 1420
    odds = math.log((20 + prior) / (130 + 100 - 20 - prior)) - math.log(prior / (1290 + 100 - prior))
    assert terms[0].z == pytest.approx(odds / math.sqrt(1 / (20 + prior) + 1 / prior))
    assert abs(terms[2].z) < 3
    assert novel_terms({}, before) == []
    assert novel_terms({"a": 3}, {}) == [novel_terms({"a": 3}, {})[0]]
    assert novel_terms({"a": 3}, {})[0].z == 0.0
    with pytest.raises(ValueError, match="negative"):
        novel_terms({"a": -1}, {})


def cascade(originals: int, shares: int, followers: int, seconds: float) -> list[Post]:
    posts = [Post(f"o{number}", NOON, followers) for number in range(originals)]
    return posts + [Post(f"s{k}", NOON + timedelta(seconds=seconds * k), 10**6, "o0") for k in range(shares)]


def test_a_rumour_is_few_originals_shared_fast_from_unknown_sources() -> None:
    found = pattern(cascade(1, 41, followers=120, seconds=60))
    assert found is not None
    assert (found.originals_share, found.shares_of_the_first) == (1 / 42, 41)
    assert (found.half_spread_seconds, found.low_authority_share) == (1200.0, 1.0)
    assert len(found.marks) == 4
    assert found.is_rumour_like


@pytest.mark.parametrize(
    ("posts", "marks"),
    [
        (cascade(30, 12, followers=120, seconds=3600), 2),  # many saw it
        (cascade(1, 41, followers=10**6, seconds=3600), 2),  # a known source, slowly
        (cascade(1, 41, followers=10**6, seconds=60), 3),  # a known source, fast: the notice of an authority
        (cascade(20, 0, followers=10, seconds=1), 0),
    ],
)
def test_news_are_no_rumour(posts: list[Post], marks: int) -> None:
    found = pattern(posts)
    assert found is not None
    assert len(found.marks) == marks
    assert not found.is_rumour_like


def test_few_posts_tell_nothing() -> None:
    assert pattern(cascade(1, 8, followers=1, seconds=1)) is None
