"""The pages of the sources: what they say of each platform, and what becomes of a file that somebody sends."""

import io
import json
import os
import threading
import zipfile
from dataclasses import asdict
from datetime import timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.utils import override_settings

from core import clock
from ingestion.engine import drop_folder
from ingestion.engine.checking import check
from operations import acts
from tests.handmade import write_copy
from web import uploads
from web.pages import sources

#: In a process of its own.
CHECK = uploads._check
HEADER = "stats_id;stats_debut_declaration;stats_fin_declaration;stats_dpt_unite;stats_pers_physique;stats_pers_morale"
LINES = (HEADER, "D1;2025-01-10 10:00;;33;1;0", "D2;2025-01-10 10:00;;ZZZ;1;0", "D3;2025-02-30 10:00;;33;1;0")
CSV = ("\n".join(LINES) + "\n").encode()
#: Two tables of one load, and a later load of a file; `now` is the hour of the test.
COPY = """
    create schema audit; create schema kpi;
    create table audit.freshness as select * from (values
        ('pre_plainte', 'Services en ligne', now_at - interval 40 hour, now_at - interval 4 hour, date '2026-11-25', 7, true),
        ('partoo', 'Communication', now_at - interval 1 hour, now_at + interval 35 hour, date '2026-11-26', 9, false),
        ('audience', 'Communication', now_at - interval 20 hour, now_at - interval 14 hour, date '2026-11-26', 9, false),
        ('jdma', 'Expérience des usagers', null, null, null, null, true)
    ) as t (platform, owner_label, last_loaded_at, late_at, data_as_of, rows, is_late);
    create table audit.platform_load as select * from (values
        ('a1-declarations-x', 'pre_plainte', 'un.csv', 'file', 'f00d', now_at - interval 40 hour, 10, 8, 1, 0, 1),
        ('b2-x-y', 'partoo', 'http://127.0.0.1/v2', 'api', null, now_at - interval 1 hour, 3, 3, 0, 0, 0),
        ('b2-z-y', 'partoo', 'http://127.0.0.1/v2', 'api', null, now_at - interval 1 hour, 4, 0, 4, 0, 0)
    ) as t (load_key, platform, origin, origin_kind, sha256, finished_at, rows_read, rows_new, rows_updated, rows_unchanged, rows_quarantined);
    create table audit.set_aside as select 'pre_plainte' as platform, 'declarations' as entity, 'un.csv' as origin,
        'stats_dpt_unite' as field, 'is not the code of a département' as reason, 12 as rows, 4 as first_line,
        now_at as first_at, now_at as last_at;
    create table audit.kpi_platform as select 'pre_complaints' as kpi_code, 'pre_plainte' as platform;
    create table kpi.kpi_catalogue as select 'pre_complaints' as kpi_code, 'Pré-plaintes <commencées>' as label;
"""  # noqa: E501 - a table of values


def statements() -> str:
    """Return what makes the copy at this hour."""
    return COPY.replace("now_at", f"timestamp '{clock.now():%Y-%m-%d %H:%M:%S}'")


@pytest.fixture
def copy(home):
    write_copy(home, statements())


@pytest.fixture
def drop(home, copy, monkeypatch):  # noqa: ARG001 - the pages show it
    """The drop folder; files are checked in this process, where its memory is not bound."""

    def checks(platform, file, report):
        report.write_text(json.dumps(asdict(check(platform, file))))

    monkeypatch.setattr(uploads, "_check", checks)
    with override_settings(FILE_UPLOAD_TEMP_DIR=home.uploads):
        yield home.drop / "pre_plainte"


def send(browser, content: bytes = CSV, name: str = "a.csv", platform: str = "pre_plainte", **more):
    return browser.post(f"/sources/{platform}/envoi", {"file": SimpleUploadedFile(name, content)}, **more)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.mark.usefixtures("copy")
def test_the_list_says_who_is_late_since_when_and_what_was_never_loaded(visit):
    shown = text(visit("departement-FR-33").get("/sources"))
    assert "en retard de 4 heures" in shown
    assert "jamais chargée" in shown
    assert "1 plateforme en retard" in shown, "of loads since it was made the daily copy knows nothing"
    assert shown.index("Pré-plainte en ligne") < shown.index("Partoo"), "the late ones first"


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("role", ["national", "departement-FR-33", "auditeur", "ingenieur", "veille"])
def test_everybody_who_reads_sees_the_history_of_a_platform(visit, role):
    late, loaded = text(visit(role).get("/sources/pre_plainte")), text(visit(role).get("/sources/partoo"))
    assert "Pré-plaintes &lt;commencées&gt;" in late
    assert "n&#x27;est pas un code de département" in late or "n'est pas un code de département" in late
    assert "cyberimpact quarantine retry pre_plainte" in late
    assert "<td>7</td><td>3</td><td>4</td>" in loaded, "the tables of one load are one line"


def test_what_is_followed_live_is_as_old_as_the_live_copy_says(home, visit):
    now = f"timestamp '{clock.now():%Y-%m-%d %H:%M:%S}'"
    load = f"""insert into audit.platform_load values
        ('c1-mentions-x', 'listening', 'http://127.0.0.1', 'api', null, {now} - interval 5 hour, 3, 3, 0, 0, 0)"""
    write_copy(home, f"{statements()}; {load}")
    live = f"""create schema signals; create table signals.live_state as select 'listening' as platform,
        'Veille' as platform_label, timestamp '2026-11-27 23:30' as data_until,
        {now} - interval 3 hour as last_loaded_at, 30 as late_after_minutes"""
    write_copy(home, live, target="live", file_name="live_serving.duckdb")
    page = text(visit("national").get("/sources/listening"))
    assert "en retard de 2 heures" in page
    assert "ses données vont jusqu'au 28/11/2026" in unescape(page), "the day is that of Paris"
    assert "Ce tableau s'arrête à la dernière publication quotidienne" in unescape(page)


@pytest.mark.usefixtures("copy")
def test_an_unknown_platform_names_those_that_exist(visit):
    answer = visit("national").get("/sources/perceval2")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "PERCEV@L (perceval)" in text(answer)


@pytest.mark.usefixtures("copy")
def test_a_copy_that_does_not_know_files_yet_is_shown_to_who_sends_some(home, visit):
    with duckdb.connect(str(home.published / "daily/current/serving.duckdb")) as connection:
        connection.execute("alter table audit.platform_load drop column sha256")
    assert visit("ingenieur").get("/sources/pre_plainte").status_code == HTTPStatus.OK


def test_without_a_publication_one_is_told_so(visit):
    answer = visit("national").get("/sources")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Rien n'est encore publié" in answer.content.decode().replace("&#x27;", "'")


@pytest.mark.usefixtures("copy")
def test_an_older_copy_without_the_newer_tables_is_shown(home, visit):
    with duckdb.connect(str(home.published / "daily/current/serving.duckdb")) as connection:
        connection.execute("drop table audit.platform_load; drop table audit.set_aside; drop table audit.kpi_platform")
    assert visit("national").get("/sources").status_code == HTTPStatus.OK
    assert visit("ingenieur").get("/sources/pre_plainte").status_code == HTTPStatus.OK


# -- Who may send what

SENDERS = {
    ("ingenieur",): {"pre_plainte": True, "prevention_actions": True},
    ("administrateur",): {"pre_plainte": True, "prevention_actions": True},
    ("prevention",): {"pre_plainte": False, "prevention_actions": True},
    ("prevention", "departement-FR-33"): {"pre_plainte": False, "prevention_actions": False},
    ("ingenieur", "departement-FR-33"): {"pre_plainte": False, "prevention_actions": False},
    ("national",): {"pre_plainte": False, "prevention_actions": False},
    ("auditeur",): {"pre_plainte": False, "prevention_actions": False},
    ("veille",): {"pre_plainte": False, "prevention_actions": False},
    ("Gamma",): {"pre_plainte": False, "prevention_actions": False},
}


@pytest.mark.usefixtures("drop")
@pytest.mark.parametrize("roles", SENDERS, ids="+".join)
@pytest.mark.parametrize("platform", ["pre_plainte", "prevention_actions"])
def test_a_file_is_taken_from_who_may_send_it_alone(visit, monkeypatch, roles, platform):
    monkeypatch.setattr(uploads, "_check", lambda *_: None)
    browser, may = visit(*roles), SENDERS[roles][platform]
    assert ("data-upload" in browser.get(f"/sources/{platform}").content.decode()) is may
    expected = HTTPStatus.FOUND if may else HTTPStatus.FORBIDDEN
    assert send(browser, platform=platform).status_code == expected
    others = [
        browser.post(f"/sources/{platform}/envoi/{uuid4()}/depot"),
        browser.get(f"/sources/{platform}/envoi/{uuid4()}"),
    ]
    assert {answer.status_code for answer in others} == {HTTPStatus.NOT_FOUND if may else HTTPStatus.FORBIDDEN}
    assert browser.post(f"/sources/{platform}/abandon").status_code == expected


@pytest.mark.usefixtures("drop")
def test_a_platform_without_a_drop_folder_takes_no_file(visit):
    assert send(visit("ingenieur"), platform="app_stores").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.usefixtures("drop")
def test_a_form_of_elsewhere_sends_nothing(home, visit):
    browser = visit("ingenieur")
    strict = Client(enforce_csrf_checks=True, headers={"Host": "127.0.0.1:8091"})
    strict.cookies = browser.cookies
    assert send(strict).status_code == HTTPStatus.FORBIDDEN
    assert not list(home.uploads.glob("*/*-*"))


@pytest.mark.usefixtures("drop")
def test_a_file_of_somebody_unknown_is_not_read(home, visit):
    visit()
    answer = send(Client(headers={"Host": "127.0.0.1:8091"}))
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert "choisissez-le à nouveau" in text(answer)
    assert not home.uploads.exists()


# -- The way of a file


def test_a_file_is_checked_shown_and_handed_over(visit, drop, monkeypatch):
    monkeypatch.setattr(uploads, "_check", CHECK)
    browser = visit("ingenieur")
    report = send(browser, name="Dossier de M. Jean Dupont.csv")["Location"]
    shown = text(browser.get(report))
    assert "1 ligne acceptée, 2 à écarter" in shown
    assert "Dupont" not in shown
    assert "<td>ZZZ</td>" in shown
    assert not drop.exists(), "nothing is handed over before one says so"
    done = browser.post(f"{report}/depot")
    assert done["Location"] == "/sources/pre_plainte#depots"
    assert [path.read_bytes() for path in drop.iterdir()] == [CSV]
    assert "Dupont" not in next(drop.iterdir()).name
    again = browser.post(f"{report}/depot")
    assert again["Location"] == done["Location"], "a double click sees the same"
    assert len(list(drop.iterdir())) == 1
    [act] = acts.on("plateforme", "pre_plainte")
    assert (act.role, act.kind, act.detail) == ("ingenieur", "fichier déposé", "lignes acceptées : 1, à écarter : 2")
    page = text(browser.get("/sources/pre_plainte"))
    assert "1 fichier dans le dossier de dépôt" in page
    assert "Le résultat paraîtra ici" in page


@pytest.mark.usefixtures("drop")
def test_the_outcome_is_that_of_the_load_after_the_deposit(home, visit):
    browser = visit("Admin")  # who reads the copy itself, which is changed below
    report = send(browser)["Location"]
    browser.post(f"{report}/depot")
    [act] = acts.on("plateforme", "pre_plainte")
    loads = home.published / "daily/current/serving.duckdb"

    def loaded(when, new):
        with duckdb.connect(str(loads)) as connection:
            connection.execute(
                "insert into audit.platform_load values (?, 'pre_plainte', 'a.csv', 'file', ?, ?, 3, ?, 0, 0, 2)",
                [f"{uuid4().hex}-d-x", act.result_id, when.replace(tzinfo=None), new],
            )

    loaded(act.done_at - timedelta(hours=1), 55)
    assert "nouvelles 55" not in text(browser.get("/sources/pre_plainte"))
    assert "déjà été chargé" in text(browser.get(send(browser)["Location"]))
    loaded(act.done_at + timedelta(minutes=1), 66)
    assert "nouvelles 66, modifiées 0, inchangées 0, écartées 2" in text(browser.get("/sources/pre_plainte"))


def test_what_fails_while_it_is_handed_over_leaves_the_upload_and_no_act(visit, drop, monkeypatch):
    browser = visit("ingenieur")
    browser.raise_request_exception = False
    report = send(browser)["Location"]
    with monkeypatch.context() as broken:
        broken.setattr(Path, "hardlink_to", lambda *_: 1 / 0)
        assert browser.post(f"{report}/depot").status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert not list(drop.iterdir())
    assert acts.on("plateforme", "pre_plainte") == []
    browser.post(f"{report}/depot")
    assert len(list(drop.iterdir())) == 1


def test_an_upload_is_its_senders_alone(visit, drop):
    report = send(visit("ingenieur", name="une"))["Location"]
    other = visit("ingenieur", name="autre")
    assert other.get(report).status_code == HTTPStatus.NOT_FOUND
    assert other.post(f"{report}/depot").status_code == HTTPStatus.NOT_FOUND
    assert not drop.exists()


@pytest.mark.usefixtures("drop")
def test_a_new_upload_takes_the_place_of_the_former_one_and_one_may_abandon_it(home, visit):
    browser = visit("ingenieur")
    first, second = send(browser)["Location"], send(browser)["Location"]
    assert browser.get(first).status_code == HTTPStatus.NOT_FOUND
    assert browser.get(second).status_code == HTTPStatus.OK
    browser.post("/sources/pre_plainte/abandon")
    assert browser.get(second).status_code == HTTPStatus.NOT_FOUND
    assert not list(home.uploads.glob("*/*-*"))


def test_a_file_in_the_drop_folder_is_not_replaced(visit, drop):
    browser = visit("ingenieur")
    drop.mkdir(parents=True)
    (drop / "a.csv").write_text("de quelqu'un d'autre")
    browser.post(send(browser)["Location"] + "/depot")
    assert {path.name for path in drop.iterdir()} == {"a.csv", "a (2).csv"}
    assert (drop / "a.csv").read_text() == "de quelqu'un d'autre"


def test_what_would_load_nothing_cannot_be_handed_over(visit, drop):
    browser = visit("ingenieur")
    report = send(browser, b"a;b\n1;2\n")["Location"]
    assert "Déposer" not in text(browser.get(report))
    assert browser.post(f"{report}/depot").status_code == HTTPStatus.BAD_REQUEST
    assert not drop.exists()


@pytest.mark.usefixtures("drop")
def test_one_sends_one_file_at_a_time(visit, monkeypatch):
    entered, leave = threading.Event(), threading.Event()

    def waits(*_):
        entered.set()
        leave.wait(20)

    monkeypatch.setattr(uploads, "_check", waits)
    browser = visit("ingenieur")
    first = threading.Thread(target=send, args=(browser,))
    first.start()
    assert entered.wait(20)
    answer = send(visit("ingenieur"))
    leave.set()
    first.join()
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "déjà un fichier" in text(answer)


@pytest.mark.usefixtures("drop")
def test_a_file_that_is_too_large_is_refused_before_it_is_read(home, visit):
    class Unread(io.RawIOBase):
        def read(self, *_):
            raise AssertionError("read")

    answer = visit("ingenieur").generic(
        "POST",
        "/sources/pre_plainte/envoi",
        b"",
        "multipart/form-data; boundary=x",
        **{"CONTENT_LENGTH": str(300 << 20), "wsgi.input": Unread()},
    )
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "32 Mio" in text(answer)
    assert not list(home.uploads.glob("**/*.*"))


@pytest.mark.usefixtures("drop")
def test_a_disk_without_room_takes_no_file(visit, monkeypatch):
    monkeypatch.setattr(uploads, "_FREE_BYTES", 1 << 62)
    answer = send(visit("ingenieur"))
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "presque plein" in text(answer)


@pytest.mark.usefixtures("drop")
def test_who_would_wait_long_for_the_check_of_a_file_is_sent_away(home, visit, monkeypatch):
    browser = visit("ingenieur")
    monkeypatch.setattr(uploads, "TURN_SECONDS", 0.1)
    with uploads._turn(), uploads._turn():
        answer = send(browser)
        assert answer.status_code == HTTPStatus.CONFLICT
        assert "en cours de vérification" in text(answer)
        assert not list(home.uploads.glob("**/*.*"))
    assert send(browser).status_code == HTTPStatus.FOUND


def zipped(rows: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"<row/>" * rows)
    return content.getvalue()


@pytest.mark.parametrize(
    ("platform", "name", "content", "said"),
    [
        ("pre_plainte", "a.csv", b"", "Le fichier est vide."),
        ("prevention_actions", "a.xlsx", b"\xd0\xcf\x11\xe0chiffr\xe9", "il est chiffré ou abîmé"),
        ("prevention_actions", "a.xlsx", zipped(500_000), "trop grand une fois décompressé"),
        ("pre_plainte", "a.csv", zipped(10), "c'est un classeur ou une archive"),
        ("perceval", "a.csv", CSV, "ressemble à un export de « Pré-plainte en ligne »"),
        ("pre_plainte", "a.csv", CSV.replace(b"1;0", "é;0".encode("latin-1")), "lus comme du Windows-1252"),
        ("pre_plainte", "a.csv", CSV.replace(b"ZZZ", b"06 12 34 56 78"), "1 ligne acceptée, 2 à écarter"),
    ],
    ids=["empty", "encrypted", "bomb", "zip", "other platform", "latin-1", "phone"],
)
@pytest.mark.usefixtures("drop")
def test_whatever_is_wrong_is_said_in_words(visit, platform, name, content, said):
    browser = visit("ingenieur")
    shown = text(browser.get(send(browser, content, name, platform)["Location"])).lower().replace("&#x27;", "'")
    assert said.lower() in shown
    assert "traceback" not in shown
    assert "06 12" not in shown


@pytest.mark.parametrize("name", ["a.zip", "a", "a.exe", "a.parquet"])
@pytest.mark.usefixtures("drop")
def test_a_file_of_another_type_is_refused(home, visit, name):
    answer = send(visit("ingenieur"), name=name)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "types acceptés" in text(answer)
    assert not list(home.uploads.glob("**/*.*"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\Users\\x\\a.csv", "a.csv"),
        (".cache.csv", "cache.csv"),
        ("Avis_Percev_l_2025-12-31_23-59-59.csv", "Avis_Percev_l_2025-12-31_23-59-59.csv"),
        ("a\n<b>;$(c).csv", "a__b___(c).csv"),
        ("jean.dupont@orange.fr.csv", "[MAIL].csv"),
        ("é" * 300 + ".csv", "é" * 100 + ".csv"),
    ],
)
def test_a_name_is_made_safe_and_keeps_what_a_platform_reads_of_it(given, expected):
    assert uploads.safe_name(given) == expected


@pytest.mark.usefixtures("drop")
def test_a_check_that_does_not_end_is_said(visit, monkeypatch):
    monkeypatch.setattr(uploads, "_check", CHECK)
    monkeypatch.setattr(uploads, "CHECK_SECONDS", 0.01)
    browser = visit("ingenieur")
    shown = text(browser.get(send(browser)["Location"]))
    assert "pas pu aller à son terme" in shown
    assert "Déposer" not in shown


@pytest.mark.usefixtures("drop")
def test_what_is_old_is_swept_and_what_is_not_stays(home, visit):
    report = send(visit("ingenieur"))["Location"]
    begun = home.uploads / "tmpabc.upload.csv"
    begun.write_bytes(b"x")
    drop_folder.sweep_uploads(clock.now())
    assert begun.exists()
    old = (clock.now() - drop_folder.UPLOADS_KEPT - timedelta(minutes=1)).timestamp()
    for path in (begun, *home.uploads.glob("*/*-*")):
        os.utime(path, (old, old))
    drop_folder.sweep_uploads(clock.now())
    assert not begun.exists()
    assert visit("ingenieur").get(report).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.usefixtures("drop")
def test_the_lines_are_paged(visit, monkeypatch):
    monkeypatch.setattr(sources, "FAULTS_A_PAGE", 1)
    browser = visit("ingenieur")
    report = send(browser)["Location"]
    assert "ZZZ" in text(browser.get(report))
    second = text(browser.get(f"{report}?page=2"))
    assert "2025-02-30 10:00" in second
    assert "ZZZ" not in second
