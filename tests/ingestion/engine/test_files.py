import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExpectedFailure
from ingestion.engine import files
from ingestion.engine.files import open_csv

KNOWN = {"id", "ville", "avis"}


def recognised(header):
    return sum(label in KNOWN for label in header)


def opened(folder, content):
    file = folder / "export.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_csv(file, "services_publics_plus", recognised)


def records(folder, content):
    return [(r.position, tuple(r.values.values()), r.problem, r.is_cut) for r in opened(folder, content).records()]


@pytest.mark.parametrize("delimiter", [";", ","])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_delimiters_line_ends_and_marks(tmp_path, delimiter, newline, bom):
    text = bom + newline.join([delimiter.join(row) for row in (("id", "ville"), ("1", "Évry"), ("2", "Lyon"))])
    assert records(tmp_path, text) == [(2, ("1", "Évry"), None, False), (3, ("2", "Lyon"), None, False)]


@pytest.mark.parametrize(("encoding", "repaired"), [("utf-8", 0), ("utf-8-sig", 0), ("utf-16", 0), ("cp1252", 6)])
def test_encodings(tmp_path, encoding, repaired):
    file = opened(tmp_path, "id;ville\n1;Orléans, l’été à 5 €\n".encode(encoding))
    assert [r.values["ville"] for r in file.records()] == ["Orléans, l’été à 5 €"]
    assert file.repaired.count == repaired


def test_utf8_that_holds_control_characters_and_stray_bytes_is_mended_and_counted(tmp_path):
    file = opened(tmp_path, "id;avis\n1;l\x92été à 5 \x80\n".encode() + b"2;caf\xe9 \xc3\xa9t\xc3\xa9\n")
    assert [r.values["avis"] for r in file.records()] == ["l’été à 5 €", "café été"]
    assert file.repaired.count == 3


def test_line_numbers_are_physical_lines(tmp_path):
    text = 'id;avis\n1;"une\ndeux ""guillemets""\ntrois"\n2;simple\n\n3;fin\n'
    assert [(r.position, r.values["id"]) for r in opened(tmp_path, text).records()] == [(2, "1"), (5, "2"), (7, "3")]


def test_sha256_and_size_are_those_of_the_bytes(tmp_path):
    content = "id;ville\r\n1;Évry\r\n".encode("cp1252")
    file = opened(tmp_path, content)
    assert (file.sha256, file.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_record_with_a_wrong_number_of_fields_stands_alone(tmp_path):
    found = records(tmp_path, "id;ville\n1;Évry\n2;Lyon;trop\n3\n4;Nice\n")
    assert [(position, problem) for position, _, problem, _ in found] == [
        (2, None),
        (3, "it has 3 fields where the header has 2"),
        (4, "it has 1 fields where the header has 2"),
        (5, None),
    ]


def test_a_lost_quote_does_not_swallow_the_records_behind_it(tmp_path):
    found = records(tmp_path, 'id;avis\n1;"ouvert\n2;bien\n3;"entre guillemets"\n4;fin\n')
    assert [(position, problem is None) for position, _, problem, _ in found] == [
        (2, False),
        (3, True),
        (4, True),
        (5, True),
    ]


def test_a_quote_within_an_unquoted_field_is_text(tmp_path):
    assert records(tmp_path, 'id;avis\n1;écran de 24"\n2;bien\n') == [
        (2, ("1", 'écran de 24"'), None, False),
        (3, ("2", "bien"), None, False),
    ]


@pytest.mark.parametrize(
    "tail", ['3;"un récit coupé en\nplein mil', "3", '3;"un récit coup', '3;"un récit\n\nsur plusieurs\nlignes']
)
def test_a_truncated_file_gives_its_whole_records_and_says_where_it_was_cut(tmp_path, tail):
    found = records(tmp_path, f'id;avis\n1;"un\nrécit"\n2;bien\n{tail}')
    assert [(position, problem is None, is_cut) for position, _, problem, is_cut in found] == [
        (2, True, False),
        (4, True, False),
        (5, False, True),
    ]


def test_a_short_last_line_that_is_ended_is_a_bad_record_and_no_truncation(tmp_path):
    assert records(tmp_path, "id;avis\n1;bien\n2\n")[1][3] is False


def test_a_file_cut_within_a_character_is_still_read_as_utf8(tmp_path):
    found = records(tmp_path, 'id;avis\n1;"été"\n2;"thé'.encode()[:-1])
    assert found[0] == (2, ("1", "été"), None, False)
    assert found[1][3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n\n", "is empty"),
        (b"<!DOCTYPE html><html><body>503</body></html>", "is a web page"),
        (b"\n <html lang='fr'>", "is a web page"),
        (b'{"error_code": "x"}', "is JSON"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"%PDF-1.7", "PDF"),
        (b"id;ville\n1;\x00\x01\n", "binary"),
        (b'"id;ville\n1;Lyon\n', "header is cut"),
        (b"id;ville;id\n1;Lyon;2\n", "names 'id' more than once"),
    ],
)
def test_what_is_no_csv_is_refused_with_platform_file_and_remedy(tmp_path, content, said):
    with pytest.raises(ExpectedFailure, match=said) as failure:
        opened(tmp_path, content)
    assert "services_publics_plus, file export.csv" in failure.value.what
    assert failure.value.remedy


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ExpectedFailure, match=r"absent\.csv: the file cannot be read"):
        open_csv(tmp_path / "absent.csv", "services_publics_plus", recognised)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")) | st.just("\n"), max_size=12)


@given(st.lists(st.tuples(st.integers(0, 99).map(str), texts), min_size=1, max_size=8))
def test_whatever_the_texts_every_record_comes_back_whole(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("csv")
    quoted = [";".join('"' + value.replace('"', '""') + '"' for value in row) for row in (("id", "avis"), *rows)]
    found = [tuple(r.values.values()) for r in opened(folder, "\r\n".join(quoted) + "\r\n").records()]
    assert found == rows


def test_a_line_without_end_is_refused_by_a_bound_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE_MEBIBYTES", 1)
    path = tmp_path / "a.csv"
    path.write_bytes(b"a;b\n1;" + b"x" * (1 << 20) + b"\n")
    with pytest.raises(ExpectedFailure, match="a line is longer than 1 MiB"):
        open_csv(path, "x", len)
    path.write_bytes(b"a;b\n" + b"1;2\n" * (1 << 19))
    assert open_csv(path, "x", len).header == ("a", "b")


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path):
        with pytest.raises(ExpectedFailure, match="no regular file"):
            open_csv(path, "x", len)
