"""Reads the hand-written YAML of the bundle and expands it into what Superset imports."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from supersync import charts, layout
from supersync.errors import SupersetFailure
from supersync.manifest import Column, Manifest, Model, read

VERSION = "1.0.0"
NAMESPACE = uuid5(NAMESPACE_URL, "cyberimpact:superset")
OWNER = "Équipe données cyberimpact"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: The database of a dataset that names none.
MAIN = "serving"

#: Fields that a file of each kind must have, and may have.
FIELDS = {
    "database": ({"title"}, {"engine", "cache_seconds", "beside"}),
    "dataset": (
        set(),
        {
            "database",
            "title",
            "description",
            "formerly",
            "model",
            "query",
            "reads",
            "time",
            "cache_seconds",
            "columns",
            "metrics",
        },
    ),
    "chart": (
        {"title", "description", "dataset", "viz"},
        {"kpi", "where", "x", "dimensions", "metrics", "columns", "order_by", "limit", "classes", "params"},
    ),
    "dashboard": ({"title", "description", "rows"}, {"filters", "cross_filters", "captioned", "phone"}),
}

#: The chart that heads every dashboard: which publication it shows.
HEADER, HEADER_HEIGHT = "publication", 6
#: What the name of a dashboard's variant for a phone ends with.
PHONE = "-telephone"
#: The KPIs that a description names, for who looks for a definition; a caption on the page leaves them out.
KPIS_NAMED = re.compile(r" \(indicateurs? [a-z0-9_, ]+\)")
#: What the name of a column in Paris time ends with; each dataset has one beside every instant, which is UTC.
PARIS = "_paris"


@dataclass(frozen=True)
class Asset:
    """Something of the bundle, declared and expanded.

    Attributes:
        kind: `database`, `dataset`, `chart` or `dashboard`.
        slug: Name of its file; unique within its kind.
        title: French name that a reader sees.
        description: French sentence that says what it shows.
        path: Its file, relative to the bundle.
        declared: What the file says.
        config: What Superset imports.
        reads: What it is made from: a dataset, dbt unique ids; a chart, a dataset's slug; a dashboard, charts' slugs.
        formats: Of a dataset, how tables write the numbers of a column, by name, as dbt says.
    """

    kind: str
    slug: str
    title: str
    description: str
    path: Path
    declared: Mapping[str, Any]
    config: dict[str, Any] = field(repr=False)
    reads: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def uuid(self) -> UUID:
        return UUID(self.config["uuid"])


@dataclass(frozen=True)
class Bundle:
    """Everything that the project declares, and the dbt models it was expanded with."""

    folder: Path
    models: Manifest = field(repr=False)
    databases: tuple[Asset, ...]
    datasets: tuple[Asset, ...]
    charts: tuple[Asset, ...]
    dashboards: tuple[Asset, ...]

    def __iter__(self) -> Iterator[Asset]:
        yield from (*self.databases, *self.datasets, *self.charts, *self.dashboards)


def identifier(kind: str, slug: str) -> UUID:
    """Return the UUID of an object: the same on every server, for ever.

    A dataset that was renamed keeps the UUID of the name that its file calls `formerly`.
    """
    return uuid5(NAMESPACE, f"{kind}/{slug}")


def load(bundle_dir: Path, manifest_path: Path) -> Bundle:
    """Read and expand the bundle. References that lead nowhere are kept for `supersync.check` to name.

    Raises:
        SupersetFailure: a file is not YAML, lacks a field, has an unknown one, or there is no manifest.
    """
    models = read(manifest_path)
    files = {kind: list(_files(bundle_dir, kind)) for kind in FIELDS}
    databases = tuple(_database(*file) for file in files["database"])
    datasets = tuple(
        _dataset(*file, folder=bundle_dir, models=models, databases=databases) for file in files["dataset"]
    )
    by_slug = {dataset.slug: dataset for dataset in datasets}
    palette = read_yaml(bundle_dir / "palette.yaml")
    chart_assets = tuple(chart_asset(*file, by_slug, palette) for file in files["chart"])
    dashboards = tuple(
        _dashboard(name, path, page, datasets=by_slug, chart_assets=chart_assets, meanings=palette["meanings"])
        for slug, path, declared in files["dashboard"]
        for name, page in shown(slug, declared).items()
    )
    return Bundle(bundle_dir, models, databases, datasets, chart_assets, dashboards)


def _files(bundle_dir: Path, kind: str) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    folder = bundle_dir / f"{kind}s"
    seen: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yaml")):
        relative = path.relative_to(bundle_dir)
        if path.stem in seen:
            raise SupersetFailure(
                f"{relative} and {seen[path.stem]} have the same name.", "Rename one: a name is an identity."
            )
        seen[path.stem] = relative
        declared = read_yaml(path)
        _refuse_wrong_fields(relative, declared, *FIELDS[kind])
        if kind == "chart":
            _refuse_wrong_viz(relative, declared)
        yield path.stem, relative, declared


def _refuse_wrong_fields(path: Path, declared: Mapping[str, Any], required: set[str], optional: set[str]) -> None:
    for name in sorted(required - declared.keys()):
        raise SupersetFailure(f"{path} lacks the field `{name}`.", "Add it.")
    for name in sorted(declared.keys() - required - optional):
        allowed = ", ".join(sorted(required | optional))
        raise SupersetFailure(f"{path} has the unknown field `{name}`.", f"The fields are {allowed}.")


def _refuse_wrong_viz(path: Path, declared: Mapping[str, Any]) -> None:
    viz = declared["viz"]
    if viz not in charts.VIZ:
        raise SupersetFailure(f"{path} has the unknown `viz` {viz}.", f"Use {', '.join(sorted(charts.VIZ))}.")
    _, needed = charts.VIZ[viz]
    if viz == "table" and "columns" not in declared:
        needed = needed | {"dimensions", "metrics"}
    for name in sorted(needed - declared.keys()):
        raise SupersetFailure(f"{path} lacks the field `{name}`, which a {viz} needs.", "Add it.")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the fields of a YAML file.

    Raises:
        SupersetFailure: it is absent, or is not YAML, or holds something other than fields.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), LOADER)  # noqa: S506 - the safe loader, in C
    except FileNotFoundError:
        raise SupersetFailure(f"{path} is absent.", "Check its folder.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SupersetFailure(f"{path}{line} is not YAML.", "Correct it.") from None
    if not isinstance(content, dict):
        raise SupersetFailure(f"{path} does not hold fields.", "Write it as `field: value`.")
    return content


def _identity(kind: str, slug: str, path: Path) -> dict[str, Any]:
    return {
        "uuid": str(identifier(kind, slug)),
        "version": VERSION,
        "is_managed_externally": True,
        "external_url": f"cyberimpact:superset/bundle/{path}",
    }


def origin(path: Path) -> str:
    """Return the sentence that names the file of an object, and marks it as the project's own."""
    return f"Défini dans superset/bundle/{path.as_posix()}"


def _certification(path: Path) -> dict[str, str]:
    return {"certified_by": OWNER, "certification_details": origin(path)}


def _database(slug: str, path: Path, declared: dict[str, Any]) -> Asset:
    config = {
        "database_name": declared["title"],
        "sqlalchemy_uri": "",  # of the environment: put in when it is sent
        "cache_timeout": declared.get("cache_seconds"),
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "impersonate_user": False,
        "extra": {"allows_virtual_table_explore": True, "engine_params": declared.get("engine", {})},
        **_identity("database", slug, path),
    }
    return Asset("database", slug, declared["title"], "", path, declared, config)


def _dataset(
    slug: str, path: Path, declared: dict[str, Any], *, folder: Path, models: Manifest, databases: tuple[Asset, ...]
) -> Asset:
    keys = declared.get("reads") or [declared.get("model", "")]
    sources = [models[key] for key in keys if key in models]
    main = sources[0] if sources else None
    description = declared.get("description") or (main.description if main else "")
    physical = main if "model" in declared else None
    database = next((database for database in databases if database.slug == declared.get("database", MAIN)), None)
    title = declared.get("title") or (main.label if main else "")
    time = time_column(declared, main)
    config = {
        "table_name": physical.name if physical else slug,
        "schema": physical.schema if physical else None,
        "sql": None if "model" in declared else _sql(folder / path.with_name(declared.get("query", ""))),
        "main_dttm_col": time,
        "description": description,
        "extra": {"certification": {"certified_by": OWNER, "details": origin(path)}}
        | {name: declared[name] for name in declared.keys() & {"formerly"}},  # for `plan.is_ours`
        "cache_timeout": declared.get("cache_seconds", database.config["cache_timeout"] if database else None),
        "filter_select_enabled": True,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "offset": 0,
        "columns": list(_columns(declared, sources)),
        "metrics": list(_metrics(declared, main)),
        "database_uuid": str(database.uuid) if database else None,
        **_identity("dataset", declared.get("formerly", slug), path),
    }
    reads = tuple(source.unique_id for source in sources)
    formats = {column.name: column.format for source in sources for column in source.columns.values() if column.format}
    return Asset("dataset", slug, title, description, path, declared, config, reads, formats)


def time_column(declared: Mapping[str, Any], model: Model | None) -> str | None:
    """Return the column that a period filter acts on, from the file or from its model."""
    return declared.get("time") or (model.superset.get("time") if model and "model" in declared else None)


def _sql(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        raise SupersetFailure(f"The query {path} is absent.", "Add it, or correct `query` in the dataset.") from None


def _columns(declared: Mapping[str, Any], sources: list[Model]) -> Iterator[dict[str, Any]]:
    own = column_declarations(declared)
    known: dict[str, Column] = {}
    for source in reversed(sources):
        known |= source.columns
    # A table shows all its columns; a query those that it is declared to have, some of which only it has.
    for name in own if "query" in declared else known:
        declaration = own.get(name, {})
        column = known.get(name) or _of_query(name, declaration)
        if column is None:
            continue
        label = declaration.get("label") or column.label
        if not is_instant(column.type):
            yield _column(column, label)
            continue
        yield _column(column, label and f"{label} (UTC)")
        yield _column(replace(column, name=f"{name}{PARIS}"), label) | {"expression": paris_time(name, column.type)}


def _column(column: Column, label: str) -> dict[str, Any]:
    return {
        "column_name": column.name,
        "verbose_name": label,
        "description": column.description,
        "type": column.type,
        "is_dttm": column.type.startswith(("DATE", "TIMESTAMP")),
        "is_active": True,
        "groupby": True,
        "filterable": True,
    }


def is_instant(sql_type: str) -> bool:
    """Return whether a type is that of moments: stored in UTC, shown in Paris time."""
    return sql_type.startswith("TIMESTAMP")


def paris_time(name: str, sql_type: str) -> str:
    """Return the SQL of what a clock in Paris shows at the instants of a column, which are UTC or bear their zone."""
    instant = f"timezone('UTC', {name})" if sql_type == "TIMESTAMP" else name
    return f"timezone('Europe/Paris', {instant})"


def _of_query(name: str, declaration: Mapping[str, Any]) -> Column | None:
    return (
        Column(name, declaration["type"].upper(), declaration.get("description", "")) if "type" in declaration else None
    )


def column_declarations(declared: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the columns that a dataset's file declares, by name: nothing, a label, or fields.

    `columns` maps names, or lists them: a name alone where the manifest says everything of it.
    """
    columns = declared.get("columns", {})
    if isinstance(columns, list):
        columns = {
            name: declaration
            for column in columns
            for name, declaration in (column.items() if isinstance(column, dict) else [(column, None)])
        }
    return {
        name: {"label": declaration} if isinstance(declaration, str) else declaration or {}
        for name, declaration in columns.items()
    }


def _metrics(declared: Mapping[str, Any], main: Model | None) -> Iterator[dict[str, Any]]:
    # A query over models has rows of its own: the measures of a model would not count them.
    of_model = main.superset.get("metrics", {}) if main and "model" in declared else {}
    metrics = {**of_model, **declared.get("metrics", {})}
    for name, metric in metrics.items():
        yield {
            "metric_name": name,
            "verbose_name": metric.get("label"),
            "expression": metric["expression"],
            "description": metric.get("description"),
            "d3format": metric.get("format"),
        }


def form_data(declared: Mapping[str, Any], dataset: Asset | None, palette: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Superset calls `params` of a chart, with the formats of its columns and colours of its classes."""
    made = charts.form_data(declared, dataset.config["main_dttm_col"] if dataset else None, palette["brand"])
    if dataset and declared["viz"] == "table":
        made["column_config"] = _column_config(declared, dataset)
    if "classes" in declared:
        made["conditional_formatting"] = charts.class_colours(declared["classes"], palette["classes"])
    return made


def chart_asset(
    slug: str, path: Path, declared: dict[str, Any], datasets: Mapping[str, Asset], palette: Mapping[str, Any]
) -> Asset:
    """Return a chart, expanded.

    Args:
        slug: Name of its file.
        path: Its file, relative to the bundle.
        declared: What the file says.
        datasets: The datasets of the bundle by name.
        palette: The colours of the bundle.
    """
    dataset = datasets.get(declared["dataset"])
    context = {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [charts.query(declared, dataset.config["main_dttm_col"] if dataset else None)],
        "result_format": "json",
        "result_type": "full",
    }
    config = {
        "slice_name": declared["title"],
        "description": declared["description"].strip(),
        "viz_type": declared["viz"],
        "params": form_data(declared, dataset, palette),
        "query_context": json.dumps(context, ensure_ascii=False),
        "dataset_uuid": str(_dataset_uuid(declared["dataset"], datasets)),
        **_certification(path),
        **_identity("chart", slug, path),
    }
    description = config["description"]
    return Asset("chart", slug, declared["title"], description, path, declared, config, (declared["dataset"],))


def _column_config(declared: Mapping[str, Any], dataset: Asset) -> dict[str, Any]:
    """Return how a table writes its columns: by their types, then as its own file says."""
    types = {column["column_name"]: column["type"] for column in dataset.config["columns"]}
    by_type = {
        name: charts.column_format(types[name], dataset.formats.get(name))
        for name in [*declared.get("columns", []), *declared.get("dimensions", [])]
        if name in types
    }
    own = declared.get("params", {}).get("column_config", {})
    return {
        name: written
        for name in [*by_type, *(own.keys() - by_type.keys())]
        if (written := by_type.get(name, {}) | own.get(name, {}))
    }


def _dataset_uuid(slug: str, datasets: Mapping[str, Asset]) -> UUID:
    return datasets[slug].uuid if slug in datasets else identifier("dataset", slug)


def _dashboard(
    slug: str,
    path: Path,
    declared: dict[str, Any],
    *,
    datasets: Mapping[str, Asset],
    chart_assets: tuple[Asset, ...],
    meanings: Mapping[str, str],
) -> Asset:
    placed = chart_slugs(declared)
    known = {chart.slug: chart for chart in chart_assets}
    captioned = declared.get("captioned", [])
    cells = {
        name: layout.Cell(
            # Each its own number: filters name the charts they spare by it, until the server puts its own in its place.
            number,
            identifier("chart", name),
            known[name].title if name in known else name,
            KPIS_NAMED.sub("", known[name].description) if name in known and name in captioned else "",
        )
        for number, name in enumerate(dict.fromkeys(placed), start=1)
    }
    filters = [
        layout.native_filter(
            name,
            native,
            _dataset_uuid(native["dataset"], datasets) if "dataset" in native else None,
            [cell.number for chart, cell in cells.items() if is_excluded(native, chart, known)],
        )
        for name, native in declared.get("filters", {}).items()
    ]
    config = {
        "dashboard_title": declared["title"],
        "description": declared["description"].strip(),
        "slug": slug,
        "css": layout.CSS,
        "published": True,
        "position": layout.position(
            declared["title"], declared["rows"], cells, layout.caption_height(on_phone=slug.endswith(PHONE))
        ),
        "metadata": {
            # With a scheme a map would be drawn in its colours, not from light to dark.
            "color_scheme": "",
            "label_colors": dict(meanings),
            "cross_filters_enabled": declared.get("cross_filters", False),
            "filter_bar_orientation": "HORIZONTAL",
            "native_filter_configuration": filters,
            "refresh_frequency": 0,
            "timed_refresh_immune_slices": [],
        },
        **_certification(path),
        **_identity("dashboard", slug, path),
    }
    return Asset("dashboard", slug, declared["title"], config["description"], path, declared, config, tuple(placed))


def is_excluded(declared_filter: Mapping[str, Any], chart: str, charts_by_slug: Mapping[str, Asset]) -> bool:
    """Return whether a filter does not apply to a chart: it excludes it, or the chart fixes the column itself."""
    fixed = charts_by_slug[chart].declared.get("where", {}) if chart in charts_by_slug else {}
    named = chart in declared_filter.get("except", []) or chart not in declared_filter.get("only", [chart])
    return named or declared_filter.get("column") in fixed


def shown(slug: str, declared: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return by slug the dashboards of a file: as declared, and with `phone` in a single column too."""
    made = {slug: dict(declared)}
    if "phone" in declared:
        made[slug + PHONE] = layout.single_column(declared)
    return {name: _headed(page) for name, page in made.items()}


def _headed(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dashboard with the publication above its rows, which no filter changes."""
    filters = {
        name: {**declared_filter, "except": [*declared_filter.get("except", []), HEADER]}
        for name, declared_filter in declared.get("filters", {}).items()
    }
    head = {"charts": {HEADER: layout.COLUMNS}, "height": HEADER_HEIGHT}
    return {**declared, "filters": filters, "rows": [head, *declared["rows"]]}


def chart_slugs(dashboard: Mapping[str, Any]) -> list[str]:
    """Return the charts that a dashboard declares, from top to bottom."""
    return [slug for row in layout.each_row(dashboard["rows"]) for slug in row.get("charts", {})]
