"""The column lineage of Superset's datasets, charts and dashboards."""

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.schema import ensure_schema
from supersync import charts
from supersync.bundle import Asset, Bundle
from supersync.check import kpis_shown

from assets.dbt.sql_lineage import DIALECT, trace_query
from audit.lineage import ROWS, Column, Edge


def edges(bundle: Bundle, layers: Mapping[str, str]) -> Iterator[Edge]:
    """Yield the edges from columns of the published copy to dashboards.

    Args:
        bundle: The bundle of Superset.
        layers: Layer of each published table, by `schema.name`.
    """
    for dataset in bundle.datasets:
        yield from _dataset_edges(bundle, dataset, layers)
        yield from _metric_edges(dataset)
    datasets = {dataset.slug: dataset for dataset in bundle.datasets}
    for chart in bundle.charts:
        yield from _chart_edges(chart, datasets[chart.declared["dataset"]])
    by_slug = {chart.slug: chart for chart in bundle.charts}
    for dashboard in bundle.dashboards:
        for slug in by_slug.keys() & set(dashboard.reads):  # a former bundle may lack what every dashboard shows today
            for drawn in drawn_by(by_slug[slug], datasets[by_slug[slug].declared["dataset"]]):
                yield Edge(drawn, Column("dashboard", dashboard.slug, slug))


def _dataset_edges(bundle: Bundle, dataset: Asset, layers: Mapping[str, str]) -> Iterator[Edge]:
    read = [
        (column["column_name"], name)
        for column in dataset.config["columns"]
        for name in (_columns_in(column["expression"]) if "expression" in column else [column["column_name"]])
    ]
    if "model" in dataset.declared:
        table = dataset.declared["model"]
        for name, column in read:
            yield Edge(Column(layers[table], table, column), Column("dataset", dataset.slug, name))
        return
    traced = trace_query(dataset.config["sql"], ensure_schema(bundle.models.schema_of(dataset.declared["reads"])))
    for name, of_query in (*read, (ROWS, ROWS)):
        for schema, table, column, kind in traced.get(of_query, ()):
            source = f"{schema}.{table}"
            yield Edge(Column(layers[source], source, column), Column("dataset", dataset.slug, name), kind)


def _metric_edges(dataset: Asset) -> Iterator[Edge]:
    present = {column["column_name"] for column in dataset.config["columns"]}
    for metric in dataset.config["metrics"]:
        target = Column("metric", dataset.slug, metric["metric_name"])
        for name in _columns_in(metric["expression"]):
            if name in present:
                yield Edge(Column("dataset", dataset.slug, name), target)


def _columns_in(expression: str) -> list[str]:
    """Return the names of the columns in an expression of a dataset."""
    return [column.name for column in sqlglot.parse_one(expression, dialect=DIALECT).find_all(exp.Column)]


def drawn_by(chart: Asset, dataset: Asset) -> list[Column]:
    """Return what a chart draws or selects by: columns and metrics of its dataset."""
    present = {column["column_name"] for column in dataset.config["columns"]}
    names = (charts.columns(chart.declared) & present) | set(chart.declared.get("metrics", []))
    return [Column("chart", chart.slug, name) for name in sorted(names)]


def _chart_edges(chart: Asset, dataset: Asset) -> Iterator[Edge]:
    metrics = set(chart.declared.get("metrics", []))
    for drawn in drawn_by(chart, dataset):
        layer = "metric" if drawn.name in metrics else "dataset"
        yield Edge(Column(layer, dataset.slug, drawn.name), drawn)


def shown(bundle: Bundle) -> list[dict[str, str]]:
    """Return where each KPI is shown: one row per KPI, chart and dashboard."""
    return [
        {
            "kpi_code": code,
            "chart": chart.slug,
            "chart_title": chart.title,
            "dashboard": dashboard.slug,
            "dashboard_title": dashboard.title,
        }
        for chart in bundle.charts
        for code in sorted(kpis_shown(bundle, chart))
        for dashboard in bundle.dashboards
        if chart.slug in dashboard.reads
    ]
