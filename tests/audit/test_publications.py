"""Definitions of two publications are compared; a verification runs apart; an auditor takes his evidence away."""

import csv
import io
import json
import time
from dataclasses import replace
from datetime import timedelta
from zipfile import ZipFile

import pytest

from audit import evidence_file, publications, report, signing, verification_run, verifying
from audit.readers import OPERATOR, Reader
from audit.tracing import trace
from core.errors import ExpectedFailure
from core.settings import Home
from tests.audit.test_readers import AUDITOR, GIRONDE, NATION
from tests.audit.test_readers import guarded as guarded  # noqa: PLC0414 - a fixture
from tests.audit.test_readers import published as published  # noqa: PLC0414
from tests.audit.world import FIRST, OPEN_SQL, publish, record, write_warehouse


@pytest.fixture
def signed(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv(signing.SETTING, "c2l4dGVlbiBieXRlcyEhc2l4dGVlbiBieXRlcyEhYWI"[:43])
    write_warehouse(home, sql=OPEN_SQL)
    publish(home, 0, OPEN_SQL)
    return home


def test_definitions_are_compared_between_two_publications(home: Home) -> None:
    write_warehouse(home, sql=OPEN_SQL)
    first = record(home, 0, OPEN_SQL)
    doubled = OPEN_SQL.replace("sum(numerator)", "2 * sum(numerator)")
    write_warehouse(home, sql=doubled)
    second = record(home, 1, doubled)
    assert publications.changes_between(home, first, first) == []
    [change] = publications.changes_between(home, first, second)
    assert (change.code, change.meanings) == ("visits", ("calcul : le SQL de l'indicateur change",))
    assert publications.shown_on(home, FIRST.date()) == first
    assert publications.shown_on(home, FIRST.date() + timedelta(days=5)) == second
    assert publications.by_sequence(home, 2) == second
    with pytest.raises(ExpectedFailure, match="de 1 à 2"):
        publications.by_sequence(home, 3)
    with pytest.raises(ExpectedFailure, match="Rien n'était publié"):
        publications.shown_on(home, FIRST.date() - timedelta(days=1))


def ended(home: Home, name: str) -> verification_run.Run:
    for _ in range(600):
        if (run := verification_run.read(home, name)).is_over:
            return run
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_a_verification_runs_apart_and_finds_what_the_command_finds(signed: Home) -> None:
    started = verification_run.start(signed)
    assert not started.is_over
    run = ended(signed, started.id)
    assert run.verdict == verifying.verify(signed)
    assert run.verdict.conclusion == "Rien n'a été altéré."
    with pytest.raises(ExpectedFailure, match="n'existe pas"):
        verification_run.read(signed, "../" + started.id)


def test_a_verification_says_what_was_altered_and_heeds_head_and_key(signed: Home) -> None:
    copy = signed.published / "daily" / "publication-0" / "serving.duckdb"
    copy.write_bytes(copy.read_bytes() + b" ")
    head, other = f"9:{'a' * 64}", signing.Ed25519PrivateKey.generate().public_key()
    found = [
        ended(signed, verification_run.start(signed, *given).id).verdict for given in [(), (head,), (None, [other])]
    ]
    assert [verdict.conclusion for verdict in found] == [
        "1 altération(s) trouvée(s).",
        "2 altération(s) trouvée(s).",
        "2 altération(s) trouvée(s).",
    ]
    assert any(head in problem for problem in found[1].problems)
    assert any("qui n'est pas des vôtres" in problem for problem in found[2].problems)


def test_a_verification_that_dies_says_so(signed: Home) -> None:
    started = verification_run.start(signed)
    ended(signed, started.id)
    verification_run._write(signed.verifications, started)  # as it was before its end
    assert "arrêtée avant sa fin" in (ended(signed, started.id).failure or "")


def test_not_many_verifications_run_at_once(signed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification_run, "MOST", 0)
    with pytest.raises(ExpectedFailure, match="en cours"):
        verification_run.start(signed)


def test_a_pasted_mail_gives_its_head_and_its_keys(signed: Home) -> None:
    key = signing.private_key().public_key()
    assert verifying.head_in(f"Notez :\n    12:{'b' * 64}\nmerci") == f"12:{'b' * 64}"
    assert verifying.head_in("rien") is None
    given = "\n".join(report.public_key_lines(signed))
    assert signing.public_keys_in(given.encode()) == [key]
    assert f"Clé {signing.fingerprint(key)} : publications 1 à 1" in given
    assert signing.public_keys_in(b"-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----") == []


def unpacked(archive: bytes) -> dict[str, str]:
    with ZipFile(io.BytesIO(archive)) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def test_the_archive_of_a_figure_holds_what_its_reader_may_read(published: Home) -> None:
    found = unpacked(evidence_file.archive(trace(published, AUDITOR, NATION)))
    assert set(found) == {
        "LISEZMOI.txt",
        "chiffre.json",
        "calcul.sql",
        "publication/head.json",
        "preuves.csv",
        "enregistrements.csv",
    }
    rows = list(csv.DictReader(io.StringIO(found["enregistrements.csv"])))
    assert [(row["record_key"], row["territory_code"], row["numerator"]) for row in rows] == [
        ("b", "FR-33", "2"),
        ("c", "FR-33", "3"),
    ]
    assert json.loads(found["chiffre.json"])["agrees"] is True
    assert "of Guadeloupe" not in str(found)
    assert "424242" not in str(found)
    for name in found.keys() - {"LISEZMOI.txt"}:
        assert name.rpartition("/")[2] in found["LISEZMOI.txt"]


def test_the_archive_of_a_kpi_that_has_small_cells_holds_no_record(guarded: Home) -> None:
    found = unpacked(evidence_file.archive(trace(guarded, replace(OPERATOR, has_files=False), GIRONDE)))
    assert "enregistrements.csv" not in found
    assert "petits effectifs" in found["LISEZMOI.txt"]


def test_no_text_of_the_archive_is_a_formula(home: Home) -> None:
    write_warehouse(home, [("=cmd()", "2026-10-02", "FR-33", 1)], OPEN_SQL)
    record(home, 0, OPEN_SQL)
    found = unpacked(evidence_file.archive(trace(home, Reader(OPERATOR.right, verifies=True), GIRONDE)))
    assert "\r\n'=cmd()," in found["enregistrements.csv"]
