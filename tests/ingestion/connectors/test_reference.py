"""Reference data: the tabular API over real HTTP, dropped files, and the oddities of both."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from openpyxl import Workbook

from core.errors import ExpectedFailure
from ingestion.connectors.reference.contract import COMMUNES, COMPETENCES, UNITS, commune_code, postal_codes
from ingestion.engine.contract import Rejection
from ingestion.engine.loading import load
from sandbox import reference as stand_in
from tests.ingestion.conftest import FIRST_TODAY, ask
from tests.ingestion.engine.test_load_file import counts
from tests.ingestion.every_connector import IN_PROOF, refused
from tests.ingestion.reading import read_one

#: A real record of the units (§8.2).
ORNEX = {
    "identifiant_public_unite": "1008620",
    "service": "Gendarmerie - Brigade d'Ornex",
    "adresse_geographique": "124 Rue de Béjoud 01210 ORNEX",
    "telephone": "+33 4 50 40 59 30",
    "departement": "01",
    "code_commune_insee": "01281",
    "voie": "124 Rue de Béjoud",
    "code_postal": "01210",
    "commune": "Ornex",
    "geocodage_epsg": "",
    "geocodage_x": "",
    "geocodage_y": "",
    "geocodage_x_GPS": "6.09523",
    "geocodage_y_GPS": "46.27591",
    "horaires_accueil": " Lundi : 8h00-12h00 14h00-18h00",
    "url": "https://lannuaire.service-public.fr/auvergne-rhone-alpes/ain/gendarmerie-01281-01",
}
ROWS = 120


def read(table, record):
    return read_one(table, record)


@pytest.fixture
def small(sandbox, monkeypatch):
    """The sandbox with three pages of each table."""
    units, competences = stand_in.units(17)[:ROWS], stand_in.competences()[:ROWS]
    monkeypatch.setattr(stand_in, "units", lambda _: units)
    monkeypatch.setattr(stand_in, "competences", lambda: competences)
    return sandbox


# ---- one record


def test_a_unit_is_read_as_the_ministry_gives_it():
    unit = read(UNITS, ORNEX)
    assert unit["cle_unite"] == unit["identifiant_public_unite"] == "1008620"
    assert (unit["geocodage_x_gps"], unit["geocodage_y_gps"], unit["etat_coordonnees"]) == (
        6.09523,
        46.27591,
        "données",
    )
    assert unit["telephone"] == "+33 4 50 40 59 30"
    assert unit["geocodage_x"] is None


@pytest.mark.parametrize(
    ("x", "y", "state", "longitude", "latitude"),
    [
        ("46.27591", "6.09523", "échangées", 6.09523, 46.27591),
        ("-21.1", "55.5", "échangées", 55.5, -21.1),  # La Réunion
        ("55.5", "-21.1", "données", 55.5, -21.1),
        ("-12.8", "45.2", "échangées", 45.2, -12.8),  # Mayotte
        ("-56.2", "46.8", "données", -56.2, 46.8),  # Saint-Pierre-et-Miquelon
        ("0", "0", "hors de France", None, None),
        ("13.4", "52.5", "hors de France", None, None),  # Berlin
        ("", "46.2", "absentes", None, None),
        ("6,09523", "46,27591", "données", 6.09523, 46.27591),
    ],
)
def test_swapped_coordinates_are_repaired_and_impossible_ones_left_out(x, y, state, longitude, latitude):
    unit = read(UNITS, {**ORNEX, "geocodage_x_GPS": x, "geocodage_y_GPS": y})
    assert (unit["etat_coordonnees"], unit["geocodage_x_gps"], unit["geocodage_y_gps"]) == (state, longitude, latitude)


@pytest.mark.parametrize("absent", ["0", "", "0.0", None])
def test_a_unit_without_identifier_is_known_by_its_name_and_address(absent):
    unit = read(UNITS, {**ORNEX, "identifiant_public_unite": absent})
    again = read(UNITS, {**ORNEX, "identifiant_public_unite": absent, "telephone": "+33 1 00 00 00 00"})
    elsewhere = read(UNITS, {**ORNEX, "identifiant_public_unite": absent, "adresse_geographique": "1 Grande Rue"})
    assert unit["identifiant_public_unite"] is None
    assert unit["cle_unite"].startswith("h_")
    assert unit["cle_unite"] == again["cle_unite"] != elsewhere["cle_unite"]


def test_an_empty_street_is_no_fault():
    assert read(UNITS, {**ORNEX, "voie": ""})["voie"] is None


def test_codes_that_a_spreadsheet_shortened_are_repaired():
    assert [commune_code(value) for value in ("1281", "01281.0", "2a004", "97411")] == [
        "01281",
        "01281",
        "2A004",
        "97411",
    ]
    assert postal_codes("1190-01380-01190") == "01190 01380"
    with pytest.raises(ValueError, match="not the INSEE code"):
        commune_code("Ornex")


def test_who_is_competent_is_keyed_by_commune_institution_and_service():
    record = {
        "code_commune": "1281",
        "libelle_commune": "Ornex",
        "institution": "gn",
        "id_service": "1008620.0",
        "service": "Brigade d'Ornex",
        "code_postal": "1210",
        "codes_postaux": "01210-01280",
    }
    row = read(COMPETENCES, record)
    assert row["cle_competence"] == "01281|GN|1008620"
    assert row["codes_postaux"] == "01210 01280"
    rejected = read(COMPETENCES, {**record, "institution": "Douane"})
    assert isinstance(rejected, Rejection)
    assert rejected.field == "institution"


def test_an_overseas_collectivity_stands_where_a_region_does():
    saint_barth = {"code": "97701", "name": "Saint-Barthélemy", "departement_code": "977", "region_code": "977"}
    assert read(COMMUNES, saint_barth)["region_code"] == "977"


# ---- the API


@pytest.mark.usefixtures("small")
def test_units_and_competences_are_loaded_whole_and_only_once(home):
    assert counts(load("reference")) == (2 * ROWS + 10, 2 * ROWS + 10, 0, 0, 0)
    before = ask(home, "select * from raw_reference.units order by 1")
    assert counts(load("reference"))[1:3] == (0, 0)
    assert ask(home, "select * from raw_reference.units order by 1") == before
    expected = {row["service"]: row["adresse_geographique"] for row in stand_in.units(17)}
    assert dict(ask(home, "select service, adresse_geographique from raw_reference.units")) == expected
    without = [row for row in stand_in.units(17) if row["identifiant_public_unite"] in {"0", ""}]
    assert without
    assert ask(home, "select count(*) from raw_reference.units where cle_unite like 'h\\_%' escape '\\'") == [
        (len(without),)
    ]


def test_a_file_that_was_not_converted_since_is_not_read_again(small):
    load("reference")
    assert counts(load("reference"))[0] == 10  # the figures that ship with the project
    small.today = FIRST_TODAY + timedelta(days=1)
    assert counts(load("reference")) == (2 * ROWS + 10, 0, 0, 2 * ROWS + 10, 0)


def test_a_unit_that_moved_is_updated(small, monkeypatch):
    load("reference")
    small.today = FIRST_TODAY + timedelta(days=1)
    first, *others = stand_in.units(17)
    monkeypatch.setattr(stand_in, "units", lambda _: ({**first, "telephone": "+33 4 00 00 00 00"}, *others))
    assert counts(load("reference"))[1:3] == (0, 1)


@pytest.mark.usefixtures("small")
def test_the_figures_of_the_iggn_ship_with_the_project(home):
    load("reference")
    assert ask(
        home, "select annee, value from raw_reference.inspections where measure = 'n_reclamations' order by 1"
    ) == [
        (2015, 1097),
        (2016, 1119),
        (2017, 1742),
        (2018, 1318),
        (2019, 1444),
        (2020, 1783),
        (2021, 2344),
    ]
    assert ask(
        home, "select annee, value from raw_reference.inspections where measure != 'n_reclamations' order by 1"
    ) == [
        (2019, Decimal("0.1")),
        (2020, Decimal("0.1")),
        (2021, Decimal("0.05")),
    ]


@pytest.mark.parametrize(
    "fault", ["broken", *(pytest.param(f, marks=IN_PROOF) for f in ("server_error", "truncated", "html", "hang"))]
)
def test_a_passing_failure_is_retried(small, fault):
    small.fault(fault, times=1, path="/tabular")
    assert counts(load("reference"))[1] == 2 * ROWS + 10


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unauthorized", "status 401"),
        pytest.param("forbidden", "status 403", marks=IN_PROOF),
        pytest.param("quota", "status 429", marks=IN_PROOF),
        pytest.param("server_error", "status 500", marks=IN_PROOF),
        pytest.param("html", "web page", marks=IN_PROOF),
        pytest.param("truncated", "breaks off", marks=IN_PROOF),
        pytest.param("redirect", "another host", marks=IN_PROOF),
        ("renamed_column", "required column service"),
        ("nested_value", "'service' holds a dict"),
        ("type_flip", "code_postal is not a French postal code"),
        ("duplicated_page", "50 rows came, and the API counted 120"),
        ("shifted_page", "119 rows came, and the API counted 120"),
    ],
)
def test_a_failure_that_stays_is_explained_and_what_was_loaded_stays(small, home, fault, said):
    load("reference")
    before = ask(home, "select * from raw_reference.units order by 1")
    small.today = FIRST_TODAY + timedelta(days=1)
    small.fault(fault, path=f"/tabular/api/resources/{stand_in.UNITS}/data")
    assert said in refused("reference")
    assert ask(home, "select * from raw_reference.units order by 1") == before


def test_a_new_column_is_kept_and_reported(small, home):
    small.fault("unknown_column", path=stand_in.COMPETENCES)
    report = load("reference")
    assert {column for entity in report.entities for column in entity.unknown_columns} == {"nouvelle_colonne"}
    assert ask(home, "select distinct colonnes_inconnues from raw_reference.competences") == [
        ('{"nouvelle_colonne": "valeur inattendue"}',)
    ]


class _Elsewhere(BaseHTTPRequestHandler):
    """Answers one page, and says that the next one is on another host."""

    def do_GET(self) -> None:
        body = {
            "data": [{"__id": 1, **ORNEX}],
            "links": {"next": "http://autre-hote.invalid/data/?page=2"},
            "meta": {"page": 1, "page_size": 50, "total": 2},
        }
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def elsewhere(monkeypatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("CYBERIMPACT_REFERENCE_URL", f"http://127.0.0.1:{server.server_port}/api/resources")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("home", "elsewhere")
def test_a_next_page_on_another_host_is_not_asked_for():
    assert "another host, autre-hote.invalid" in refused("reference")


# ---- files


def test_the_files_of_the_sandbox_are_recognised_and_loaded_only_once(home, exports):
    expected = {"communes": 34969, "headcounts": 27, "crimes": 11508}
    for name, content in stand_in.drops(17, FIRST_TODAY):
        file = exports / name
        file.write_bytes(content)
        report = load("reference", file=file)
        [entity] = report.entities
        assert (entity.rows_new, entity.rows_quarantined) == (expected.pop(entity.entity), 0)
        assert counts(load("reference", file=file))[1:3] == (0, 0)
    assert not expected
    assert ask(home, "select sum(population) from raw_reference.communes where departement_code = '33'") == [
        (sum(int(row.split(",")[4] or 0) for row in stand_in._cog().decode().splitlines() if row.startswith("33")),)
    ]
    assert ask(home, "select count(*) from raw_reference.crimes where label ilike '%non utilis%'") == [(0,)]


def test_the_real_list_of_communes_is_loaded(home, shared):
    report = load("reference", file=shared / "data" / "reference" / "communes.csv")
    assert counts(report) == (34969, 34969, 0, 0, 0)
    assert ask(home, "select name, postal_codes, population from raw_reference.communes where code = '01098'") == [
        ("Chazey-Bons", "01300 01510", 1142)
    ]


def workbook(path, **sheets):
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title.replace("_", " "))
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_wide_sheets_become_one_row_per_service_and_index(home, exports):
    file = workbook(
        exports / "services.xlsx",
        Sommaire=[["À lire d'abord"]],
        Services_GN_2021=[
            ["Département", None, "01", "2A", None],
            ["Index", "Libellé", "CGD BELLEY", "CGD AJACCIO", None],
            [1, "Règlements de compte", 0, 2],
            [96, "Index non utilisé", 0, 0],
            [91, "Escroqueries", 310, None],
        ],
        Services_PN_2020=[["", "", 1], ["", "", "CSP OYONNAX"], ["1", "Règlements de compte", "trois"]],
    )
    assert counts(load("reference", file=file)) == (5, 4, 0, 0, 1)
    rows = "select cle_fait, label, value from raw_reference.crimes order by 1"
    assert ask(home, rows) == [
        ("2021|GN|01|CGD BELLEY|1", "Règlements de compte", 0),
        ("2021|GN|01|CGD BELLEY|91", "Escroqueries", 310),
        ("2021|GN|2A|CGD AJACCIO|1", "Règlements de compte", 2),
        ("2021|GN|2A|CGD AJACCIO|91", "Escroqueries", None),
    ]
    assert ask(home, "select entity, field, reason, value from quarantine.reference") == [
        ("crimes", "value", "is not a whole number", "trois")
    ]


@pytest.mark.usefixtures("home")
def test_another_workbook_is_refused_by_name(exports):
    file = workbook(exports / "autre.xlsx", Feuille_1=[["a", "b"]])
    with pytest.raises(
        ExpectedFailure, match=r"reference, file autre\.xlsx: no sheet is named like 'Services GN 2021'"
    ):
        load("reference", file=file)
    file.write_bytes(b"PK\x03\x04 cut here")
    with pytest.raises(ExpectedFailure, match=r"reference, file autre\.xlsx: the file is not an XLSX workbook"):
        load("reference", file=file)


@pytest.mark.usefixtures("home")
def test_a_file_of_another_kind_is_not_recognised(exports):
    file = exports / "autre.csv"
    file.write_text("colonne_a;colonne_b\n1;2\n", encoding="utf-8")
    with pytest.raises(ExpectedFailure, match=r"reference, file autre\.csv: the header is not recognised"):
        load("reference", file=file)


def test_a_bad_line_of_the_headcounts_is_set_aside(home, exports):
    file = exports / "iggn_effectifs.csv"
    file.write_text(
        "annee;categorie;effectifs_homme;effectifs_femme\n2021;Officiers;5600;700\n21;Officiers;1;1\n2021;Civils;x;2\n",
        encoding="utf-8",
    )
    assert counts(load("reference", file=file)) == (3, 1, 0, 0, 2)
    assert ask(home, "select line, field, reason from quarantine.reference order by 1") == [
        (3, "annee", "lies outside the years 2000 to 2050"),
        (4, "effectifs_homme", "is not a whole number"),
    ]
    assert ask(home, "select cle_effectif, effectifs_femme from raw_reference.headcounts") == [("2021|Officiers", 700)]
