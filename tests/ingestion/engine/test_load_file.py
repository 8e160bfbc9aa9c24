"""Files into the warehouse: what is loaded, what is quarantined, what is refused, and that nothing happens twice."""

import csv
import json
import os
import pkgutil
import re
import subprocess
import sys

import pytest

import ingestion
from core import settings
from core.errors import ExpectedFailure
from ingestion.connectors.services_publics_plus.contract import CONTRACT, EXPERIENCES
from ingestion.engine import contract, loading, quarantine, validation
from ingestion.engine.loading import ensure_tables, load, retry_quarantine
from privacy import redact
from tests.ingestion.conftest import HEADER, ask, experience, snapshot, write_export
from tests.ingestion.drops import counts
from tests.ingestion.engine.test_contract import GENERATIONS

SPP = "services_publics_plus"


def run_alone(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ingestion", SPP, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        cwd=settings.CHECKOUT,
    )


# ---- the real export


@pytest.fixture
def real(shared):
    return shared / "data" / SPP


def test_the_real_experiences(empty_home, real):
    report = load(SPP, file=real / "export-experiences.csv")
    assert counts(report) == (601, 601, 0, 0, 0)
    assert report.complete
    assert report.entities[0].generation == "export_2023"
    assert report.entities[0].unknown_columns == ()
    assert report.repaired_characters == 557
    assert ask(empty_home, "select ressenti_usager, count(id_experience) from experiences group by 1 order by 1") == [
        ("Neutre", 198),
        ("Négatif", 207),
        ("Positif", 196),
    ]
    assert ask(
        empty_home, "select count(*) filter (pays <> 'France'), count(code_departement_usager) from experiences"
    ) == [(175, 132)]
    with (real / "export-experiences.csv").open(encoding="utf-8-sig", newline="") as handle:
        expected = {
            row["ID expérience"]: (row["Ressenti usager"], row["Pays"], row["Expériences Similaires"])
            for row in csv.DictReader(handle, delimiter=";")
        }
    loaded = ask(
        empty_home, "select id_experience, ressenti_usager, pays, experiences_similaires::varchar from experiences"
    )
    assert {key: rest for key, *rest in loaded} == {key: list(rest) for key, rest in expected.items()}


def test_loading_the_real_export_again_changes_nothing(home, real):
    load(SPP, file=real / "export-experiences.csv")
    before = snapshot(home)
    assert counts(load(SPP, file=real / "export-experiences.csv")) == (601, 0, 0, 601, 0)
    assert snapshot(home) == before
    assert ask(home, "select rows_new, rows_unchanged from load_log order by started_at") == [(601, 0), (0, 601)]


def test_the_real_structures_hold_the_units_of_the_gendarmerie(home, real):
    assert counts(load(SPP, file=real / "export-structures.csv")) == (3559, 3559, 0, 0, 0)
    assert ask(home, "select count(*) from structures where intitule_reseau = 'Gendarmerie Nationale'") == [(127,)]
    assert ask(home, "select count(*) from structures where length(code_postal) <> 5") == [(0,)]
    assert ask(home, "select insee_commune, insee_departement, insee_region from structures where ville = 'LAVAL'")[
        0
    ] == ("53130", "53", "52")


def test_the_texts_of_the_real_experiences_are_loaded_redacted(home, real):
    load(SPP, file=real / "export-experiences.csv")
    texts = [text for row in ask(home, "select titre, description from experiences") for text in row]
    assert len(texts) == 2 * 601
    assert all(texts)
    marked = [text for text in texts if re.search(r"\[(?:NOM|TÉLÉPHONE|MAIL)\]", text)]
    assert 20 < len(marked) < len(texts) / 10, "some texts name people, most do not"
    assert [text for text in texts if redact(text) != text] == []


def test_no_mail_address_of_the_real_exports_reaches_the_disk(home, real):
    for name in ("export-experiences.csv", "export-structures.csv"):
        load(SPP, file=real / name)
    written = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert b"pays" in written
    assert b"@gendarmerie.interieur" not in written


@pytest.mark.usefixtures("home")
def test_repaired_characters_are_told_with_the_place_of_the_first(exports):
    file = exports / "export.csv"
    file.write_bytes(f"\ufeff{HEADER}\n{experience('1')}\n".encode() + experience("2", title="l’été").encode("cp1252"))
    report = load(SPP, file=file)
    assert report.repaired_characters == 6
    assert "note: export.csv: 6 repaired characters, the first in line 3, column 8" in report.summary()
    assert "été" not in report.summary()


def test_a_load_of_which_every_record_was_refused_is_a_failure(home, exports):
    file = write_export(exports, experience("1", published="31/02/2022"), experience("2", feeling="Mitigé"))
    report = load(SPP, file=file)
    assert not report.complete
    assert "file export.csv: every record was refused (2 of 2), nothing was loaded." in report.problems[0]
    assert run_alone(file, CYBERIMPACT_HOME=str(home.root)).returncode == 1


# ---- generations, merging


@pytest.mark.parametrize("generation", [name for name in GENERATIONS if name != "api"])
def test_a_file_of_each_generation(home, exports, generation):
    record = GENERATIONS[generation]
    file = write_export(exports, ";".join(record.values()), header=";".join(record))
    assert counts(load(SPP, file=file)) == (1, 1, 0, 0, 0)
    assert ask(home, "select id_experience, etat_experience, ressenti_usager, generation from experiences") == [
        ("2904756", "Traitée", "Négatif", generation)
    ]


def test_a_column_that_a_generation_lacks_says_nothing(home, exports):
    """The 2023 export has no date of first answer; the one that an older file gave stays."""
    for generation in ("csv_2022", "export_2023"):
        record = GENERATIONS[generation]
        load(SPP, file=write_export(exports, ";".join(record.values()), header=";".join(record)))
    assert ask(
        home,
        "select date_de_premiere_reponse, code_departement_usager, generation, count(*) from experiences group by all",
    ) == [("2022-10-16", "06", "export_2023", 1)]


def test_a_changed_record_is_updated_and_the_others_keep_their_load(home, exports):
    load(SPP, file=write_export(exports, experience("1"), experience("2")))
    first = dict(ask(home, "select id_experience, _dlt_load_id from experiences"))
    report = load(SPP, file=write_export(exports, experience("1"), experience("2", feeling="Neutre"), experience("3")))
    assert counts(report) == (3, 1, 1, 1, 0)
    second = dict(ask(home, "select id_experience, _dlt_load_id from experiences"))
    assert second["1"] == first["1"]
    assert second["2"] == second["3"] != first["2"]
    assert ask(home, "select ressenti_usager from experiences where id_experience = '2'") == [("Neutre",)]


def test_unknown_columns_are_kept_and_reported(home, exports):
    file = write_export(exports, experience("1") + ";guichet;Durand", header=HEADER + ";Canal favori;Nom de l'agent")
    report = load(SPP, file=file)
    assert report.entities[0].unknown_columns == ("Canal favori",)
    assert "; unknown columns: Canal favori; dropped: " in report.summary()
    assert " Nom de l'agent (unknown to the contract, and its name announces a personal datum)" in report.summary()
    assert json.loads(ask(home, "select colonnes_inconnues from experiences")[0][0]) == {"Canal favori": "guichet"}
    assert ask(home, "select unknown_columns, dropped_columns from load_log") == [
        ('["Canal favori"]', '["Nom de l\'agent"]')
    ]


# ---- bad input


def refused(file):
    with pytest.raises(ExpectedFailure) as failure:
        load(SPP, file=file)
    assert f"{SPP}, file {file.name}" in failure.value.what
    return str(failure.value)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("<html><body>Erreur 503</body></html>", "web page"),
        (f"{HEADER}\n".replace(";", "|"), "header is not recognised"),
        (f"{HEADER}\n".replace(";", "\t"), "header is not recognised"),
        (f"{HEADER}\n".replace("Ressenti usager", "Humeur"), "ressenti_usager .* is missing .* found: .*Humeur"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_leaves_what_was_loaded(exports, home, content, said):
    load(SPP, file=write_export(exports, experience("1"), name="bon.csv"))
    before = snapshot(home)
    bad = exports / "mauvais.csv"
    bad.write_text(content)
    assert re.search(said, refused(bad))
    assert snapshot(home) == before


def test_a_header_in_another_encoding_is_refused_by_the_name_of_the_column(home, exports):
    file = exports / "export.csv"
    file.write_bytes(f"{HEADER}\n{experience('1')}\n".encode("cp437"))
    assert "required column id_experience" in refused(file)
    assert snapshot(home) == []


def test_a_truncated_file_loads_its_whole_records_and_is_not_complete(home, exports):
    file = write_export(exports, experience("1"), experience("2"))
    file.write_text(file.read_text() + '3;Traitée;Expérience avec réponse;06/10/2022;"Un titre;Un te')
    report = load(SPP, file=file)
    assert counts(report) == (3, 2, 0, 0, 1)
    assert not report.complete
    assert "file export.csv, line 4: the file is truncated" in report.problems[0]
    assert ask(home, "select line, record_key, payload from quarantine.services_publics_plus") == [(4, None, None)]
    assert run_alone("--file", file).returncode == 1


def test_impossible_dates_and_wrong_values_go_to_quarantine_and_the_others_load(home, exports):
    lines = [experience("1"), experience("2", published="31/02/2022"), experience("3", feeling="0612345678")]
    report = load(SPP, file=write_export(exports, *lines, "4;trop;court"))
    assert counts(report) == (4, 1, 0, 0, 3)
    columns = "line, record_key, field, reason, value"
    assert ask(home, f"select {columns} from quarantine.services_publics_plus order by line") == [
        (3, "2", "date_de_publication", "is not a date of the calendar", "31/02/2022"),
        (4, "3", "ressenti_usager", "is none of: Positif, Neutre, Négatif", "[TÉLÉPHONE]"),
        (5, "4", None, "it has 3 fields where the header has 8", None),
    ]


def test_the_quarantine_holds_no_free_text(home, exports):
    load(SPP, file=write_export(exports, experience("1", published="31/02/2022", title="Merci Madame Durand")))
    payload = json.loads(quarantine.entries(SPP)[0].payload)
    assert payload["date_de_publication"] == "31/02/2022"
    assert "Durand" not in json.dumps(payload)
    written = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert b"Durand" not in written


def test_a_record_met_twice_with_its_fault_is_one_row_of_the_quarantine(home, exports):
    file = write_export(exports, experience("1", published="31/02/2022"))
    load(SPP, file=file)
    load(SPP, file=file)
    assert ask(home, "select count(*) from quarantine.services_publics_plus") == [(1,)]


def test_of_two_rows_with_one_key_the_last_one_holds(home, exports):
    lines = [experience("1"), experience("1"), experience("1", feeling="Négatif"), experience("2")]
    report = load(SPP, file=write_export(exports, *lines))
    assert counts(report) == (4, 2, 0, 1, 0)
    assert report.total("rows_replaced") == 1
    assert ", 1 replaced;" in report.summary()
    assert ask(home, "select id_experience, ressenti_usager from experiences order by 1") == [
        ("1", "Négatif"),
        ("2", "Positif"),
    ]
    assert quarantine.entries(SPP) == []


def test_a_row_that_is_refused_replaces_nothing(home, exports):
    lines = [experience("1"), experience("1", feeling="Mitigé")]
    assert counts(load(SPP, file=write_export(exports, *lines))) == (2, 1, 0, 0, 1)
    assert ask(home, "select ressenti_usager from experiences") == [("Positif",)]


@pytest.mark.parametrize("together", [1, 3, validation.ROWS_TOGETHER])
def test_rows_far_apart_replace_each_other_too(home, exports, monkeypatch, together):
    monkeypatch.setattr(loading, "BATCH_ROWS", 2)
    monkeypatch.setattr(validation, "ROWS_TOGETHER", together)
    lines = [experience(str(number % 3), title=f"Titre {number}") for number in range(8)]
    report = load(SPP, file=write_export(exports, *lines))
    assert (counts(report), report.total("rows_replaced")) == ((8, 3, 0, 0, 0), 5)
    assert ask(home, "select titre from experiences order by 1") == [("Titre 5",), ("Titre 6",), ("Titre 7",)]


@pytest.mark.usefixtures("home")
def test_rows_that_an_older_export_changed_are_listed(exports):
    newer = [experience("1", published="01/03/2022", feeling="Neutre"), experience("2", published="05/12/2023")]
    load(SPP, file=write_export(exports, *newer, name="2023.csv"))
    older = [experience("3", published="02/03/2022"), experience("1", published="01/03/2022")]
    report = load(SPP, file=write_export(exports, *older, name="2022.csv"))
    assert report.entities[0].reverted_lines == (3,)
    assert "1 rows changed to an older value by line 3: this file ends on 2022-03-02" in report.summary()
    report = load(SPP, file=write_export(exports, *newer, name="2023.csv"))
    assert report.total("rows_updated") == 1
    assert report.entities[0].changed_lines == (2,)
    assert report.total("rows_reverted") == 1, "the same file was loaded before the one that wrote the row"


@pytest.mark.usefixtures("home")
def test_a_file_of_a_later_export_changes_rows_without_a_warning(exports):
    load(SPP, file=write_export(exports, experience("1", published="01/03/2022"), name="a.csv"))
    lines = [experience("1", published="01/03/2022", feeling="Neutre"), experience("2", published="04/03/2022")]
    report = load(SPP, file=write_export(exports, *lines, name="b.csv"))
    assert (report.total("rows_updated"), report.total("rows_reverted")) == (1, 0)


def test_a_column_that_no_record_satisfies_is_a_change_of_format_and_refused(home, exports):
    lines = [experience(str(number), published="jeudi") for number in range(30)]
    file = write_export(exports, *lines)
    assert "line 2: the column date_de_publication is not a date of the calendar in all of 30 records" in refused(file)
    assert ask(home, "select count(*) from quarantine.services_publics_plus") == [(0,)]


def test_a_type_that_differs_from_the_warehouse_is_refused_and_the_data_stays(home, exports, monkeypatch):
    load(SPP, file=write_export(exports, experience("1")))
    before = snapshot(home)
    flipped = tuple(
        contract.Field(f.name, f.description, f.labels, int, "bigint") if f.name == "pays" else f
        for f in EXPERIENCES.fields
    )
    table = contract.Table("experiences", EXPERIENCES.key, "", flipped, dropped=EXPERIENCES.dropped)
    monkeypatch.setattr("ingestion.connectors.services_publics_plus.CONTRACT", (table, CONTRACT[1]))
    with pytest.raises(
        ExpectedFailure, match=r"experiences\.pays is VARCHAR in warehouse.duckdb and BIGINT in the contract"
    ):
        load(SPP, file=exports / "export.csv")
    assert snapshot(home) == before


# ---- quarantine, second chance


def test_a_corrected_file_takes_its_records_out_of_quarantine(home, exports):
    load(SPP, file=write_export(exports, experience("1", published="31/02/2022"), "2;trop;court"))
    load(SPP, file=write_export(exports, experience("1", published="28/02/2022"), experience("2")))
    assert quarantine.entries(SPP) == []
    assert ask(home, "select date_de_publication from experiences where id_experience = '1'") == [("2022-02-28",)]


def test_retry_loads_what_todays_contract_accepts_and_keeps_the_rest(home, exports, monkeypatch):
    lines = [experience("1", feeling="Mitigé"), experience("2", published="31/02/2022"), experience("3")]
    load(SPP, file=write_export(exports, *lines, "4;trop;court"))
    assert counts(retry_quarantine(SPP)) == (2, 0, 0, 0, 2)
    assert len(quarantine.entries(SPP)) == 3

    lenient = tuple(
        contract.Field(f.name, f.description, f.labels, nullable=False) if f.name == "ressenti_usager" else f
        for f in EXPERIENCES.fields
    )
    table = contract.Table(**{n: getattr(EXPERIENCES, n) for n in ("name", "key", "description")}, fields=lenient)
    monkeypatch.setattr("ingestion.connectors.services_publics_plus.CONTRACT", (table, CONTRACT[1]))
    assert counts(retry_quarantine(SPP)) == (2, 1, 0, 0, 1)
    assert ask(home, "select ressenti_usager, generation from experiences where id_experience = '1'") == [
        ("Mitigé", "export_2023")
    ]
    assert [entry.record_key for entry in quarantine.entries(SPP)] == ["2", "4"]
    assert ask(home, "select origin_kind, rows_new from load_log order by started_at") == [
        ("file", 1),
        ("quarantine", 0),
        ("quarantine", 1),
    ]


def test_retry_does_not_put_an_older_record_over_a_newer_one(home, exports):
    load(SPP, file=write_export(exports, experience("1", feeling="Mitigé")))
    load(SPP, file=write_export(exports, experience("1"), experience("1", feeling="Mitigé")))
    before = snapshot(home)
    assert counts(retry_quarantine(SPP)) == (0, 0, 0, 0, 0)
    assert snapshot(home) == before
    assert quarantine.entries(SPP) == []


@pytest.mark.usefixtures("home")
def test_records_of_two_generations_are_retried_in_one_go(exports):
    for generation in ("csv_2022", "csv_2021"):
        record = GENERATIONS[generation] | {"id": generation, "date_de_publication": "31/02/2022"}
        load(SPP, file=write_export(exports, ";".join(record.values()), header=";".join(record)))
    assert counts(retry_quarantine(SPP)) == (2, 0, 0, 0, 2)


# ---- tables, homes, boundaries


def test_an_empty_home_gets_every_table_of_the_contract_typed(empty_home):
    ensure_tables(SPP)
    found = ask(
        empty_home,
        "select table_name, column_name, data_type, is_nullable from information_schema.columns"
        " where table_schema = 'raw_services_publics_plus'",
    )
    types = {(table, column): (kind, nullable) for table, column, kind, nullable in found}
    for table in CONTRACT:
        for declared in table.fields:
            kind = {"text": "VARCHAR", "bigint": "BIGINT", "decimal": "DECIMAL(38,6)"}[declared.type]
            assert types[table.name, declared.name] == (kind, "YES" if declared.nullable else "NO")
        for column in ("_dlt_load_id", "_dlt_id"):
            assert types[table.name, column] == ("VARCHAR", "NO")
        assert types[table.name, "_content_hash"] == ("VARCHAR", "YES")
    assert types["load_log", "finished_at"] == ("TIMESTAMP WITH TIME ZONE", "NO")
    for table in ("experiences", "structures", "quality_results", "load_log"):
        assert ask(empty_home, f"select count(*) from {table}") == [(0,)]
    assert quarantine.entries(SPP) == []


def test_ensuring_tables_again_writes_nothing(home):
    ensure_tables(SPP)
    before = home.warehouse.read_bytes()
    ensure_tables(SPP)
    assert home.warehouse.read_bytes() == before


def test_two_homes_never_touch(tmp_path, exports, monkeypatch):
    for name, keys in (("a", ("1", "2")), ("b", ("3",))):
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / name))
        load(SPP, file=write_export(exports, *map(experience, keys)))
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "a"))
    before = {path: path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file()}
    load(SPP, file=write_export(exports, experience("4")))
    assert ask(settings.home(), "select id_experience from experiences order by 1") == [("1",), ("2",), ("4",)]
    assert {path: path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file()} == before


def test_the_module_runs_alone_and_writes_below_its_home_only(tmp_path, exports):
    user_home, work = tmp_path / "user", tmp_path / "home"
    user_home.mkdir()
    file = write_export(exports, experience("1"), experience("2"))
    done = run_alone("--file", file, CYBERIMPACT_HOME=str(work), HOME=str(user_home))
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "services_publics_plus: 2 read, 2 new, 0 updated, 0 unchanged, 0 quarantined; unknown columns: none;"
        " dropped: none\n"
    )
    assert file.exists()
    assert list(user_home.iterdir()) == []
    assert {path.name for path in work.iterdir()} <= {"warehouse.duckdb", "dlt", "locks", "format.json"}


def test_a_failure_is_one_sentence_on_stderr_and_a_non_zero_exit(tmp_path):
    done = run_alone("--file", tmp_path / "absent.csv", CYBERIMPACT_HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "services_publics_plus, file absent.csv: the file cannot be read (No such file or directory)."
        " Check its path and that you may read it.\n"
    )


def test_no_module_of_ingestion_imports_the_orchestrator():
    modules = [found.name for found in pkgutil.walk_packages(ingestion.__path__, "ingestion.")]
    names = [name for name in modules if not name.endswith("__main__")]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('dagster', 'dagster_dbt', 'dbt', 'sandbox')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=settings.CHECKOUT
    )
    assert done.stdout.strip() == "[]"
    assert f"ingestion.connectors.{SPP}.client" in names
