"""The chat's export: its defects are repaired, nobody can be recognised, and overlapping files count once."""

from datetime import UTC, datetime

import pytest

from core.errors import ExpectedFailure
from ingestion.configuration import known_chat_labels
from ingestion.connectors.brigade_numerique.contract import repaired
from ingestion.engine.loading import load
from tests.ingestion.drops import SEED, UNTIL, ask, counts, delivered, loaded, rejections, written

CHAT = "brigade_numerique"
LINE = "EAS42;14/03/2025 09:05;chat;Je suis victime;Hameçonnage;rappeler Mme Perrin au 06 39 98 12 34"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_PSEUDONYM_KEY", "clef-du-test")


def test_a_contact_is_a_pseudonym_an_instant_and_its_motives(home, exports):
    assert counts(loaded(CHAT, exports, "a.csv", LINE + "\n")) == (1, 1, 0, 0, 0)
    [(key, reference, local, instant, repaired, parent, motive, pnav)] = ask(
        CHAT,
        "select contact_key, reference, date, contacted_at, heure_reparee, motif_parent, motif, pnav from contacts",
    )
    assert reference.startswith("p_")
    assert key == f"{reference}|2025-03-14T09:05|Je suis victime|Hameçonnage"
    assert (local, instant) == ("2025-03-14T09:05", datetime(2025, 3, 14, 8, 5, tzinfo=UTC))
    assert (repaired, parent, motive, pnav) == (False, "Je suis victime", "Hameçonnage", False)
    on_disk = written(home.root)
    for secret in (b"EAS42", b"Perrin", b"39 98 12 34"):
        assert secret not in on_disk


@pytest.mark.usefixtures("home")
def test_a_header_is_passed_over_when_there_is_one(exports):
    header = "Référence;Date;Canal;Motif_parent;Motif;Element_de_qualification"
    assert counts(loaded(CHAT, exports, "a.csv", f"{header}\n{LINE}\n")) == (1, 1, 0, 0, 0)


@pytest.mark.usefixtures("home")
def test_overlapping_files_count_once_whatever_their_encoding(exports):
    """The first export is whole; the second has cp1252 bytes, the third lost what it could not read."""
    loaded(CHAT, exports, "a.csv", LINE + "\n")
    assert counts(loaded(CHAT, exports, "b.csv", (LINE + "\n").encode("cp1252"))) == (1, 0, 0, 1, 0)
    damaged = LINE.replace("ç", "\ufffd").replace("Je suis", "JE SUIS")
    assert counts(loaded(CHAT, exports, "c.csv", damaged + "\nEAS43" + LINE[5:] + "\n")) == (2, 1, 0, 1, 0)


@pytest.mark.usefixtures("home")
def test_one_conversation_with_two_motives_is_two_rows(exports):
    second = LINE.replace("Hameçonnage", "Piratage de compte")
    assert counts(loaded(CHAT, exports, "a.csv", f"{LINE}\n{second}\n")) == (2, 2, 0, 0, 0)
    assert ask(CHAT, "select count(distinct reference), count(distinct contact_key) from contacts") == [(1, 2)]


@pytest.mark.usefixtures("home")
def test_empty_motives_and_pnav_rows_are_kept(exports):
    lines = "E1;01/02/2025 10:00;chat;;;\nE2;01/02/2025 10:01;chat;PNAV;PNAV;\nE3;01/02/2025 10:02;chat;;pnav soir;\n"
    assert counts(loaded(CHAT, exports, "a.csv", lines)) == (3, 3, 0, 0, 0)
    assert ask(CHAT, "select motif_parent, motif, pnav from contacts order by contacted_at") == [
        (None, None, False),
        ("PNAV", "PNAV", True),
        (None, "pnav soir", True),
    ]


@pytest.mark.usefixtures("home")
def test_the_hours_of_the_clock_change(exports):
    expected = {
        "30/03/2025 01:59": ("2025-03-30 00:59", False),
        "30/03/2025 02:30": ("2025-03-30 01:30", True),  # does not exist: 03:30 of summer time
        "30/03/2025 03:30": ("2025-03-30 01:30", False),
        "26/10/2025 02:30": ("2025-10-26 00:30", False),  # comes twice: the first
    }
    loaded(CHAT, exports, "a.csv", "".join(f"E1;{moment};chat;PNAV;PNAV;\n" for moment in expected))
    found = ask(CHAT, "select strftime(contacted_at, '%Y-%m-%d %H:%M'), heure_reparee from contacts order by date")
    assert sorted(found) == sorted(expected.values())


@pytest.mark.usefixtures("home")
def test_bad_rows_are_quarantined_and_the_others_load(exports):
    lines = [LINE, "E2;31/02/2025 10:00;chat;;;", "E3;01/02/2025 25:10;chat;;;", "E4;01/02/2025;chat;;;"]
    lines += [";01/02/2025 10:00;chat;;;", "E6;01/02/2025 10:00;chat"]
    assert counts(loaded(CHAT, exports, "a.csv", "\n".join(lines) + "\n")) == (6, 1, 0, 0, 5)
    assert rejections(CHAT) == [
        (2, "date", "is not a date of the calendar"),
        (3, "date", "is not a date of the calendar"),
        (4, "date", "has no time of day"),
        (5, "reference", "is empty, and must not be"),
        (6, None, "it has 3 fields where the header has 6"),
    ]


def test_the_quarantine_does_not_hold_the_reference(home, exports):
    loaded(CHAT, exports, "a.csv", LINE.replace("14/03", "31/02") + "\n")
    assert len(rejections(CHAT)) == 1
    assert b"EAS42" not in written(home.root)
    assert b"Perrin" not in written(home.root)


@pytest.mark.parametrize(
    ("damaged", "expected"),
    [
        ("Hame\ufffdonnage", "Hameçonnage"),
        ("Hame\ufffd\ufffdonnage", "Hameçonnage"),  # its two bytes, each replaced
        ("D\ufffdlit in\ufffddit", "D\ufffdlit in\ufffddit"),  # no such label
        ("c\ufffdte", "c\ufffdte"),  # two labels
        ("L\ufffdalerte", "L'alerte"),
        ("L’ALERTE", "L'alerte"),
        ("Nouveau motif", "Nouveau motif"),
        ("Rappeler le 06 39 98 12 34", "Rappeler le [TÉLÉPHONE]"),
    ],
)
def test_labels_are_repaired_where_there_is_one_answer(damaged, expected):
    assert repaired(lambda: ("Hameçonnage", "L'alerte", "côte", "cête"))(damaged) == expected


def test_every_known_motive_survives_a_wrong_decoding():
    parse = repaired()
    for label in known_chat_labels():
        assert parse(label.encode("cp1252").decode("utf-8", errors="replace")) == label


@pytest.mark.usefixtures("home")
def test_a_file_with_other_columns_is_refused(exports):
    with pytest.raises(ExpectedFailure, match=r"file a\.csv, line 1: it has 3 fields"):
        loaded(CHAT, exports, "a.csv", "un;deux;trois\n")


def test_the_stand_in_loads_whole_and_only_once(home, exports):
    [file] = delivered(CHAT, exports)
    read, new, *_, quarantined = counts(load(CHAT, file=file))
    assert (new, quarantined) == (read, 0)
    assert 2000 < read < 4000
    assert ask(CHAT, "select count(*) from contacts where motif like '%\ufffd%'") == [(0,)]
    assert ask(CHAT, "select bool_or(pnav), bool_or(motif is null) from contacts") == [(True, True)]
    assert counts(load(CHAT, file=file)) == (read, 0, 0, read, 0)
    assert b"rappeler" not in written(home.root)


def test_history_never_moves_and_files_overlap():
    from sandbox.brigade_numerique import contacts_of, drops

    day = UNTIL.replace(month=7, day=1)
    first, second = (
        content.decode(code) for (_, content), code in zip(drops(SEED, day), ("cp1252", "utf-8"), strict=True)
    )
    assert first == next(iter(drops(SEED, day.replace(day=30))))[1].decode("cp1252")
    references = {row[0] for row in contacts_of(SEED, day.replace(month=6, day=30))}
    assert all(reference in first and reference in second for reference in references)


def test_a_wave_of_phishing_shows_in_the_chat():
    from datetime import timedelta

    from sandbox.brigade_numerique import contacts_of
    from sandbox.events import START, pressure

    days = [START + timedelta(days=offset) for offset in range(365)]
    phishing = {day: sum(row[4] == "Hameçonnage" for row in contacts_of(SEED, day)) for day in days}
    waves = [phishing[day] for day in days if pressure(SEED, day, "phishing", lag_days=1) > 2]
    ordinary = [phishing[day] for day in days if pressure(SEED, day, "phishing", lag_days=1) == 1]
    assert sum(waves) / len(waves) > 1.8 * sum(ordinary) / len(ordinary)
