"""The load logs of both files, brought together."""

import duckdb

from core.locks import writer_lock
from ingestion.engine import load_log
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import ensure_tables, load
from tests.ingestion.conftest import ask, experience, write_export


def loads(home):
    return ask(home, "select platform, entity, rows_new from raw_platforms.loads order by 1, 2")


def test_an_empty_home_has_no_load(empty_home):
    assert collect_loads() == 0
    assert not empty_home.live.exists()


def test_loads_of_both_files_come_together_and_twice_is_once(home, exports):
    load("services_publics_plus", file=write_export(exports, experience("1"), experience("2")))
    chat = exports / "chat.csv"
    chat.write_text("R1;24/03/2025 10:15;Chat;Je m'informe;Recrutement;x\n", encoding="utf-8")
    load("brigade_numerique", file=chat)
    expected = [("brigade_numerique", "contacts", 1), ("services_publics_plus", "experiences", 2)]
    assert collect_loads() == 2
    assert loads(home) == expected
    assert collect_loads() == 2
    assert loads(home) == expected


def test_a_load_that_did_not_complete_does_not_count(home, exports):
    load("services_publics_plus", file=write_export(exports, experience("1")))
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("delete from raw_services_publics_plus._dlt_loads")
    assert collect_loads() == 0


def test_a_platform_whose_tables_are_empty_has_no_load(home):
    ensure_tables("pre_plainte")
    assert collect_loads() == 0
    assert loads(home) == []


def test_a_live_file_that_its_writer_keeps_leaves_its_loads_as_they_were(home, exports, monkeypatch):
    chat = exports / "chat.csv"
    chat.write_text("R1;24/03/2025 10:15;Chat;Je m'informe;Recrutement;x\n", encoding="utf-8")
    load("brigade_numerique", file=chat)
    assert collect_loads() == 1
    load("services_publics_plus", file=write_export(exports, experience("1"), experience("2")))
    chat.write_text("R2;24/03/2025 10:16;Chat;Je m'informe;Recrutement;x\n", encoding="utf-8")
    load("brigade_numerique", file=chat)
    monkeypatch.setattr(load_log, "LIVE_TIMEOUT_SECONDS", 0.5)
    with writer_lock(home.live):
        assert collect_loads() == 2, "the first of the chat, and the other platform's"
    assert collect_loads() == 3


def test_what_is_set_aside_is_counted_by_reason_in_both_files_and_its_values_are_not_copied(home, exports):
    faults = exports / "declarations.csv"
    header = (
        "stats_id;stats_debut_declaration;stats_fin_declaration;stats_dpt_unite;stats_pers_physique;stats_pers_morale"
    )
    lines = [
        f"D{rank};2025-01-10 10:00;2025-01-10 10:20;{place};1;0" for rank, place in enumerate(("33", "ZZZ", "YYY"))
    ]
    faults.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    load("pre_plainte", file=faults)
    chat = exports / "chat.csv"
    chat.write_text(
        "R1;24/03/2025 10:15;Chat;Je m'informe;Recrutement;x\nR2;pas un jour;Chat;a;b;x\n", encoding="utf-8"
    )
    load("brigade_numerique", file=chat)
    collect_loads()
    columns = "platform, entity, origin, field, reason, rows, first_line"
    expected = (
        "pre_plainte",
        "declarations",
        "declarations.csv",
        "stats_dpt_unite",
        "is not the code of a département",
    )
    assert ask(home, f"select {columns} from raw_platforms.set_aside where platform = 'pre_plainte'") == [
        (*expected, 2, 3)
    ]
    assert ask(home, "select rows from raw_platforms.set_aside where platform = 'brigade_numerique'") == [(1,)]
    assert {name for (name,) in ask(home, "select column_name from (describe raw_platforms.set_aside)")}.isdisjoint(
        {"value", "payload", "record_key"}
    )
    faults.write_text("\n".join((header, *(line.replace("ZZZ", "40").replace("YYY", "40") for line in lines))), "utf-8")
    load("pre_plainte", file=faults)
    collect_loads()
    assert ask(home, "select platform from raw_platforms.set_aside") == [("brigade_numerique",)]
