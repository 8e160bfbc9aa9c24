"""Published figures against a second computation, written without SQL. Rules on single rows are dbt unit tests."""

import csv
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pandas as pd
import pytest

from ingestion.platforms import PLATFORMS
from tests.dbt import citizens
from tests.dbt.conftest import Built
from tests.dbt.raw import Row
from warehouse.dbt_project import PROJECT_DIR

PERIODS = ("day", "week", "month", "quarter", "year")
MONTH_AND_UP = PERIODS[2:]
COLUMNS = "period_type, period_start, territory_level, territory_code, breakdown_dimension, breakdown_value"

Cell = tuple[str, date, str, str, str, str]


def period_start(period_type: str, day: date) -> date:
    match period_type:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return date(day.year, 1, 1)


def levels(territory: str) -> list[tuple[str, str]]:
    found = [("nation", "FR")]
    if territory in {"XX", "ZZ"}:
        return [*found, ("abroad" if territory == "XX" else "unknown", territory)]
    with (PROJECT_DIR / "seeds" / "territories.csv").open(encoding="utf-8") as handle:
        place = next(row for row in csv.DictReader(handle) if row["territory_code"] == territory)
    found += [("departement", territory), ("gendarmerie_region", place["gendarmerie_region_code"])]
    return found + ([("region", place["region_code"])] if place["region_code"] else [])


LEVELS = {territory: levels(territory) for territory in citizens.TERRITORIES}


def cells(row: Row, breakdowns: dict[str, tuple[str, tuple[str, ...]]]) -> list[Cell]:
    """Return the cells that an experience counts in: breakdown -> its value and the periods it exists for."""
    day = date.fromisoformat(row["date_de_publication"][:10])
    return [
        (period, period_start(period, day), level, code, dimension, value)
        for dimension, (value, periods) in breakdowns.items()
        for period in periods
        for level, code in LEVELS[citizens.territory(row)]
    ]


def of_the_whole(row: Row) -> list[Cell]:
    scope = "gendarmerie" if citizens.is_gendarmerie(row) else "autres"
    return cells(row, {"total": ("total", PERIODS), "scope": (scope, MONTH_AND_UP)})


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


def rounded(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def published(built: Built, code: str) -> dict[Cell, tuple[Decimal, int]]:
    rows = built.rows(f"select {COLUMNS}, value, observations from kpi.kpi_value where kpi_code = '{code}'")
    return {row[:6]: row[6:] for row in rows}


def share(observed: list[tuple[Cell, bool]]) -> dict[Cell, tuple[Decimal, int]]:
    counts: dict[Cell, list[bool]] = defaultdict(list)
    for cell, counted in observed:
        counts[cell].append(counted)
    return {cell: (rounded(Fraction(sum(counted), len(counted))), len(counted)) for cell, counted in counts.items()}


def test_experiences(built: Built) -> None:
    counts: dict[Cell, int] = defaultdict(int)
    for row in built.experiences:
        for cell in of_the_whole(row):
            counts[cell] += 1
    assert published(built, "experiences") == {cell: (Decimal(n), n) for cell, n in counts.items()}


def test_answer_rate(built: Built) -> None:
    observed = [(cell, is_answered(row)) for row in built.experiences for cell in of_the_whole(row)]
    assert published(built, "answer_rate") == share(observed)


def test_positive_share(built: Built) -> None:
    observed = []
    for row in built.experiences:
        observed += [(cell, row["ressenti_usager"] == "Positif") for cell in of_the_whole(row)]
        for theme in citizens.THEMES:
            if row[theme] is not None:
                of_the_theme = cells(row, {"theme": (theme, MONTH_AND_UP)})
                observed += [(cell, row[theme] == "Positif") for cell in of_the_theme]
    assert published(built, "positive_share") == share(observed)


@pytest.mark.parametrize(("code", "share_below"), [("median", "0.5"), ("p75", "0.75"), ("p90", "0.9")])
def test_response_time(built: Built, code: str, share_below: str) -> None:
    days: dict[Cell, list[int]] = defaultdict(list)
    for row in built.experiences:
        if (taken := response_days(row)) is not None:
            for cell in of_the_whole(row):
                days[cell].append(taken)
    expected = {}
    for cell, taken in days.items():
        value = pd.Series(taken).quantile(float(share_below), interpolation="linear")
        expected[cell] = (rounded(Fraction(value).limit_denominator(100)), len(taken))
    assert published(built, f"response_time_{code}") == expected


def test_shares_break_ties_upwards(built: Built) -> None:
    """1 of 640 is 0.0015625 exactly, which a division of doubles rounds either way."""
    ties = [(n, d) for d in (128, 640, 1280, 3200) for n in range(d + 1)]
    compiled = next(
        node["compiled_code"] for node in built.manifest["nodes"].values() if node["name"] == "kpi_answer_rate"
    )
    division = compiled.rindex("cast(", 0, compiled.index("cast((2000000"))
    value = compiled[division : compiled.index(" as value", division)]
    formula = value.replace("sum(numerator)", "numerator").replace("sum(denominator)", "denominator")
    values = ", ".join(f"({n}, {d})" for n, d in ties)
    rows = built.rows(f"select numerator, denominator, {formula} from (values {values}) as t (numerator, denominator)")
    assert {(n, d): rounded(Fraction(n, d)) for n, d in ties} == {(n, d): v for n, d, v in rows}


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
