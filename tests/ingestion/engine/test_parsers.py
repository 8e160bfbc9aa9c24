import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.engine import parsers


@pytest.mark.parametrize(
    ("parse", "given_value", "expected"),
    [
        (parsers.code, "2904756.0", "2904756"),
        (parsers.code, "hcxcV5NcXy", "hcxcV5NcXy"),
        (parsers.departement_code, "6.0", "06"),
        (parsers.departement_code, "6", "06"),
        (parsers.departement_code, "75.0", "75"),
        (parsers.departement_code, "2a", "2A"),
        (parsers.departement_code, "2B", "2B"),
        (parsers.departement_code, "971.0", "971"),
        (parsers.region_code, "1.0", "01"),
        (parsers.region_code, "11", "11"),
        (parsers.postal_code, "1000", "01000"),
        (parsers.postal_code, "59780.0", "59780"),
        (parsers.postal_code, "75 001", "75001"),
        (parsers.count, "3.0", 3),
        (parsers.insee_code("com"), "com37261", "37261"),
        (parsers.insee_code("com"), "com2A004", "2A004"),
        (parsers.insee_code("arr"), "arr75056-08", "75056-08"),
        (parsers.local_time, "06/10/2022 15:07", "2022-10-06T15:07"),
        (parsers.local_time, "06/10/2022 15:07:31", "2022-10-06T15:07:31"),
        (parsers.local_time, "6/1/2022", "2022-01-06"),
        (parsers.local_time, "2024-02-29", "2024-02-29"),
        (parsers.local_time, "2022-07-01T23:30:00+00:00", "2022-07-02T01:30"),
        (parsers.local_time, "2022-12-31T23:30:00Z", "2023-01-01T00:30"),
    ],
)
def test_a_value_becomes_canonical(parse, given_value, expected):
    assert parse(given_value) == expected


@pytest.mark.parametrize(
    ("parse", "value", "reason"),
    [
        (parsers.code, "2.904756E+06", "rounded by a spreadsheet"),
        (parsers.departement_code, "Gironde", "not the code of a département"),
        (parsers.departement_code, "1234", "not the code of a département"),
        (parsers.postal_code, "33", "not a French postal code"),
        (parsers.postal_code, "331200", "not a French postal code"),
        (parsers.count, "-1", "not a whole number"),
        (parsers.count, "2.5", "not a whole number"),
        (parsers.insee_code("dep"), "reg24", "begins with dep"),
        (parsers.local_time, "31/02/2022", "not a date of the calendar"),
        (parsers.local_time, "29/02/2023", "not a date of the calendar"),
        (parsers.local_time, "06/10/2022 25:10", "not a date of the calendar"),
        (parsers.local_time, "hier", "not a date of the calendar"),
        (parsers.local_time, "31/12/1999", "outside the years 2000 to 2050"),
        (parsers.local_time, "2051-01-01", "outside the years 2000 to 2050"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_its_reason(parse, value, reason):
    with pytest.raises(ValueError, match=reason):
        parse(value)


@given(st.integers(1, 95))
def test_a_departement_survives_every_spreadsheet(number):
    expected = f"{number:02d}"
    spellings = {str(number), f"{number}.0", expected}
    assert {parsers.departement_code(spelling) for spelling in spellings} == {expected}


@given(st.integers(1000, 98999))
def test_a_postal_code_survives_every_spreadsheet(number):
    expected = f"{number:05d}"
    assert {parsers.postal_code(spelling) for spelling in (str(number), f"{number}.0", expected)} == {expected}


@given(st.datetimes(min_value=parsers.datetime(2000, 1, 1), max_value=parsers.datetime(2050, 12, 31)))
def test_french_and_iso_spellings_of_a_moment_agree_and_stay(moment):
    parsed = parsers.local_time(f"{moment:%d/%m/%Y %H:%M:%S}")
    assert parsed == parsers.local_time(moment.replace(microsecond=0).isoformat())
    assert parsers.local_time(parsed) == parsed


def test_a_closed_list_accepts_its_declared_spellings_only():
    parse = parsers.choice({"Traitée": ("Traitées",), "A traiter": ()})
    assert [parse(value) for value in ("TRAITÉES", "traitee", "À  traiter")] == ["Traitée", "Traitée", "A traiter"]
    with pytest.raises(ValueError, match="none of: Traitée, A traiter"):
        parse("En cours")
