"""The first table of Veille over a copy made by hand: on a quiet night, in a crisis, and where the feed is late."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.superset.conftest import BUNDLE

QUERY = (BUNDLE / "datasets" / "live_now.sql").read_text(encoding="utf-8")
TABLES = """
    create schema signals;
    create table signals.live_signal (
        signal_id text, topic_label text, territory_code text, territory_label text, severity integer,
        probability double, status text, opened_at timestamp, updated_at timestamp, closed_at timestamp,
        explanation text
    );
    create table signals.live_crisis (
        crisis_id text, title text, opened_at timestamp, territory_code text, territory_label text,
        last_entry_at timestamp, last_entry text
    );
    create table signals.live_state (
        platform_label text, data_until timestamp, last_loaded_at timestamp, late_after_minutes integer
    );
"""
#: One signal that closed at half past ten in the evening in Paris, and one hour earlier in UTC.
CLOSED = """
    insert into signals.live_signal values (
        's1', 'Crue', 'FR-27', 'Eure', 2, 0.97, 'closed', '2026-01-10 10:00', '2026-01-10 21:30', '2026-01-10 21:30',
        'Crue, Eure : 42 mentions en une heure.'
    )
"""
OPEN = """
    insert into signals.live_signal values (
        's2', 'Rumeur <b>', 'FR-33', 'Gironde', 4, 1.0, 'open', '2026-01-11 08:00', '2026-01-11 09:00', null,
        'Rumeur <b>, Gironde : 50 mentions : du jamais vu.'
    )
"""
CRISIS = """
    insert into signals.live_crisis values
        ('c1', 'Inondation', '2026-01-11 07:00', 'FR-33', 'Gironde', null, null),
        ('c1', 'Inondation', '2026-01-11 07:00', 'FR-40', 'Landes', null, null)
"""


@pytest.fixture
def copy() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Tokyo'")  # hours are those of Paris, wherever the server stands
        connection.execute(TABLES)
        load(connection, minutes_ago=3)
        yield connection


def load(copy: duckdb.DuckDBPyConnection, minutes_ago: int) -> None:
    copy.execute("delete from signals.live_state")
    copy.execute(
        "insert into signals.live_state "
        f"select 'Veille', timestamp '2026-01-11 08:59', timezone('UTC', now()) - interval {minutes_ago} minute, 30"
    )


def shown(copy: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str, str]]:
    """Return rank, name, state and sentence, as the page orders them."""
    columns = "rank, signal_label, state, sentence"
    return copy.execute(f"select {columns} from ({QUERY}) order by rank, severity desc").fetchall()


FEED = (4, "Flux en direct", "✔ à jour", "Veille : données arrêtées au 11/01 à 09 h 59.")


def test_a_quiet_night_is_one_calm_sentence_that_names_the_latest_signal(copy):
    calm = (3, "Rien ne sort de l'ordinaire", "✔ calme", "Aucun signal, aucune crise.")
    assert shown(copy) == [calm, FEED]
    copy.execute(CLOSED)
    last = " Le dernier signal, Crue – Eure, s'est calmé le 10/01 à 22 h 30."
    closed = (5, "Crue – Eure", "●●○○ modérée", "42 mentions en une heure.")
    assert shown(copy) == [(*calm[:3], calm[3] + last), FEED, closed]


def test_a_crisis_comes_before_signals_and_neither_is_calm(copy):
    copy.execute(OPEN)
    copy.execute(CRISIS)
    assert shown(copy) == [
        (1, "Crise : Inondation", "en cours", "Gironde, Landes ; le journal est encore vide"),
        (2, "Rumeur ‹b> – Gironde", "●●●● critique", "50 mentions : du jamais vu."),
        FEED,
    ]
    (probability, step) = copy.execute(f"select probability, step from ({QUERY}) where rank = 2").fetchone()
    assert probability == 0.99  # an alert never says 100 %
    assert step == '<a href="/pages/veille/s2">Confirmer ou écarter</a>'


def test_what_is_only_watched_comes_last_and_is_not_calm(copy):
    copy.execute(OPEN.replace("'open'", "'watch'"))
    watched = (4, "Rumeur ‹b> – Gironde", "○ à surveiller", "50 mentions : du jamais vu.")
    assert shown(copy) == [watched, FEED]


def test_a_late_feed_comes_first_and_says_that_calm_means_nothing(copy):
    load(copy, minutes_ago=31)
    late, calm = shown(copy)
    assert late[:3] == (0, "Flux en direct", "▲ en retard")
    assert late[3].endswith("; un tableau vide ne dit rien du présent.")
    assert calm[0] == 3
