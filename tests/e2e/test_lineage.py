"""Every figure is followed, column by column, from the platform's field to the dashboard that shows it."""

import duckdb
import pytest
from supersync.bundle import PHONE

from audit import lineage
from audit.lineage import Column, LineageGraph
from core import settings
from tests.e2e.line import Line
from warehouse.published import DAILY

#: Fields without a raw column upstream: a sum has no denominator, a percentile neither numerator nor denominator.
PERCENTILES = ("pre_complaint_duration_median", "response_time_median", "response_time_p75", "response_time_p90")
SUMS = (
    "chat_contacts", "experiences", "followers", "iggn_complaints", "listing_actions", "mentions",
    "perceval_amount_eur", "perceval_reports", "pre_complaints", "prevention_actions", "prevention_audience",
    "prevention_hours", "reach", "regional_visits", "unique_visitors", "victims_assisted", "visits",
)  # fmt: skip
EMPTY = {
    *((code, "numerator") for code in PERCENTILES),
    *((code, "denominator") for code in (*PERCENTILES, *SUMS)),
}

#: What comes from a seed: the inhabitants, and what a mark says on the common scale, which a join looks up.
OF_SEEDS = {
    ("victims_per_10k", "denominator"): "reference.territories",
    ("prevention_coverage", "denominator"): "reference.territories",
    ("negative_reviews_share", "numerator"): "reference.feedback_scales",
    ("feedback_index", "numerator"): "reference.feedback_scales",
    ("prevention_hours_per_10k", "denominator"): "reference.territories",
}

#: What a load makes of several fields: the hour of a chat contact.
MADE_BY_LOAD = {("chat_out_of_hours_share", "numerator")}

FIGURES = ("numerator", "denominator", "value", "observations")


@pytest.fixture(scope="module")
def graph(golden: Line) -> LineageGraph:
    return lineage.read(golden.home).graph


@pytest.fixture(scope="module")
def codes(golden: Line) -> list[str]:
    with duckdb.connect(str(DAILY.link(golden.home)), read_only=True) as connection:
        return [code for (code,) in connection.execute("select kpi_code from kpi.kpi_catalogue").fetchall()]


def figures(codes: list[str]) -> list[tuple[str, str]]:
    return [(code, figure) for code in codes for figure in FIGURES]


def column(code: str, figure: str) -> Column:
    return Column("kpi", f"kpi.kpi_{code}", figure)


def test_every_figure_comes_from_a_raw_column(graph: LineageGraph, codes: list[str]) -> None:
    assert codes
    found = {figure: {origin.layer for origin in graph.origins(column(*figure))} for figure in figures(codes)}
    assert {figure for figure, layers in found.items() if not layers} == EMPTY
    assert {figure for figure, layers in found.items() if layers == {"seeds"}} == OF_SEEDS.keys()
    for figure, seed in OF_SEEDS.items():
        assert {origin.table for origin in graph.origins(column(*figure))} == {seed}


def test_every_raw_column_comes_from_a_field_of_the_platform(graph: LineageGraph, codes: list[str]) -> None:
    without = {
        cell
        for cell in figures(codes)
        if cell not in EMPTY | OF_SEEDS.keys()
        and not any(edge.source.layer == "platform" for edge in graph.upstream(column(*cell)))
    }
    assert without == MADE_BY_LOAD


def test_every_figure_is_led_to_a_dashboard(golden: Line, graph: LineageGraph, codes: list[str]) -> None:
    for code in codes:
        reached = {edge.target.layer for edge in graph.downstream(column(code, "value"))}
        assert {"kpi", "dataset", "metric", "chart", "dashboard"} <= reached, code
    dashboards = {path.stem for path in (settings.CHECKOUT / "superset" / "bundle" / "dashboards").glob("*.yaml")}
    assert {
        column_.table.removesuffix(PHONE) for column_ in graph.columns if column_.layer == "dashboard"
    } == dashboards
    with duckdb.connect(str(DAILY.link(golden.home)), read_only=True) as connection:
        shown = connection.execute("select distinct kpi_code from audit.kpi_shown").fetchall()
    assert {code for (code,) in shown} == set(codes)


def test_a_trace_says_where_the_figure_is_shown(golden: Line) -> None:
    with duckdb.connect(str(DAILY.link(golden.home)), read_only=True) as connection:
        [(year,)] = connection.execute(
            "select max(year(period_start)) from kpi.kpi_value "
            "where kpi_code = 'positive_share' and period_type = 'year'"
        ).fetchall()
    text = golden.succeed("trace", "positive_share", "--period", str(year))
    assert "Où ce chiffre est affiché" in text
    assert "Perception | " in text
    assert "Chemin des colonnes" in text
    # An experience is counted: none of its columns enters, its feeling decides.
    assert "D'où viennent ses enregistrements : tous de raw_services_publics_plus.experiences" in text
    [experiences] = [line for line in text.splitlines() if line.startswith("raw_services_publics_plus.experiences | ")]
    _, entering, deciding = experiences.split(" | ")
    assert entering == "–"
    assert {"id_experience", "ressenti_usager", "date_de_publication"} <= set(deciding.split(", "))
