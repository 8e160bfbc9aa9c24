"""Real events are read, moved and laid over a background as their files say, and what is noticed is counted by hand."""

from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from analytics.anomaly.baseline import Anomaly, Key
from analytics.anomaly.calibration import Threshold
from analytics.signals import topics
from analytics.signals.lifecycle import Signal
from benchmarks import replay
from benchmarks.crises import Replayed
from core.settings import CHECKOUT

EVENTS = sorted((CHECKOUT / "benchmarks" / "events").glob("*.csv"))
BEGINS = datetime(2026, 4, 1, 10, 0)  # noqa: DTZ001 - UTC without a zone, as in the product
MINUTE = timedelta(minutes=1)


def written(folder: Path, text: str) -> Path:
    file = folder / "event.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_counts_are_spread_over_bins_as_long_as_the_shortest_distance(tmp_path: Path) -> None:
    file = written(
        tmp_path, "# a source\nat,posts\n2026-04-01T10:20Z,1\n2026-04-01T12:00+02:00,2\n2026-04-01T10:10,0\n"
    )
    posts = replay.read(file, [])
    assert [post.at for post in posts] == [BEGINS, BEGINS + 5 * MINUTE, BEGINS + 20 * MINUTE]
    assert {(post.topics, post.place) for post in posts} == {(("autres",), "")}


def test_a_text_says_topics_and_place_unless_columns_do(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "at,place,text\n2026-04-01T10:00,FR-33,La crue monte\n2026-04-01T10:01,,La crue monte à Évreux\n",
    )
    posts = replay.read(file, topics.read())
    assert [(post.topics, post.place) for post in posts] == [(("inondation",), "FR-33"), (("inondation",), "FR-27")]
    assert {post.topics for post in replay.read(file, topics.read(), "epidemie")} == {("epidemie",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column `at`"),
        ("time\n2026-04-01\n", "no column `at`"),
        ("at,posts\nyesterday,1\n", "yesterday"),
        ("at,posts\n2026-04-01,many\n", "many"),
        ("at,posts\n2026-04-01,0\n", "no post"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        replay.read(written(tmp_path, text), [])


def test_a_file_that_is_no_text_or_is_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe")
    for name in ("binary.csv", "missing.csv"):
        with pytest.raises(SystemExit, match=name):
            replay.read(tmp_path / name, [])


def test_an_event_keeps_its_weekday_and_its_hour_in_paris() -> None:
    """A Wednesday in winter at five past twelve in Paris; the first one after the month to learn is in summer time."""
    winter = datetime(2015, 1, 7, 11, 5)  # noqa: DTZ001
    assert winter + replay.shift(winter) == datetime(2026, 4, 1, 10, 5)  # noqa: DTZ001
    summer = datetime(2031, 7, 2, 10, 5)  # noqa: DTZ001
    assert summer + replay.shift(summer) == datetime(2026, 4, 1, 10, 5)  # noqa: DTZ001


def signal(name: str, topic: str, opened: float, *, is_sure: bool = True) -> Signal:
    """Return a signal of ten minutes that opens so many minutes after the event begins."""
    at = BEGINS + opened * MINUTE
    evidence = Anomaly(Key(topic, "mentions", "all", "FR"), at, 5, 9.0, 0.1, 2.0, 1e-9)
    return Signal(name, topic, "FR", "sudden", at, at + 10 * MINUTE, None, (evidence,), is_sure=is_sure)


def test_what_is_noticed_is_counted_by_hand() -> None:
    """Two signals of the event, of which the later alerts first; four others, two of which alert."""
    event = [replay.TaggedMention(BEGINS + n * MINUTE, ("crue",), "", replay._mention(BEGINS)) for n in range(60)]
    signals = [
        signal("own", "crue", 2),
        signal("own later", "crue", 20),
        signal("another topic", "panne", 5),
        signal("long before", "crue", -60),
        signal("long after", "crue", 59 + 24 * 60, is_sure=False),
        signal("watched", "panne", 500, is_sure=False),
    ]
    watched = {one.signal_id: one.opened_at + 5 * MINUTE for one in signals}
    alerted = {"own": BEGINS + 40 * MINUTE, "own later": BEGINS + 25 * MINUTE, "another topic": BEGINS + 9 * MINUTE}
    seen = replay.outcome(Replayed(signals, watched, alerted, {}), event)
    assert seen == replay.Outcome(True, 7.0, 25.0, 25, 2, 2)
    lost = replay.outcome(Replayed(signals[2:], watched, alerted, {}), event)
    assert lost == replay.Outcome(False, None, None, None, 2, 2)
    ongoing = replay.outcome(Replayed([signal("own", "crue", -5)], {}, {"own": BEGINS - 2 * MINUTE}, {}), event)
    assert ongoing == replay.Outcome(True, None, None, None, 0, 0)
    # 54 days less 30 of warm-up are 24/7 weeks, thrice: 4 false alerts and 4 in vain in 10.29 weeks
    assert (
        replay.row(0.002, [seen, lost, ongoing]) == "| 0.002 | 2 of 3 | 7 (≤ 7) | 25 (≤ 25) | 25 (≤ 25) | 0.39 | 0.39 |"
    )


def test_a_budget_ten_times_as_great_lowers_both_scores_by_one() -> None:
    moved = replay.with_budget(Threshold("listening", 60, 0.002, 100.0, 5.0, 4.0), 0.02)
    assert (moved.score, moved.watch_score) == (pytest.approx(4.0), pytest.approx(3.0))


@pytest.mark.parametrize("background", replay.BACKGROUNDS)
def test_a_background_has_the_rate_that_was_asked_for(background: str) -> None:
    draw = replay.np.random.default_rng(2)
    mentions = [*replay.background(draw, replay.BACKGROUNDS[background], {"crue": 0.5, "autres": 4.0})]
    for topic, rate in (("crue", 0.5), ("autres", 4.0)):
        times = [mention.at for mention in mentions if mention.topics == (topic,)]
        assert len(times) == pytest.approx(rate * 24 * replay.DAYS, rel=0.25)
        assert (max(times) - min(times)).days in {replay.DAYS - 2, replay.DAYS - 1}


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: file.stem)
def test_an_event_that_is_shipped_names_its_source_and_licence(file: Path) -> None:
    head = "".join(line for line in file.open(encoding="utf-8") if line.startswith("#"))
    assert "Source:" in head
    assert "CC BY 4.0" in head


def test_the_events_that_are_shipped_have_as_many_posts_as_their_source() -> None:
    assert {file.stem: len(replay.read(file, [])) for file in EVENTS} == {
        "charlie_hebdo": 1014, "germanwings": 469, "ottawa_shooting": 890
    }  # fmt: skip


@pytest.mark.long
def test_thirty_posts_in_five_minutes_alert_when_these_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = tmp_path / "event.svg"
    rows = [f"{BEGINS + timedelta(seconds=10 * n):%Y-%m-%dT%H:%M:%S}" for n in range(30)]
    file = written(tmp_path, "\n".join(["at", *rows]))
    options = ["--topic=crue", "--others=2", "--backgrounds=1", "--seed=2", "--budgets=0.002", f"--picture={drawn}"]
    monkeypatch.setattr("sys.argv", ["replay", str(file), *options])
    replay.main()
    assert capsys.readouterr().out.splitlines()[-1].startswith("| 0.002 | 1 of 1 | 5 (≤ 5) | 5 (≤ 5) | 30 (≤ 30) |")
    texts = {text.text for text in ET.parse(drawn).getroot().iter("{http://www.w3.org/2000/svg}text")}
    assert {"first post, 0 min", "to watch, 5 min", "alert, 5 min"} <= texts
