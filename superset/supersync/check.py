"""Checks the bundle without a server: references, names, rules of the project."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from supersync import charts, layout
from supersync.bundle import MAIN, PARIS, PHONE, Asset, Bundle, chart_slugs, column_declarations

BASELINE = "kpis_without_chart.txt"
DIALECT = "duckdb"

# fmt: off
_SQL_WORDS = frozenset((
    "and", "as", "between", "bigint", "boolean", "by", "case", "cast", "date", "decimal", "distinct", "double", "else",
    "end", "exists", "false", "filter", "from", "having", "ilike", "in", "integer", "interval", "is", "like", "not",
    "null", "or", "order", "over", "partition", "then", "true", "varchar", "when", "where",
))
# fmt: on
_STRING = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r"[a-z_][a-z0-9_]*(?!\w*\s*\()")
_SECRET_FIELD = re.compile(r"password|passwd|secret|token|api_?key|credential", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN|\beyJ[\w-]{20,}")
_LOCAL_VALUE = re.compile(r"\bduckdb:/|\bsqlite:/|https?://|(?<!\w)/(?:home|root|tmp|var|srv|opt|work)/")
#: Where a link in Markdown leads, which nobody reads.
_LINK_TARGET = re.compile(r"(?<=\])\([^()]*\)")
#: A format of D3 that abbreviates in English: 25M, 390k.
_ABBREVIATED = re.compile(r"(?!%).*(?:s|SMART_NUMBER(?:_SIGNED)?)")
#: The measure that leads from a value to its page.
TRACED = "retracer"
#: Words that no text for readers holds.
ENGLISH = re.compile(
    r"\b(?:the|of|and|with|from|this|that|which|number|share|by|answer|per|dashboard|chart|feedback)\b",
    re.IGNORECASE,
)


def check(bundle: Bundle) -> list[str]:
    """Return every problem of the bundle as a sentence that names file and field; none means that it may be sent."""
    found = [
        *_references(bundle),
        *(problem for dataset in bundle.datasets for problem in _dataset(bundle, dataset)),
        *(problem for chart in bundle.charts for problem in _chart(bundle, chart)),
        *(problem for dashboard in bundle.dashboards for problem in _dashboard(bundle, dashboard)),
        *(problem for asset in bundle for problem in _texts(asset)),
        *_kpis(bundle),
    ]
    return list(dict.fromkeys(found))  # a file that makes two dashboards has each problem once


def _references(bundle: Bundle) -> Iterator[str]:
    databases = {database.slug for database in bundle.databases}
    for slug in sorted({MAIN, *(dataset.declared.get("database", MAIN) for dataset in bundle.datasets)} - databases):
        yield f"databases/: there is no database {slug}."
    named: dict[tuple[str, str], Asset] = {}
    for dataset in bundle.datasets:  # Superset knows a dataset by the name of its table
        first = named.setdefault((dataset.declared.get("database", MAIN), dataset.config["table_name"]), dataset)
        if first is not dataset:
            yield f"{dataset.path}: its table has the name of that of {first.path}: rename one of the files."
    datasets = {dataset.slug for dataset in bundle.datasets}
    slugs = {chart.slug for chart in bundle.charts}
    shown = {slug for dashboard in bundle.dashboards for slug in dashboard.reads}
    for chart in bundle.charts:
        if chart.declared["dataset"] not in datasets:
            yield f"{chart.path}: dataset: there is no dataset {chart.declared['dataset']}."
        if chart.slug not in shown:
            yield f"{chart.path}: no dashboard shows it."
    for dashboard in bundle.dashboards:
        for slug in sorted(set(dashboard.reads) - slugs):
            yield f"{dashboard.path}: rows: there is no chart {slug}."


def _dataset(bundle: Bundle, dataset: Asset) -> Iterator[str]:
    yield from _models(bundle, dataset)
    if not dataset.title:
        yield f"{dataset.path}: it has no title, nor has its model a `meta.label`."
    yield from _dataset_columns(dataset)
    yield from _duplicated_labels(bundle, dataset)
    yield from _metrics(dataset)
    if "query" in dataset.declared:
        yield from _query(bundle, dataset)


def _models(bundle: Bundle, dataset: Asset) -> Iterator[str]:
    declared = dataset.declared
    if ("model" in declared) == ("query" in declared):
        yield f"{dataset.path}: it needs either `model`, or `query` with `reads`."
    for key in declared.get("reads") or [declared.get("model", "")]:
        model = bundle.models.get(key)
        if model is None:
            yield f"{dataset.path}: the dbt manifest has no model {key}."
        elif not model.is_exposed:
            yield f"{dataset.path}: {key} is not published (meta.exposed), so readers could not see it."


def _dataset_columns(dataset: Asset) -> Iterator[str]:
    present = columns_of(dataset)
    time = dataset.config["main_dttm_col"]
    for name in [*column_declarations(dataset.declared), *([time] if time else [])]:
        if name not in present:
            yield f"{dataset.path}: the dbt manifest has no column {name}."
    for column in dataset.config["columns"]:
        if not column["verbose_name"]:
            yield f"{dataset.path}: columns: {column['column_name']} has no French label."
        if not column["type"]:
            yield f"{dataset.path}: columns: {column['column_name']} has no type in the dbt manifest (data_type)."


def _formats(place: str, fields: Mapping[str, Any]) -> Iterator[str]:
    for where, key, value in _leaves(fields):
        if "format" in key.lower() and isinstance(value, str) and _ABBREVIATED.fullmatch(value):
            yield f"{place}: {where}: “{value}” writes 25M; write numbers in full, or use a metric in millions."


def _duplicated_labels(bundle: Bundle, dataset: Asset) -> Iterator[str]:
    """Find what the file repeats of the manifest: two places for one truth become two truths."""
    keys = dataset.declared.get("reads") or [dataset.declared.get("model", "")]
    models = [bundle.models[key] for key in keys if key in bundle.models]
    known = {name: column for model in models for name, column in model.columns.items()}
    for name, declaration in column_declarations(dataset.declared).items():
        if declaration.get("label") and name in known and declaration["label"] == known[name].label:
            yield f"{dataset.path}: columns: {name} has its label from the dbt manifest; leave it out."


def _metrics(dataset: Asset) -> Iterator[str]:
    present = columns_of(dataset)
    for metric in dataset.config["metrics"]:
        for field, what in (("verbose_name", "French label"), ("description", "description")):
            if not metric[field]:
                yield f"{dataset.path}: metrics: {metric['metric_name']} has no {what}."
            elif word := ENGLISH.search(metric[field]):
                yield (
                    f"{dataset.path}: metrics: {metric['metric_name']}: readers are French; “{word.group()}” is not."
                )
        yield from _formats(f"{dataset.path}: metrics: {metric['metric_name']}", {"format": metric["d3format"]})
        for word in sorted(_identifiers(metric["expression"]) - present):
            yield f"{dataset.path}: metrics: {metric['metric_name']} uses {word}, which is no column of the dataset."


def _query(bundle: Bundle, dataset: Asset) -> Iterator[str]:
    tables = set(re.findall(r"\b(?:from|join)\s+(\w+\.\w+)", dataset.config["sql"]))
    declared = set(dataset.declared.get("reads", []))
    for table in sorted(tables - declared):
        yield f"{dataset.path}: reads: {table} is read by the query but not declared."
    for table in sorted(declared - tables):
        yield f"{dataset.path}: reads: {table} is declared but the query does not read it."
    if tables == declared <= bundle.models.keys():
        yield from _query_columns(bundle, dataset)


def _query_columns(bundle: Bundle, dataset: Asset) -> Iterator[str]:
    """Find a column that the query reads, be it in a condition only, and that no table of it has."""
    try:
        query = sqlglot.parse_one(dataset.config["sql"], dialect=DIALECT)
        qualify(query, schema=bundle.models.schema_of(dataset.declared["reads"]), dialect=DIALECT)
    except SqlglotError as problem:
        yield f"{dataset.path}: query: {str(problem).splitlines()[0]}"


def _chart(bundle: Bundle, chart: Asset) -> Iterator[str]:
    dataset = next((dataset for dataset in bundle.datasets if dataset.slug == chart.declared["dataset"]), None)
    if dataset is None:
        return
    metrics = {metric["metric_name"] for metric in dataset.config["metrics"]}
    sorted_by = {name for name, _ in charts.order(chart.declared)}  # a table may be sorted by a metric it does not show
    for name in sorted(charts.columns(chart.declared) - columns_of(dataset) - (sorted_by & metrics)):
        yield f"{chart.path}: the dataset {dataset.slug} has no column {name}."
    for name in sorted(charts.shown(chart.declared) & instants_of(dataset)):
        yield f"{chart.path}: {name} is UTC; show {name}{PARIS}, which is Paris time."
    for metric in chart.declared.get("metrics", []):
        if not isinstance(metric, str):
            yield f"{chart.path}: metrics: an ad-hoc metric is refused; declare it in the dataset."
        elif metric not in metrics:
            yield f"{chart.path}: metrics: the dataset {dataset.slug} declares no metric {metric}."
    if _has_ad_hoc_sql(chart.config["params"]):
        yield f"{chart.path}: params: ad-hoc SQL is refused; declare a metric in the dataset."
    yield from _formats(f"{chart.path}: params", chart.declared.get("params", {}))
    yield from _named_in_params(chart)
    yield from _values(bundle, chart)


def _named_in_params(chart: Asset) -> Iterator[str]:
    """Find what Superset's own options name and the chart does not show: Superset passes over it in silence."""
    params, shown = chart.declared.get("params", {}), {*charts.columns(chart.declared), *_metric_names(chart)}
    for name in sorted(params.get("column_config", {}).keys() - shown):
        yield f"{chart.path}: params: column_config: the chart shows no {name}."
    if (name := params.get("x_axis_sort")) and name not in shown:
        yield f"{chart.path}: params: x_axis_sort: the chart shows no {name}."


def _values(bundle: Bundle, chart: Asset) -> Iterator[str]:
    for code in kpi_codes(chart):
        if code not in bundle.models.kpi_codes:
            yield f"{chart.path}: kpi: the dbt manifest has no KPI {code}."
        elif chart.description and code not in chart.description:
            yield f"{chart.path}: description: it does not name {code}, whose definition a reader looks up."
    if _shows_values(chart) and TRACED not in _metric_names(chart):
        yield f"{chart.path}: a table of values leads to the page of each: add the metric {TRACED}."


def _dashboard(bundle: Bundle, dashboard: Asset) -> Iterator[str]:
    if dashboard.slug.endswith(PHONE):
        return  # made from one that is examined
    yield from _rows(bundle, dashboard)
    yield from _filters(bundle, dashboard)


def _rows(bundle: Bundle, dashboard: Asset) -> Iterator[str]:
    for number, row in enumerate(layout.each_row(dashboard.declared["rows"])):  # the first is the publication's
        width = sum(row.get("charts", {}).values())
        if width > layout.COLUMNS - ("text" in row):
            yield f"{dashboard.path}: row {number} is {width} columns wide, {layout.COLUMNS} is the most."
    placed = chart_slugs(dashboard.declared)
    yield from _cards(bundle, dashboard, placed)
    phone = dashboard.declared.get("phone") or {}
    left_out = [*phone.get("except", []), *phone.get("instead", {})]
    yield from (
        f"{dashboard.path}: phone: {slug} is not on the dashboard." for slug in sorted(set(left_out) - set(placed))
    )
    for slug in sorted({slug for slug in placed if placed.count(slug) > 1}):
        yield f"{dashboard.path}: rows: {slug} stands twice."
    for slug in sorted(set(dashboard.declared.get("captioned", [])) - set(placed)):
        yield f"{dashboard.path}: captioned: {slug} is not on the dashboard."


def _cards(bundle: Bundle, dashboard: Asset, placed: list[str]) -> Iterator[str]:
    """Find a card whose KPI has no row in a table of the page: a card cannot hold a link, a row leads to the figure."""
    on_page = [chart for chart in bundle.charts if chart.slug in placed]
    traced = {code for chart in on_page if TRACED in _metric_names(chart) for code in kpis_shown(bundle, chart)}
    for chart in on_page:
        if chart.declared["viz"] == "big_number":
            for code in sorted(set(kpi_codes(chart)) - traced):
                yield f"{dashboard.path}: no table of the page leads from the card {chart.slug} to its figure ({code})."


def _filters(bundle: Bundle, dashboard: Asset) -> Iterator[str]:
    placed = chart_slugs(dashboard.declared)
    datasets = {dataset.slug: dataset for dataset in bundle.datasets}
    for name, declared_filter in dashboard.declared.get("filters", {}).items():
        for slug in sorted({*declared_filter.get("except", []), *declared_filter.get("only", [])} - set(placed)):
            yield f"{dashboard.path}: filters: {name}: {slug} is not on the dashboard."
        if declared_filter.get("type") == "time":
            continue
        if declared_filter.get("dataset") not in datasets:
            yield f"{dashboard.path}: filters: {name}: there is no dataset {declared_filter.get('dataset')}."
            continue
        for column in sorted(
            {declared_filter["column"], *declared_filter.get("where", {})}
            - columns_of(datasets[declared_filter["dataset"]])
        ):
            yield f"{dashboard.path}: filters: {name}: the dataset {declared_filter['dataset']} has no column {column}."


def _texts(asset: Asset) -> Iterator[str]:
    if asset.kind != "database" and not asset.description.strip():
        yield f"{asset.path}: description: it is empty."
    for place, key, value in _leaves(asset.declared):
        if _SECRET_FIELD.search(key) and value not in (None, "", False):
            yield f"{asset.path}: {place}: a secret has no place in the bundle."
        if not isinstance(value, str):
            continue
        if _SECRET_VALUE.search(value):
            yield f"{asset.path}: {place}: this looks like a secret, which has no place in the bundle."
        if _LOCAL_VALUE.search(value):
            yield f"{asset.path}: {place}: an address or path belongs to one environment, not in the bundle."
        if key in {"title", "description", "label", "text", "subtitle"} | _labels(place) and (
            word := ENGLISH.search(_LINK_TARGET.sub("", value))
        ):
            yield f"{asset.path}: {place}: readers are French; “{word.group()}” is not."


def _labels(place: str) -> set[str]:
    return {place.rsplit(".", 1)[-1]} if place.startswith("columns.") else set()


def _kpis(bundle: Bundle) -> Iterator[str]:
    shown = {code for chart in bundle.charts for code in kpis_shown(bundle, chart)}
    file = bundle.folder / BASELINE
    excused = set(file.read_text(encoding="utf-8").split()) if file.exists() else set()
    for code in sorted(bundle.models.kpi_codes - shown - excused):
        yield f"The KPI {code} has neither a chart nor a row in a KPI table."
    for code in sorted(excused - (bundle.models.kpi_codes - shown)):
        yield f"{BASELINE}: {code} no longer needs its exception; take it out."


def kpi_codes(chart: Asset) -> list[str]:
    kpi = chart.declared.get("kpi", [])
    return kpi if isinstance(kpi, list) else [kpi]


def kpis_shown(bundle: Bundle, chart: Asset) -> set[str]:
    """Return the KPIs whose values a reader finds on a chart: those that it names, or those that its table lists."""
    return set(kpi_codes(chart)) or _listed(bundle, chart)


def _listed(bundle: Bundle, chart: Asset) -> set[str]:
    """Return the KPIs whose values a table lists: those that its condition names, or all of their pillar."""
    where = chart.declared.get("where", {})
    if not _shows_values(chart):
        return set()
    if pillar := where.get("pillar"):
        return bundle.models.kpis_of_pillar(pillar)
    codes = where.get("kpi_code", [])
    return set(codes if isinstance(codes, list) else [codes])


def _shows_values(chart: Asset) -> bool:
    return "value_label" in charts.columns(chart.declared)


def _metric_names(chart: Asset) -> set[str]:
    return {metric for metric in chart.declared.get("metrics", []) if isinstance(metric, str)}


def columns_of(dataset: Asset) -> set[str]:
    return {column["column_name"] for column in dataset.config["columns"]}


def instants_of(dataset: Asset) -> set[str]:
    """Return the columns of a dataset that have one in Paris time beside them."""
    present = columns_of(dataset)
    return {name for name in present if f"{name}{PARIS}" in present}


def _identifiers(expression: str) -> set[str]:
    """Return the words of an expression that can only be columns: no text, no number, no function, no word of SQL."""
    return {word for word in _WORD.findall(_STRING.sub("", expression.lower())) if word not in _SQL_WORDS}


def _has_ad_hoc_sql(value: Any) -> bool:
    match value:
        case {"expressionType": "SQL"} | {"sqlExpression": _}:
            return True
        case dict():
            return any(_has_ad_hoc_sql(inner) for inner in value.values())
        case list():
            return any(_has_ad_hoc_sql(inner) for inner in value)
    return False


def _leaves(value: Any, path: str = "", key: str = "") -> Iterable[tuple[str, str, Any]]:
    children: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list):
        children = ((key, inner) for inner in value)
    else:
        yield path, key, value
    for name, inner in children:
        yield from _leaves(inner, f"{path}.{name}" if path and name != key else path or str(name), str(name))
