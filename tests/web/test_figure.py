"""The page of a figure: who sees what of it, and what it says."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape
from http import HTTPStatus
from zipfile import ZipFile

import duckdb
import pytest
from django.http import HttpResponse
from django.test import Client

from audit import tracing
from core.settings import Home
from tests.audit import world
from tests.web.published_figures import OTHER, SECRET, address, publish
from web.pages import figure

PARTS = ("/recalcul", "/enregistrements", "/preuve")
OWN_AUDITOR = ("auditeur", "departement-FR-33")


def text(answer: HttpResponse) -> str:
    """Return what a page says, all white space alike."""
    words = re.sub(r"<[^>]+>", " ", answer.content.decode().partition("<body>")[2] or answer.content.decode())
    return " ".join(unescape(words).replace("\u202f", "").split())


@pytest.fixture
def browser(home: Home, visit: Callable[..., Client]) -> Callable[..., Client]:
    publish(home, 0)
    publish(home, 1, late=True)
    return visit


@pytest.mark.parametrize("roles", [("national",), ("departement-FR-33",), ("auditeur",), OWN_AUDITOR, ("Admin",)])
def test_who_reads_a_figure_opens_its_page(browser: Callable[..., Client], roles: tuple[str, ...]) -> None:
    said = text(browser(*roles).get(address("FR-33")))
    assert "Visites 10/2026 · FR-33 (FR-33) 82" in said
    assert "82, au-dessus de l'habitude (20 à 30)." in said
    assert "Trop peu pour conclure" not in said
    assert "Numérateur 82" in said
    assert "Observations 3" in said
    assert "Visites <comptées>." in said
    assert "Responsable Communication" in said
    assert "publication 2 : 82 données tardives : 1 enregistrement(s) arrivé(s)" in said
    assert "publication 1 : 5" in said
    assert "raw_audience.hourly_visits" in said
    assert "small warn" in said
    assert ("Recalculer" in said) == ("auditeur" in roles or "Admin" in roles)


@pytest.mark.parametrize("roles", [("national",), ("departement-FR-33",), ("analyste",), ("administrateur",)])
@pytest.mark.parametrize("part", PARTS)
def test_without_the_right_of_verification_nothing_of_it_opens(
    browser: Callable[..., Client], roles: tuple[str, ...], part: str
) -> None:
    assert browser(*roles).get(address("FR-33", part)).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("part", ["", *PARTS])
def test_another_territory_is_answered_like_one_that_does_not_exist(browser: Callable[..., Client], part: str) -> None:
    client = browser(*OWN_AUDITOR)
    answers = [client.get(address(code, part)) for code in ("FR-971", "FR-34")]
    assert [answer.status_code for answer in answers] == [HTTPStatus.NOT_FOUND] * 2
    one, other = (text(answer).replace(code, "") for answer, code in zip(answers, ("FR-971", "FR-34"), strict=True))
    assert one == other
    assert "Territoires publiés : FR, FR-33." in one


def unzipped(answer: HttpResponse) -> str:
    with ZipFile(io.BytesIO(answer.content)) as packed:
        return "\n".join(packed.read(name).decode() for name in packed.namelist())


def test_nothing_of_another_territory_is_on_any_page_of_the_nation(browser: Callable[..., Client]) -> None:
    client = browser(*OWN_AUDITOR)
    said = [text(client.get(address("FR", part))) for part in ("", "/recalcul", "/enregistrements")]
    said += [unzipped(client.get(address("FR", "/preuve")))]
    for words in said:
        assert str(SECRET) not in words
        assert OTHER not in words
        assert "FR-971" not in words
    assert str(SECRET + 93) in said[0]  # 2 + 3 + 77 + 11, and what Guadeloupe counts
    assert "Recalculé : égal" in said[1]
    assert "Non montré" in said[1]
    assert "Nombre, dans votre territoire 3" in said[2]
    whole = browser("auditeur")
    assert OTHER in text(whole.get(address("FR", "/enregistrements")))
    assert OTHER in unzipped(whole.get(address("FR", "/preuve")))


def test_a_figure_is_computed_again_within_its_page_and_without_script(browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    page = client.get(address("FR-33")).content.decode()
    assert f'href="{address("FR-33", "/recalcul")}" hx-get="{address("FR-33", "/recalcul")}"' in page
    whole = client.get(address("FR-33", "/recalcul"))
    part = client.get(address("FR-33", "/recalcul"), headers={"HX-Request": "true"})
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    for answer in (whole, part):
        assert "Recalculé : égal Depuis les preuves 82 (égal au dernier chiffre)" in text(answer)


@pytest.mark.parametrize(("unit", "read"), [("part", "500,0%"), ("secondes", "0min 5s"), ("euros", "5€")])
def test_a_figure_is_written_in_its_unit_everywhere(
    home: Home, visit: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, unit: str, read: str
) -> None:
    of_visits = world.definition
    monkeypatch.setattr(world, "definition", lambda sql: of_visits(sql, unit=unit, target=5))
    publish(home, 0)
    client = visit("auditeur")
    said = text(client.get(address("FR-33")))
    for where in ("(FR-33) ", "Valeur ", "publication 1 : ", "Cible "):
        assert where + read in said
    assert f"Depuis les preuves {read} (égal au dernier chiffre)" in text(client.get(address("FR-33", "/recalcul")))


def test_a_figure_that_does_not_come_out_again_is_said(home: Home, browser: Callable[..., Client]) -> None:
    for file in home.evidence.glob("*/*.json"):
        content = file.read_text()
        if "sum(numerator)" in content:
            file.write_text(content.replace("sum(numerator)", "2 * sum(numerator)"))
    said = text(browser("auditeur").get(address("FR-33", "/recalcul")))
    assert "Recalculé : différent" in said
    assert "164 (DIFFÈRE de ce qui a été publié)" in said


def test_an_earlier_day_is_shown_with_what_belongs_to_it(browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    answer = client.get(address("FR-33"), {"le": "2026-11-01"})
    said = text(answer)
    assert "Tel qu'il était affiché le 01/11/2026 au soir." in said
    assert "publication 2" not in said
    assert "(FR-33) Tel" in said
    assert "Valeur 5" in said
    assert f"{address('FR-33', '/recalcul')}?le=2026-11-01" in answer.content.decode()
    assert "5 (égal au dernier chiffre)" in text(client.get(address("FR-33", "/recalcul"), {"le": "2026-11-01"}))
    for day, why in (("2026-10-31", "Rien n'était publié le 31/10/2026"), ("hier", "n'est pas un jour")):
        refused = client.get(address("FR-33"), {"le": day})
        assert refused.status_code == HTTPStatus.NOT_FOUND
        assert why in text(refused)


@pytest.mark.parametrize(
    ("path", "exists"),
    [
        ("/chiffre/visit/2026-10/FR", "Publiés : visits."),
        ("/chiffre/visits/octobre/FR", "Écrivez par exemple 2026, 2026-Q4, 2026-10"),
        ("/chiffre/visits/2026/FR", "Périodes publiées : day, month"),
        ("/chiffre/visits/2027-01/FR", "Publié de 2026-10 à 2026-10"),
        ("/chiffre/visits/2026-10/FR?ventilation=scope=autres", "Ventilations publiées : total=total."),
        ("/chiffre/visits/2026-10/FR?ventilation=scope", "Écrivez dimension=valeur"),
        ("/chiffre/visits/2026-10/FR/enregistrements?page=zwei", "1 pour la première"),
    ],
)
def test_what_does_not_exist_is_told_with_what_does(browser: Callable[..., Client], path: str, exists: str) -> None:
    answer = browser("auditeur").get(path)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert exists in text(answer)


@pytest.mark.parametrize("period", ["2026-10-16", "2026-10"])
def test_periods_are_spelled_as_on_the_command_line(browser: Callable[..., Client], period: str) -> None:
    assert browser("national").get(address("ZZ", period=period)).status_code == HTTPStatus.OK


def test_records_that_are_not_shown_have_no_pages(home: Home, visit: Callable[..., Client], monkeypatch) -> None:
    monkeypatch.setattr(tracing, "PAGE", 1)
    publish(home, 0, guarded=True)
    said = text(visit("auditeur").get(address("FR-33", "/enregistrements")))
    assert "Enregistrements sources" in said
    assert "Page suivante" not in said


def test_a_suppressed_figure_is_explained_and_counted_nowhere(home: Home, visit: Callable[..., Client]) -> None:
    publish(home, 0, guarded=True)
    publish(home, 1, guarded=True, late=True)
    for roles in (("national",), ("auditeur",), ("Admin",), ("departement-FR-971", "auditeur")):
        client = visit(*roles)
        said = text(client.get(address("FR-971")))
        assert "Non diffusé Trop peu de victimes" in said
        if "national" not in roles:
            said += text(client.get(address("FR-971", "/recalcul")))
            assert "également retenu" in said
            said += text(client.get(address("FR-971", "/enregistrements")))
            said += unzipped(client.get(address("FR-971", "/preuve")))
            said += text(client.get(address("FR", "/enregistrements")))
            said += unzipped(client.get(address("FR", "/preuve")))
            assert client.get(address("FR"), {"le": "2026-11-01"}).status_code == HTTPStatus.BAD_REQUEST
        assert OTHER not in said
        assert not re.search(rf"\b{SECRET}\b", said)
        nation = text(client.get(address("FR")))
        assert "publication 1 : non montré" in nation
        assert str(SECRET + 16) not in nation  # what was shown before


@pytest.mark.parametrize(
    ("roles", "records"),
    [
        (("auditeur",), "1 de raw_audience.devices, 3 de raw_audience.hourly_visits"),
        (OWN_AUDITOR, "aucun de raw_audience.devices, 3 de raw_audience.hourly_visits"),
        (("national",), "raw_audience.devices ou raw_audience.hourly_visits"),
    ],
)
def test_columns_are_listed_by_what_they_do_and_records_by_their_table(
    home: Home, visit: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, roles: tuple[str, ...], records: str
) -> None:
    told = replace(
        world.definition(world.OPEN_SQL),
        entering=["raw_audience.hourly_visits.visits"],
        deciding=["raw_audience.devices.*", "raw_audience.hourly_visits.site"],
        record_columns=["raw_audience.devices.key", "raw_audience.hourly_visits.key"],
    )
    monkeypatch.setattr(world, "definition", lambda _: told)
    publish(home, 0, late=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "create schema raw_audience; create table raw_audience.devices as select 'e' as key; "
            "create table raw_audience.hourly_visits as select unnest(['b', 'c', 'late']) as key"
        )
    said = text(visit(*roles).get(address("FR")))
    # Of the whole nation, somebody bound to Gironde is told of the records of Gironde.
    assert f"D'où viennent ses enregistrements {records}" in said
    assert (
        "Table Entrent dans la valeur Décident des lignes comptées raw_audience.devices – toutes ses lignes "
        "raw_audience.hourly_visits visits site"
    ) in said


def test_before_a_publication_the_page_says_so(visit: Callable[..., Client]) -> None:
    answer = visit("national").get(address("FR"))
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Rien n'est encore publié." in text(answer)


def test_no_page_runs_inline_code(browser: Callable[..., Client]) -> None:
    client = browser("auditeur")
    for part in ("", "/recalcul", "/enregistrements"):
        page = client.get(address("FR-33", part)).content.decode()
        assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_the_course_has_a_place_for_each_period_that_is_missing() -> None:
    """November to February: all months of all lengths, once."""
    assert [str(period) for period in figure.calendar("month", date(2026, 11, 1), date(2027, 2, 1))] == [
        "2026-11", "2026-12", "2027-01", "2027-02",
    ]  # fmt: skip
    assert [str(period) for period in figure.calendar("week", date(2026, 12, 21), date(2027, 1, 4))] == [
        "2026-W52", "2026-W53", "2027-W01",
    ]  # fmt: skip
