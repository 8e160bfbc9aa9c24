"""Every chart executed by a real Superset over a real published copy: it answers, and with the figures of the copy."""

from collections.abc import Iterator
from datetime import UTC, datetime, time

import duckdb
import pytest
from supersync import cache
from supersync.apply import apply

from cli import verbatim_search
from tests.superset import copies, queries
from tests.superset.conftest import BUNDLE

CHARTS = sorted(path.stem for path in (BUNDLE / "charts").rglob("*.yaml"))
SOME = CHARTS[:8]
GENDARMERIE = "breakdown_dimension = 'scope' and breakdown_value = 'gendarmerie'"
LAST_MONTH = "period_type = 'month' and period_start = date '2025-09-01'"  # the last that is over


@pytest.fixture
def answer(server, client, bundle):
    """Run a chart by its name, with the filters that its dashboard opens with, or others in their place."""
    apply(client, bundle, server.database_uri)

    def run(slug: str, **chosen: str):
        chart = next(chart for chart in bundle.charts if chart.slug == slug)
        dashboard = next(dashboard for dashboard in bundle.dashboards if slug in dashboard.reads)
        filters = [
            {**native_filter, "val": [chosen.get(native_filter["col"], native_filter["val"][0])]}
            for native_filter in queries.default_filters(bundle, dashboard, slug)
        ]
        return queries.run(client, chart, filters)

    return run


@pytest.fixture
def copy(server) -> Iterator[duckdb.DuckDBPyConnection]:
    path = (server.home.published / "daily" / "current" / "serving.duckdb").resolve()
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def test_every_chart_answers_with_rows(answer):
    """One test for all: applying the bundle for each would take minutes."""
    silent = {}
    for slug in CHARTS:
        result = answer(slug)
        if result["error"] or not result["rowcount"] or any(row.get("valeur", 0) is None for row in result["data"]):
            silent[slug] = result["error"] or result["data"]
    assert silent == {}


@pytest.mark.parametrize("kpi", ["experiences", "positive_share", "answer_rate", "response_time_median"])
def test_a_card_shows_the_published_value(answer, copy, kpi):
    shown = {row["period_start"]: row["valeur"] for row in answer(kpi)["data"]}
    month = max(shown)
    (expected,) = copy.execute(
        "select value from kpi.kpi_value "
        f"where kpi_code = ? and territory_code = 'FR' and {GENDARMERIE} and {LAST_MONTH}",
        [kpi],
    ).fetchone()
    assert shown[month] == pytest.approx(float(expected))


def test_the_territory_reaches_every_chart_that_it_is_said_to_reach(answer, copy):
    (expected,) = copy.execute(
        "select count(distinct experience_id) from perception.fct_experience_structure "
        "where territory_code = 'FR-33' and scope = 'gendarmerie'"
    ).fetchone()
    rows = answer("structures", territory_name="Gironde")["data"]
    assert sum(row["experiences"] for row in rows) == expected > 0
    by_month = answer("experiences_by_month", territory_name="Gironde")["data"]
    assert sum(row["valeur"] for row in by_month) == expected


def test_a_region_adds_up_its_departements(answer, copy):
    (expected,) = copy.execute(
        "select count(experience_id) from perception.fct_experience where territory_code in ('FR-35', 'FR-29')"
    ).fetchone()
    chosen = {"territory_name": "Bretagne", "breakdown_value": "total"}
    assert sum(row["valeur"] for row in answer("experiences_by_month", **chosen)["data"]) == expected > 0


def test_a_region_of_one_departement_has_one_value(answer):
    # La Réunion is a région and a département under one name: both rows say the same, and the mark stays.
    rows = answer("experiences_by_month", territory_name="La Réunion", breakdown_value="total")["data"]
    assert rows
    assert all(row["valeur"] > 0 for row in rows)


def test_a_mark_that_would_blend_values_stays_empty(client, bundle, answer):
    assert answer("answer_rate")["data"]
    chart = next(chart for chart in bundle.charts if chart.slug == "answer_rate")
    rows = queries.run(client, chart, [])["data"]
    assert any(row["valeur"] is None for row in rows)


def test_a_territory_stands_beside_its_peers(answer):
    rows = {row["kpi_label"]: row for row in answer("compared_actors")["data"]}
    actions = rows["Actions de prévention"]
    # Rows made by hand: nine territories, this one second; the median one above its value.
    assert actions["rang"] == "2 sur 9"
    assert int(actions["peer_median_label"]) == int(actions["value_label"]) + 1
    assert actions["retracer"] == (
        '<a href="/pages/chiffre/prevention_actions/2025-09/FR-33?ventilation=scope%3Dl%27aide">Retracer</a>'
    )
    assert "Réclamations reçues par l'IGGN" not in rows  # of France alone


def test_the_header_names_the_publication_of_the_copy(answer, copy):
    (line,) = (row["shown"] for row in answer("publication")["data"])
    (publication_id,) = copy.execute("select publication_id from audit.publication").fetchone()
    assert line.startswith("Données au 20/10/2025 · publiées le ")
    assert line.endswith(f" · publication {publication_id}")


def test_what_is_suppressed_is_said_in_the_table_and_left_out_of_the_chart(answer):
    (row,) = [
        row
        for row in answer("latest_actors", territory_name="Gironde")["data"]
        if row["kpi_label"] == "Victimes assistées"
    ]
    assert row["value_label"] == "secret statistique"
    months = {
        row["period_start"]: row["valeur"] for row in answer("victims_by_month", territory_name="Gironde")["data"]
    }
    assert [value is None for _, value in sorted(months.items())] == [False, False, True]
    (total,) = [row for row in answer("victims_map")["data"] if row["map_code"] == "FR-33"]
    assert total["classe"] == 1  # the year is not suppressed


def test_shares_of_a_theme_add_up(answer, copy):
    rows = answer("feeling_by_theme")["data"]
    (themes,) = copy.execute("select count(distinct theme) from perception.fct_experience_theme").fetchone()
    assert len(rows) == themes
    for row in rows:
        assert row["négatif"] < 0
        assert row["positif"] + row["neutre"] - row["négatif"] == pytest.approx(1)


#: How the rows of each level were shown before they were counted: each under every territory that contains it.
EACH_LEVEL = """
    select {columns}, seen.territory_name, scopes.part, count(distinct fact.experience_id) as experiences
    from perception.{table} as fact
    inner join reference.dim_territory as own on fact.territory_code = own.territory_code
    inner join reference.dim_territory as seen
        on seen.territory_code in ('FR', own.territory_code, own.region_code, own.gendarmerie_region_code)
    inner join (values ('total'), ('gendarmerie'), ('autres')) as scopes (part) on scopes.part in ('total', fact.scope)
    group by all
"""
COUNTED = """
    select {columns}, territory_name, breakdown_value, sum(experiences) from perception.{table}_count group by all
"""


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("fct_experience_structure", "structure_name, typology, fact.feeling, fact.is_answered, fact.published_on"),
        ("fct_experience_theme", "theme_label, fact.feeling, fact.published_on"),
    ],
)
def test_counts_are_those_of_the_rows_of_each_territory_by_name(copy, table, columns):
    rows = copy.execute(EACH_LEVEL.format(columns=columns, table=table)).fetchall()
    counted = copy.execute(COUNTED.format(columns=columns.replace("fact.", ""), table=table)).fetchall()
    assert {row[-3] for row in rows} >= {"France", "La Réunion", "Gironde", "Bretagne"}
    assert sorted(map(str, rows)) == sorted(map(str, counted))


def test_a_search_finds_what_the_command_finds(client, bundle, answer, server):
    """The same texts, the best first, though a text with several themes has a row for each."""
    assert answer("verbatim_search")  # the bundle is there
    chart = next(chart for chart in bundle.charts if chart.slug == "verbatim_search")
    chosen = {"col": "words", "op": "IN", "val": ["plainte", "attente"]}
    shown = queries.run(client, chart, [chosen])["data"]
    found = verbatim_search.search(server.home, "plaintes, attendre, attente", verbatim_search.Filters(), 10_000)
    assert {row["text"] for row in shown} == {hit.text for hit in found}
    # A row of the chart is a day and a place: copies of a text stand in one row there, and do not add up.
    relevance = {hit.text: round(hit.score, 3) for hit in found}
    ranked = [relevance[row["text"]] for row in shown]
    assert ranked == sorted(ranked, reverse=True)


def test_before_a_word_is_chosen_the_latest_texts_are_listed(answer, copy):
    (latest,) = copy.execute("select max(written_on) from perception.fct_verbatim").fetchone()
    days = [row["written_on"] for row in answer("verbatim_search")["data"]]
    assert days == sorted(days, reverse=True)
    assert days[0] == int(datetime.combine(latest, time(), UTC).timestamp() * 1000)


def test_a_theme_opens_its_texts(client, bundle, answer, copy):
    """What a click on a theme does: its texts are listed, and as many as the theme is said to have."""
    (row,) = [row for row in answer("verbatim_themes")["data"] if row["theme_label"] == "Dépôt de plainte et refus"]
    (expected,) = copy.execute(
        "select count(verbatim_id) from perception.fct_verbatim_theme where theme = 'refus_plainte'"
    ).fetchone()
    assert row["textes"] == expected > 0
    clicked = [{"col": "theme_label", "op": "IN", "val": [row["theme_label"]]}]
    for slug in ("verbatim_search", "verbatim_examples"):
        chart = next(chart for chart in bundle.charts if chart.slug == slug)
        texts = {row["text"] for row in queries.run(client, chart, clicked)["data"]}
        assert texts == {"Refus de prendre ma plainte, inadmissible."}


def test_the_map_names_what_the_map_knows(answer):
    codes = {row["map_code"] for row in answer("index_map")["data"]}
    assert {"FR-33", "FR-75", "FR-69", "FR-2A", "FR-RE", "FR-GP"} <= codes


def test_answers_are_kept_until_a_publication_invalidates_them(server, client, bundle, answer):
    first = answer("experiences")
    kept = answer("experiences")
    assert kept["is_cached"]
    assert kept["data"] == first["data"]

    daily = server.home.published / "daily"
    former = (daily / "current").readlink()
    copies.publish(daily, "double", "update kpi.rpt_kpi set value = 2 * value")
    try:
        assert answer("experiences")["data"] == first["data"]  # still the former copy's
        assert cache.invalidate(client, bundle) == len(bundle.datasets)
        fresh = answer("experiences")
        assert not fresh["is_cached"]
        assert [row["valeur"] for row in fresh["data"]] == [2 * row["valeur"] for row in first["data"]]
    finally:
        copies.swap(daily, former)
        cache.invalidate(client, bundle)


def test_invalidation_goes_past_answers_that_are_gone(server, client, bundle, answer):
    for slug in SOME:
        answer(slug)
    kept = [path for path in (server.home.superset / "cache").iterdir() if path.is_file()]
    kept[0].unlink()
    cache.invalidate(client, bundle)
    assert not any(answer(slug)["is_cached"] for slug in SOME)
