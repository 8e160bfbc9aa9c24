"""Verdicts move the budget of a topic within bounds, and name what its query should leave out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analytics.anomaly import calibration, daily, streaming
from analytics.anomaly.baseline import Key, Thresholds
from analytics.anomaly.thresholds import VERDICT_LEAST, VERDICT_MOST
from analytics.signals import vigilance
from analytics.signals.topics import Topic
from analytics.signals.verdict_budgets import Learnt, are_doubtful, last_verdicts, learnt, narrower
from tests.analytics.test_signal_runs import HOUR, LAST, START, detect, of_days, poisson_series, rows

NOW = datetime(2026, 11, 24, tzinfo=UTC).replace(tzinfo=None)
CRUE, CHAT = Key("crue", "mentions", "all", "FR-33"), Key("crue", "chat_contacts", "brigade_numerique", "FR")
FLOOD = Topic("crue", "Crues", "crue inonde*", "climatique", "team:veille")


def verdict(signal_id: str, verdict: str, days_ago: float = 1.0) -> dict[str, str]:
    return {"signal_id": signal_id, "verdict": verdict, "decided_at": (NOW - timedelta(days=days_ago)).isoformat()}


@pytest.mark.parametrize(
    ("confirmed", "dismissed", "times"),
    [(0, 0, 1.0), (0, 3, 0.5), (0, 9, 0.25), (0, 100, 0.25), (3, 0, 2.0), (100, 0, 2.0), (1, 1, 1.0), (1, 5, 0.5)],
)
def test_a_budget_moves_within_its_bounds(confirmed: int, dismissed: int, times: float) -> None:
    assert Learnt(confirmed, dismissed).times == times


def test_the_last_verdict_on_each_signal_counts_for_its_topic_and_domain_for_half_a_year() -> None:
    said = [
        verdict("a", "écarté", 3),
        verdict("a", "confirmé", 2),
        verdict("b", "écarté"),
        verdict("c", "écarté"),
        verdict("c", "vu", 0.5),
        verdict("chat", "écarté"),
        verdict("old", "écarté", 181),
        verdict("forgotten", "écarté"),
    ]
    strongest = dict.fromkeys(("a", "b", "c", "old"), CRUE) | {"chat": CHAT}
    assert learnt(last_verdicts(said), strongest, NOW) == {
        ("listening", "crue"): Learnt(1, 1),
        ("chat", "crue"): Learnt(0, 1),
    }


def test_a_budget_of_half_moves_the_threshold_of_its_topic_alone() -> None:
    thresholds = Thresholds(
        {"listening": 5.0, "chat": 4.0}, {"listening": 4.0, "chat": 3.0}, {("listening", "crue"): 0.5}
    )
    alert, watch = thresholds.of([CRUE, CRUE._replace(topic="panne"), CHAT])
    assert alert.tolist() == [pytest.approx(5.0 + np.log10(2)), 5.0, 4.0]
    assert watch.tolist() == [pytest.approx(4.0 + np.log10(2)), 4.0, 3.0]


def test_dismissed_alerts_raise_the_bar_and_confirmed_ones_lower_it() -> None:
    """Eight in an hour are between the two bars; no verdict keeps the twelve of a real wave from alerting."""
    quiet = np.zeros(24 * 40, dtype=int)
    quiet[::96] = quiet[23::96] = 1

    def is_sure(count: int, times: float) -> bool:
        series = quiet.copy()
        series[-1] = count
        counted, now = rows({("crue", "FR-33"): series}), START + HOUR * 24 * 40
        moved = {("listening", "crue"): times}
        return any(found.is_sure for found in detect(counted, [], now, {}, streaming.History(), [], times=moved))

    border = next(count for count in range(2, 20) if is_sure(count, 1.0))
    assert not is_sure(border, VERDICT_LEAST)
    assert is_sure(border + 2, VERDICT_LEAST)
    assert is_sure(border, VERDICT_MOST)


def test_days_follow_the_budget_of_their_topic() -> None:
    counts = poisson_series(60, 4, 5.0)
    thresholds = calibration.scores([], 1440)
    counts[-1] = next(n for n in range(5, 60) if daily.detect(of_days(np.append(counts[:-1], n)), LAST, thresholds))
    moved = {("listening", "crue"): VERDICT_LEAST}
    assert daily.detect(of_days(counts), LAST, thresholds, times=moved) == []


@pytest.mark.parametrize(
    ("said", "doubtful"),
    [
        (["écarté", "écarté"], False),
        (["confirmé", "écarté", "écarté", "écarté"], True),
        (["écarté", "écarté", "vu", "écarté"], True),
        (["écarté", "écarté", "confirmé", "écarté"], False),
        ([], False),
    ],
)
def test_three_dismissed_in_a_row_doubt_the_query(said: list[str], doubtful: bool) -> None:
    assert are_doubtful(said) is doubtful


def test_a_narrower_query_leaves_out_what_dismissed_alerts_share_and_no_confirmed_one_has() -> None:
    dismissed = [["exercice", "préfet", "crue"], ["Exercice", "pompiers"], ["exercice", "pompiers"]]
    found = narrower(FLOOD, dismissed, [["évacuation"]])
    assert found is not None
    assert found.query == "crue inonde* -exercice"
    assert not found.compiled.finds("exercice crue a bordeaux")
    assert found.compiled.finds("crue a bordeaux")
    other = narrower(FLOOD, dismissed, [["exercice"]])
    assert other is not None
    assert other.query.endswith("-pompiers"), "what a confirmed alert had is not left out"
    phrase = narrower(FLOOD, [["grand jeu"], ["grand jeu"]], [])
    assert phrase is not None
    assert phrase.query.endswith('-"grand jeu"')
    assert narrower(FLOOD, [["préfet"], ["pompiers"], ["maire"]], []) is None
    assert narrower(FLOOD, [["inondés"], ["inondés"]], []) is None, "what the query looks for is not left out"


# Vigilance -----------------------------------------------------------------------------------------------------------


def test_a_vigilance_weighs_for_floods_in_its_departements_only() -> None:
    valid = [
        ("crues", 3, "FR-33"),
        ("Crues", 4, "FR-33"),
        ("pluie-inondation", 3, "FR-29"),
        ("crues", 2, "FR-40"),
        ("crues", None, "FR-47"),
        ("canicule", 4, "FR-13"),
        ("crues", 4, "FR"),
        ("crues", 4, "ZZ"),
    ]
    assert vigilance.prior(valid) == {("inondation", "FR-33"): 10.0, ("inondation", "FR-29"): 3.0}


def test_a_vigilance_lowers_the_bar_for_a_flood_and_no_other() -> None:
    """Of some mentions that are only watched on another day, a flood under vigilance alerts, and nothing beside it."""
    quiet = poisson_series(24 * 40)
    counts = {name: quiet.copy() for name in (("inondation", "FR-33"), ("inondation", "FR-29"), ("panne", "FR-33"))}
    now = START + HOUR * 24 * 40

    def sure(count: int, prior: dict[tuple[str, str], float]) -> set[tuple[str, str]]:
        for series in counts.values():
            series[-1] = count
        found = detect(rows(counts), [], now, {}, streaming.History(), [], prior=prior)
        return {(anomaly.key.topic, anomaly.key.territory) for anomaly in found if anomaly.is_sure}

    border = next(count for count in range(2, 40) if sure(count, {}))
    assert sure(border - 1, {}) == set()
    assert sure(border - 1, vigilance.prior([("crues", 4, "FR-33")])) == {("inondation", "FR-33")}
