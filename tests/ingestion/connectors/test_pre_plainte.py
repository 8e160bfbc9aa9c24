"""The log of the pré-plainte: codes and flags as text, impossible durations kept, impossible dates set aside."""

from datetime import UTC, datetime

import pytest

from core.errors import ExpectedFailure
from ingestion.engine.loading import load
from tests.ingestion.drops import ask, counts, delivered, loaded, rejections

PPEL = "pre_plainte"
HEADER = (
    "stats_id,stats_debut_declaration,stats_fin_declaration,stats_dpt_unite,stats_pers_physique,stats_pers_morale\n"
)

pytestmark = pytest.mark.usefixtures("home")


def test_a_declaration_is_loaded_with_instants_and_truth_values(exports):
    line = "579586,2022-07-14 10:00:00,2022-07-14 10:07:32,75C,1,0\n"
    assert counts(loaded(PPEL, exports, "a.csv", HEADER + line)) == (1, 1, 0, 0, 0)
    columns = "stats_id, stats_debut_declaration, stats_fin_declaration, stats_dpt_unite"
    assert ask(PPEL, f"select {columns}, stats_pers_physique, stats_pers_morale from declarations") == [
        (
            "579586",
            datetime(2022, 7, 14, 8, 0, 0, tzinfo=UTC),
            datetime(2022, 7, 14, 8, 7, 32, tzinfo=UTC),
            "75C",
            True,
            False,
        )
    ]


def test_durations_hold_over_the_change_to_summer_time(exports):
    """Sent at 03:05 summer time, eight minutes after 01:57: not an hour and eight."""
    loaded(PPEL, exports, "a.csv", HEADER + "1,2025-03-30 01:57:00,2025-03-30 03:05:00,33,1,0\n")
    seconds = "date_diff('second', stats_debut_declaration, stats_fin_declaration)"
    assert ask(PPEL, f"select {seconds} from declarations") == [(480,)]


def test_impossible_durations_and_unfinished_declarations_are_kept(exports):
    lines = [
        "1,2025-02-01 10:00:00,2025-02-01 09:00:00,33,1,0",
        "2,2025-02-01 10:00:00,2025-02-09 10:00:00,33,1,0",
        "3,2025-02-01 10:00:00,,33,1,0",
    ]
    assert counts(loaded(PPEL, exports, "a.csv", HEADER + "\n".join(lines) + "\n")) == (3, 3, 0, 0, 0)
    hours = "date_diff('hour', stats_debut_declaration, stats_fin_declaration)"
    assert ask(PPEL, f"select stats_id, {hours} from declarations order by 1") == [("1", -1), ("2", 192), ("3", None)]


def test_the_code_of_a_departement_is_text_and_repaired(exports):
    repaired = {"6": "06", "6.0": "06", "06": "06", "2a": "2A", "75C": "75C", "973": "973", "": None}
    lines = [f"{key},2025-02-01 10:00:00,2025-02-01 10:05:00,{code},1,0\n" for key, code in enumerate(repaired)]
    loaded(PPEL, exports, "a.csv", HEADER + "".join(lines))
    found = ask(PPEL, "select stats_dpt_unite from declarations order by stats_id")
    assert found == [(code,) for code in repaired.values()]


def test_flags_come_as_text(exports):
    given = {"1,0": (True, False), "true,false": (True, False), "OUI,non": (True, False), ",": (None, None)}
    lines = [f"{key},2025-02-01 10:00:00,2025-02-01 10:05:00,33,{flags}\n" for key, flags in enumerate(given)]
    loaded(PPEL, exports, "a.csv", HEADER + "".join(lines))
    found = ask(PPEL, "select stats_pers_physique, stats_pers_morale from declarations order by stats_id")
    assert found == list(given.values())


def test_french_dates_and_semicolons_are_read(exports):
    content = HEADER.replace(",", ";") + "1;01/02/2025 10:00;01/02/2025 10:05:30;33;1;0\n"
    assert counts(loaded(PPEL, exports, "a.csv", content)) == (1, 1, 0, 0, 0)
    seconds = "date_diff('second', stats_debut_declaration, stats_fin_declaration)"
    assert ask(PPEL, f"select stats_debut_declaration, {seconds} from declarations") == [
        (datetime(2025, 2, 1, 9, 0, tzinfo=UTC), 330)
    ]


def test_bad_rows_are_quarantined_and_the_others_load(exports):
    lines = [
        "1,2025-02-01 10:00:00,2025-02-01 10:05:00,33,1,0",
        "2,2025-02-31 10:00:00,2025-02-01 10:05:00,33,1,0",
        "3,2025-02-01 25:10:00,2025-02-01 10:05:00,33,1,0",
        "4,2025-02-01 10:00:00,0000-00-00 00:00:00,33,1,0",
        "5,2025-02-01,2025-02-01 10:05:00,33,1,0",
        "6,2025-02-01 10:00:00,2025-02-01 10:05:00,Gironde,1,0",
        "7,2025-02-01 10:00:00,2025-02-01 10:05:00,33,peut-être,0",
        ",2025-02-01 10:00:00,2025-02-01 10:05:00,33,1,0",
    ]
    assert counts(loaded(PPEL, exports, "a.csv", HEADER + "\n".join(lines) + "\n")) == (8, 1, 0, 0, 7)
    assert rejections(PPEL) == [
        (3, "stats_debut_declaration", "is not a date of the calendar"),
        (4, "stats_debut_declaration", "is not a date of the calendar"),
        (5, "stats_fin_declaration", "is not a date of the calendar"),
        (6, "stats_debut_declaration", "has no time of day"),
        (7, "stats_dpt_unite", "is not the code of a département"),
        (8, "stats_pers_physique", "is neither true nor false"),
        (9, "stats_id", "is empty, and must not be"),
    ]


def test_a_log_without_a_column_is_refused(exports):
    with pytest.raises(ExpectedFailure, match=r"file a\.csv: the required column stats_dpt_unite .* is missing"):
        loaded(PPEL, exports, "a.csv", HEADER.replace("stats_dpt_unite,", "") + "1,2025-02-01 10:00,,1,0\n")


def test_the_stand_in_loads_only_once_and_its_bad_dates_are_set_aside(exports):
    [file] = delivered(PPEL, exports)
    read, new, *_, quarantined = counts(load(PPEL, file=file))
    assert new == read - quarantined
    assert {(field, reason) for _, field, reason in rejections(PPEL)} <= {
        ("stats_debut_declaration", "is not a date of the calendar")
    }
    assert counts(load(PPEL, file=file)) == (read, 0, 0, new, quarantined)
    seconds = "date_diff('second', stats_debut_declaration, stats_fin_declaration)"
    [(median, negative, codes)] = ask(
        PPEL,
        f"select median({seconds}), count(*) filter ({seconds} < 0), count(*) filter (length(stats_dpt_unite) < 2)"
        " from declarations",
    )
    assert 330 < median < 450
    assert negative > 0
    assert codes == 0
