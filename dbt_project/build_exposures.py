# ruff: noqa: INP001 - a script, not a package
"""Writes what dbt must know of the dashboards from the bundle of Superset. What they show belongs to the bundle.

It reads the bundle's files alone, for dbt's manifest cannot be had while an exposure names a model that is gone.

python dbt_project/build_exposures.py
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from supersync.bundle import chart_slugs, shown

PROJECT = Path(__file__).parent
#: What publication itself adds to the copy.
PUBLISHED = PROJECT / "models" / "audit" / "_sources.yml"
EXPOSURES = PROJECT / "models" / "exposures" / "dashboards.yml"
BUNDLE = PROJECT.parent / "superset" / "bundle"

#: Who answers for what Superset shows, in Dagster too.
OWNER = "team:plateforme-donnees"


class _Indented(yaml.SafeDumper):
    """Indents lists below their key, as the project's other YAML does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def declared(kind: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind that the bundle declares, by slug."""
    paths = sorted((BUNDLE / f"{kind}s").rglob("*.yaml"))
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}


def datasets_of(dashboard: Mapping[str, Any], charts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the datasets of a dashboard's charts and of the lists that its filters offer."""
    yield from (charts[slug]["dataset"] for slug in chart_slugs(dashboard))
    yield from (choice["dataset"] for choice in dashboard.get("filters", {}).values() if "dataset" in choice)


def models_of(dataset: Mapping[str, Any]) -> list[str]:
    """Return what a dataset reads, as dbt refers to it; the bundle names it `schema.model`."""
    tables = dataset.get("reads") or [dataset["model"]]
    return [reference(*table.split(".")) for table in tables]


def reference(schema: str, name: str) -> str:
    """Return dbt's reference to a model, or to a table that publication itself adds to the copy."""
    return f"source('published', '{name}')" if (schema, name) in published() else f"ref('{name}')"


@cache
def published() -> set[tuple[str, str]]:
    """Return schema and name of each table that publication adds."""
    [source] = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))["sources"]
    return {(source["schema"], table["name"]) for table in source["tables"]}


def content() -> dict[str, Any]:
    """Return every dashboard as an exposure that depends on the models of its datasets."""
    charts, datasets = declared("chart"), declared("dataset")
    exposures = []
    made = (shown(slug, dashboard) for slug, dashboard in declared("dashboard").items())
    for slug, dashboard in chain.from_iterable(dashboards.items() for dashboards in made):
        read = {model for name in datasets_of(dashboard, charts) for model in models_of(datasets[name])}
        exposures.append(
            {
                "name": slug.replace("-", "_"),
                "label": dashboard["title"],
                "type": "dashboard",
                "url": f"/superset/dashboard/{slug}/",
                "description": dashboard["description"],
                "owner": {"name": OWNER},
                "depends_on": sorted(read),
            }
        )
    return {"version": 2, "exposures": exposures}


def text() -> str:
    """Return the exposures as the text of their file."""
    head = "# Written by build_exposures.py from superset/bundle; a test keeps them equal.\n"
    return head + yaml.dump(content(), Dumper=_Indented, allow_unicode=True, sort_keys=False, width=110)


if __name__ == "__main__":
    EXPOSURES.parent.mkdir(exist_ok=True)
    EXPOSURES.write_text(text(), encoding="utf-8")
