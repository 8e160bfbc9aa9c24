"""Workbooks: cells as a person would type them, rows by their number, and nothing that takes the machine's memory."""

import io
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from core.errors import ExpectedFailure
from ingestion.engine import spreadsheets
from ingestion.engine.spreadsheets import open_xlsx

KNOWN = {"Titre", "Date", "Nombre"}


def recognised(header):
    return sum(label in KNOWN for label in header)


def read(path):
    return open_xlsx(path, "registre", recognised)


def save(folder, *sheets, name="a.xlsx"):
    workbook = Workbook()
    workbook.remove(workbook.active)
    for rank, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"Feuille {rank + 1}")
        for row in rows:
            sheet.append(row)
    workbook.save(folder / name)
    return folder / name


def repacked(path, change):
    """Write a workbook again, each part changed by a function of its name and content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in archive.namelist():
            copy.writestr(name, change(name, archive.read(name)))
    path.write_bytes(buffer.getvalue())
    return path


def test_rows_carry_the_number_that_excel_shows(tmp_path):
    file = read(save(tmp_path, [["Registre de mars"], [], ["Titre", "Nombre"], ["un", 1], [], ["deux", 2]]))
    assert file.header == ("Titre", "Nombre")
    assert [(record.position, dict(record.values)) for record in file.records()] == [
        (4, {"Titre": "un", "Nombre": "1"}),
        (6, {"Titre": "deux", "Nombre": "2"}),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(2025, 3, 14), "2025-03-14"),
        (datetime(2025, 3, 14), "2025-03-14"),  # noqa: DTZ001 (a cell has no time zone)
        (datetime(2025, 3, 14, 9, 5), "2025-03-14T09:05:00"),  # noqa: DTZ001
        (12, "12"),
        (12.0, "12"),
        (2.5, "2.5"),
        (True, "oui"),
        ("  deux   mots ", "deux mots"),
        ("06", "06"),
        ("   ", None),
        ("=1+1", None),  # a formula that no program has evaluated yet
    ],
)
def test_cells_are_read_as_a_person_would_type_them(tmp_path, value, text):
    [record] = read(save(tmp_path, [["Titre", "Date"], ["un", value]])).records()
    assert record.values["Date"] == text


def test_a_formula_counts_for_the_value_that_was_stored_with_it(tmp_path):
    path = save(tmp_path, [["Titre", "Nombre"], ["un", "=40+5"]])
    stored = (b"<f>40+5</f><v></v>", b"<f>40+5</f><v>45</v>")
    repacked(path, lambda _, content: content.replace(*stored).replace(b"<f>40+5</f><v />", stored[1]))
    [record] = read(path).records()
    assert record.values["Nombre"] == "45"


def test_the_first_sheet_that_is_recognised_is_read(tmp_path):
    file = read(save(tmp_path, [["Notice"], ["Titre : obligatoire"]], [["Titre", "Date"], ["un", "x"]]))
    assert [record.values["Titre"] for record in file.records()] == ["un"]


def test_a_column_without_a_label_is_named_by_its_letter(tmp_path):
    file = read(save(tmp_path, [["Titre", None, "Nombre"], ["un", "note", 1, "hors tableau"]]))
    assert file.header == ("Titre", "colonne B", "Nombre", "colonne D")


def test_a_size_that_a_program_wrote_wrong_is_not_believed(tmp_path):
    path = save(tmp_path, [["Titre", "Nombre"], ["un", 1], ["deux", 2]])
    repacked(path, lambda _, content: content.replace(b'ref="A1:B3"', b'ref="A1"'))
    assert [record.values["Titre"] for record in read(path).records()] == ["un", "deux"]


def refused(path):
    with pytest.raises(ExpectedFailure, match=rf"registre, file {path.name}: ") as failure:
        read(path)
    return str(failure.value)


@pytest.mark.parametrize("content", [b"", b"Titre;Date\n", b"\xd0\xcf\x11\xe0" + b"\0" * 600, b"PK\x03\x04 cut"])
def test_what_is_no_workbook_is_refused(tmp_path, content):
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert "not an XLSX workbook" in refused(path)


def test_an_absent_file_is_refused(tmp_path):
    assert "cannot be read" in refused(tmp_path / "absent.xlsx")


def test_another_archive_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lettre.txt", "bonjour")
    assert "an archive, not an XLSX workbook" in refused(path)


def test_a_damaged_sheet_is_refused(tmp_path):
    path = save(tmp_path, [["Titre", "Date"], ["un", "x"]])
    repacked(path, lambda name, content: content[:200] if "sheet1" in name else content)
    assert "the workbook is damaged" in refused(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = save(tmp_path, [["Titre", "Date"], ["un", "x" * 30_000]] * 60)
    monkeypatch.setattr(spreadsheets, "MAX_UNPACKED_MEBIBYTES", 0)
    monkeypatch.setattr(spreadsheets, "load_workbook", lambda *_, **__: pytest.fail("it was unpacked"))
    assert path.stat().st_size < 100_000
    assert "unpacks to more than" in refused(path)


def test_a_workbook_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(spreadsheets, "MAX_MEBIBYTES", 0)
    assert "larger than 0 MiB" in refused(save(tmp_path, [["Titre", "Date"]]))


def test_a_sheet_with_too_many_rows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(spreadsheets, "MAX_ROWS", 3)
    assert "more than 3 rows" in refused(save(tmp_path, [["Titre", "Date"], *[["un", "x"]] * 4]))


def test_a_workbook_with_xml_entities_is_refused(tmp_path):
    path = save(tmp_path, [["Titre", "Date"], ["un", "x"]])
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>'
    repacked(path, lambda name, content: bomb + content if name == "xl/workbook.xml" else content)
    assert "XML entities" in refused(path)


def test_a_workbook_without_the_header_is_refused_with_the_names_of_its_sheets(tmp_path):
    assert "no sheet has a header that is recognised (sheets: Feuille 1)" in refused(save(tmp_path, [["Nom", "Âge"]]))


def test_a_header_that_names_a_column_twice_is_refused(tmp_path):
    assert "'Titre' more than once" in refused(save(tmp_path, [["Titre", "Date", "Titre"], ["un", "x", "deux"]]))


def _sheet_xml(rows: bytes):
    def change(name, content):
        if not name.startswith("xl/worksheets/"):
            return content
        start, end = content.index(b"<sheetData>"), content.index(b"</sheetData>")
        return content[: start + len(b"<sheetData>")] + rows + content[end:]

    return change


_CELL = b'<c r="A%d" t="inlineStr"><is><t>x</t></is></c>'


@pytest.mark.parametrize(
    ("rows", "bound"),
    [
        (b'<row r="2000000000">' + _CELL % 2_000_000_000 + b"</row>", "row 1048576"),
        (b'<row spans="1:3" r="2000000000"></row>', "row 1048576"),
        (b"<row/>" * 1_000_000, "400000 rows"),
        (b"<x/>" * 1_000_000, "900000 tags"),
        (b" " * (3 << 20), "2 MiB"),
    ],
    ids=["far row", "far row, other order", "empty rows", "tags", "blanks"],
)
def test_a_workbook_that_would_hang_a_load_is_refused_by_a_bound_that_it_names(tmp_path, monkeypatch, rows, bound):
    if "tags" in bound:
        monkeypatch.setattr(spreadsheets, "MAX_TAGS", 900_000)
    if "MiB" in bound:
        monkeypatch.setattr(spreadsheets, "MAX_UNPACKED_MEBIBYTES", 2)
    path = repacked(save(tmp_path, [["Titre", "Nombre"], ["un", 1]]), _sheet_xml(rows))
    assert path.stat().st_size < 2 << 20
    with pytest.raises(ExpectedFailure, match=bound):
        read(path)


def test_a_stray_value_in_the_last_row_of_a_sheet_is_read(tmp_path):
    cell = b'<c r="%s1" t="inlineStr"><is><t>%s</t></is></c>'
    rows = b'<row r="1">' + cell % (b"A", b"Titre") + cell % (b"B", b"Date") + b"</row>"
    last = spreadsheets.MAX_ROW_NUMBER
    rows += b'<row r="%d">' % last + _CELL % last + b"</row>"
    path = repacked(save(tmp_path, [["Titre", "Nombre"], ["un", 1]]), _sheet_xml(rows))
    assert [record.position for record in read(path).records()] == [last]


@pytest.mark.parametrize("encode", [bytes, lambda text: text.decode().encode("utf-16")], ids=["utf-8", "utf-16"])
def test_entities_are_refused_wherever_they_are_declared(tmp_path, encode):
    declared = b'<?xml version="1.0"?>' + b" " * 5000 + b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    path = save(tmp_path, [["Titre", "Nombre"], ["un", 1]])
    repacked(path, lambda name, content: encode(declared) if name == "xl/styles.xml" else content)
    with pytest.raises(ExpectedFailure, match="XML entities"):
        read(path)
