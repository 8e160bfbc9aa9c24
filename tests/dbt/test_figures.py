"""Published figures against a second computation, written without SQL. Rules on single rows are dbt unit tests."""

from datetime import date, datetime, timedelta

import pytest

from ingestion.platforms import PLATFORMS
from tests.dbt import citizens
from tests.dbt.conftest import Built
from tests.dbt.raw import Row
from tests.rollups import Observation, cells, period_start, rounded

COLUMNS = "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value"

MONTH_AND_UP = ["month", "quarter", "year"]
GRAIN = {
    "period_types": ["day", "week", *MONTH_AND_UP],
    "territory_levels": ["nation", "region", "gendarmerie_region", "departement", "abroad", "unknown"],
    "breakdowns": [
        {"dimension": "scope", "period_types": MONTH_AND_UP},
        {"dimension": "theme", "period_types": MONTH_AND_UP, "part": True},
    ],
}


def is_answered(row: Row) -> bool:
    if "etat_experience" in row:
        return row["etat_experience"] == "Traitée"
    return row["statut_experience"] == "Expérience avec réponse"


def response_days(row: Row) -> int | None:
    if "date_de_premiere_reponse" not in row:
        return None
    answered, published = row["date_de_premiere_reponse"][:10], row["date_de_publication"][:10]
    days = (date.fromisoformat(answered) - date.fromisoformat(published)).days
    return days if days >= 0 else None


def observation(row: Row, numerator: int, theme: str | None = None) -> Observation:
    return Observation(
        record_key=row["id_experience"],
        occurred_on=date.fromisoformat(row["date_de_publication"][:10]),
        territory_code=citizens.territory(row),
        numerator=numerator,
        denominator=1,
        parts={"scope": "gendarmerie" if citizens.is_gendarmerie(row) else "autres", "theme": theme},
    )


def assert_published(built: Built, code: str, observed: list[Observation]) -> None:
    breakdowns = GRAIN["breakdowns"] if code == "positive_share" else GRAIN["breakdowns"][:1]
    kpi = {"code": code, "grain": GRAIN | {"breakdowns": breakdowns}}
    expected = {cell: (rounded(figures.value), number) for cell, (figures, number) in cells(kpi, observed).items()}
    rows = built.rows(f"select {COLUMNS}, value, observations from kpi.kpi_value where kpi_code = '{code}'")
    assert {row[:6]: row[6:] for row in rows} == expected


def test_experiences(built: Built) -> None:
    assert_published(built, "experiences", [observation(row, 1) for row in built.experiences])


def test_answer_rate(built: Built) -> None:
    assert_published(built, "answer_rate", [observation(row, is_answered(row)) for row in built.experiences])


def test_positive_share(built: Built) -> None:
    observed = [observation(row, row["ressenti_usager"] == "Positif") for row in built.experiences]
    observed += [
        observation(row, row[theme] == "Positif", theme)
        for row in built.experiences
        for theme in citizens.THEMES
        if row[theme] is not None
    ]
    assert_published(built, "positive_share", observed)


@pytest.mark.parametrize("code", ["response_time_median", "response_time_p75", "response_time_p90"])
def test_response_time(built: Built, code: str) -> None:
    taken = [(row, response_days(row)) for row in built.experiences]
    assert_published(built, code, [observation(row, days) for row, days in taken if days is not None])


def test_every_record_reaches_the_mart(built: Built) -> None:
    columns = "experience_id, territory_code, is_gendarmerie, is_answered, response_days"
    rules = (citizens.territory, citizens.is_gendarmerie, is_answered, response_days)
    expected = {(row["id_experience"], *(rule(row) for rule in rules)) for row in built.experiences}
    assert set(built.rows(f"select {columns} from perception.fct_experience")) == expected


def test_impossible_response_times_are_counted_apart(built: Built) -> None:
    impossible = {
        row["id_experience"]
        for row in built.experiences
        if row.get("date_de_premiere_reponse", "9999")[:10] < row["date_de_publication"][:10]
    }
    assert impossible
    found = built.rows("select experience_id from perception.fct_experience where has_impossible_response")
    assert {experience for (experience,) in found} == impossible


def test_a_structure_named_twice_counts_once(built: Built) -> None:
    query = "select experience_id, structure_key from perception.fct_experience_structure"
    named: list[tuple[str, str]] = []
    for row in built.experiences:
        keys = {
            row.get(f"id_structure_{slot}") or row.get(f"intitule_structure_{slot}") or row.get(f"typologie_{slot}")
            for slot in (1, 2, 3)
        }
        named += [(row["id_experience"], key) for key in keys if key]
    assert sorted(built.rows(query)) == sorted(named)


def test_readings_name_what_they_show(built: Built) -> None:
    """Every value has its reading, and the value before it is that of the calendar's previous period."""
    values = {row[:7]: row[7] for row in built.rows(f"select kpi_code, {COLUMNS}, value from kpi.kpi_value")}
    columns = f"kpi_code, {COLUMNS}, value, previous_period_start, previous_value"
    readings = built.rows(f"select {columns} from kpi.rpt_kpi")
    assert {row[:7]: row[7] for row in readings} == values
    assert len(readings) == len(values)
    for code, period, start, *rest, _, previous_start, previous_value in readings:
        assert previous_start == period_start(period, start - timedelta(days=1))
        assert previous_value == values.get((code, period, previous_start, *rest))


def test_the_calendar_is_that_of_the_standard_library(built: Built) -> None:
    columns = "date_day, iso_year, iso_week, iso_weekday, week_start, quarter_start"
    rows = built.rows(f"select {columns} from reference.dim_calendar order by date_day")
    assert (rows[0][0], rows[-1][0], len(rows)) == (date(2000, 1, 1), date(2050, 12, 31), 18628)
    for day, iso_year, iso_week, iso_weekday, week_start, quarter_start in rows:
        assert (iso_year, iso_week, iso_weekday) == day.isocalendar()
        assert (week_start, quarter_start) == (period_start("week", day), period_start("quarter", day))


@pytest.mark.parametrize(
    ("day", "labels"),
    [
        ("2024-03-01", ("1er mars 2024", "semaine 9 de 2024", "mars 2024", "1er trimestre 2024", "2024")),
        ("2024-12-31", ("31 décembre 2024", "semaine 1 de 2025", "décembre 2024", "4e trimestre 2024", "2024")),
        ("2021-01-03", ("3 janvier 2021", "semaine 53 de 2020", "janvier 2021", "1er trimestre 2021", "2021")),
    ],
)
def test_periods_have_french_names(built: Built, day: str, labels: tuple[str, ...]) -> None:
    columns = "day_label, week_label, month_label, quarter_label, year_label"
    assert built.rows(f"select {columns} from reference.dim_calendar where date_day = '{day}'") == [labels]


def test_freshness_tells_the_date_of_the_data(built: Built) -> None:
    latest = max(row["date_de_publication"][:10] for row in built.experiences)
    filled = {"services_publics_plus", "cybermalveillance", "perceval"}
    # Warnings and declared reference: no dated record of citizens, so no number either.
    undated = {"official_alerts", "operations", "reference"}
    query = (
        "select title, data_as_of, rows, is_late, late_at - last_loaded_at from audit.freshness"
        " where platform not in ('cybermalveillance', 'perceval')"  # filled by few_victims
    )
    expected = [
        ("Services Publics+", date.fromisoformat(latest), len(built.experiences), False, timedelta(hours=36)),
        *(
            (platform.title, None, None if platform.name in undated else 0, True, None)
            for platform in PLATFORMS
            if platform.name not in filled
        ),
    ]
    assert sorted(built.rows(query)) == sorted(expected), "a platform that was never loaded is late"
    (loaded_at,) = built.connection.execute("select last_loaded_at from audit.freshness").fetchone()
    assert isinstance(loaded_at, datetime)
    assert loaded_at.tzinfo is None


def test_territories_are_complete(built: Built) -> None:
    query = "select territory_level, count(territory_code) from reference.dim_territory group by all"
    assert dict(built.rows(query)) == {
        "nation": 1,
        "region": 18,
        "gendarmerie_region": 14,
        "departement": 96 + 5 + 6,
        "abroad": 1,
        "unknown": 1,
    }


@pytest.mark.parametrize(
    ("territory", "expected"),
    [
        ("FR", ("nation", 68_952_941, None, None)),
        ("FR-67", ("departement", 1_163_810, "FR-GES", "GN-GES")),
        ("FR-75C", ("departement", 2_103_778, "FR-IDF", "GN-IDF")),
        ("FR-971", ("departement", 384_160, "FR-GUA", "GN-OM")),
        ("FR-NC", ("departement", 264_596, None, "GN-OM")),
        ("FR-BRE", ("region", 611_859 + 933_455 + 1_120_666 + 783_390, "FR-BRE", "GN-BRE")),
        ("GN-COR", ("gendarmerie_region", 168_306 + 187_180, None, "GN-COR")),
    ],
)
def test_a_territory_knows_its_population_and_regions(built: Built, territory: str, expected: tuple) -> None:
    columns = "territory_level, population, region_code, gendarmerie_region_code"
    query = f"select {columns} from reference.dim_territory where territory_code = '{territory}'"
    assert built.rows(query) == [expected]


def test_the_map_has_every_departement(built: Built) -> None:
    query = "select map_code from reference.dim_territory where territory_level = 'departement'"
    codes = {code for (code,) in built.rows(query)}
    metropolitan = {f"FR-{n:02}" for n in range(1, 96) if n != 20} | {"FR-2A", "FR-2B"}
    overseas = {"FR-GP", "FR-MQ", "FR-GF", "FR-RE", "FR-YT"}
    assert codes == metropolitan | overseas | {"FR-PM", "FR-BL", "FR-MF", "FR-WF", "FR-PF", "FR-NC"}
