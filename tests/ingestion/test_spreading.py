"""How mentions of the stand-in are passed on: few sources, many repeats, the same history for ever."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.connectors.listening.talkwalker import neutral
from sandbox.events import Event, events
from sandbox.listening import mentions_of
from sandbox.places import PARIS
from sandbox.spreading import FOLLOWERS_OF_UNKNOWN, LAST_SECOND, Course, cascade, course

SEED, UNTIL = 7, date(2026, 11, 24)
HAPPENED = events(SEED, UNTIL)
RUMOURS = [event for event in HAPPENED if event.kind == "rumour"]
COURSES = st.builds(Course, st.floats(0, 1), st.integers(1, 10**6), st.floats(1, 1000))


@given(st.integers(), COURSES, st.integers(0, 300))
def test_a_cascade_fits_in_its_day_and_repeats_come_after_their_source(seed: int, way: Course, mentions: int) -> None:
    sources, repeats = cascade(Random(seed), way, mentions)
    assert len(sources) + len(repeats) <= mentions
    assert len(repeats) == (round(mentions * way.repeated) if sources else 0)
    assert all(sources[repeat.of].second < repeat.second <= LAST_SECOND for repeat in repeats)


def test_half_of_the_repeats_come_in_the_time_of_the_course() -> None:
    sources, repeats = cascade(Random(1), Course(0.9, 100, 20.0), 4000)
    delays = sorted(repeat.second - sources[repeat.of].second for repeat in repeats)
    assert delays[len(delays) // 2] == pytest.approx(20 * 60, rel=0.1)


def test_most_rumours_begin_with_accounts_that_few_follow_and_no_notice_does() -> None:
    seeds = range(40)
    begun = Counter(way.followers for seed in seeds for rumour in RUMOURS if (way := course(seed, rumour)))
    assert 0.75 < begun[FOLLOWERS_OF_UNKNOWN] / begun.total() < 0.95
    others = [course(seed, event) for seed in seeds for event in HAPPENED if event.kind != "rumour"]
    assert all(way is None or way.followers != FOLLOWERS_OF_UNKNOWN for way in others)
    assert 0.28 < sum(way is not None for way in others) / len(others) < 0.38


@pytest.mark.parametrize("event", [event for event in RUMOURS if event.strength > 2][-6:], ids=lambda event: event.code)
def test_a_rumour_is_mostly_shares_and_copies_that_lead_to_a_few_messages(event: Event) -> None:
    day = event.start + timedelta(days=1)
    rumours = [mention for mention in mentions_of(SEED, day) if mention["matched_profile"] == ["rumour"]]
    records = [neutral(mention, "p") for mention in rumours]
    known = {record["mention_id"]: record for record in records}
    shares = [record for record in records if record["is_share"]]
    assert len(shares) > len(rumours) / 2
    assert len({record["parent_id"] for record in shares}) <= 3
    for record in shares:
        shared = known[record["parent_id"]]
        assert (shared["is_share"], shared["source_platform"]) == (False, record["source_platform"])
        assert shared["published_at"] < record["published_at"]
        assert record["text"] == shared["text"]
    midnight = datetime.combine(day, time(), PARIS).timestamp() * 1000
    assert all(midnight <= mention["published"] < midnight + 86_400_000 for mention in rumours)


def test_what_spreads_is_the_same_when_it_is_asked_for_again() -> None:
    day = RUMOURS[-1].start
    before = mentions_of(SEED, day)
    mentions_of.cache_clear()
    assert mentions_of(SEED, day) == before
    assert len({mention["url"] for mention in before}) == len(before)
