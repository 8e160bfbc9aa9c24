# ruff: noqa: INP001 - a script, not a package
"""Writes what dbt must know of the raw tables from the loaders' contracts. What they mean belongs to the models.

python dbt_project/build_sources.py
"""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from ingestion.engine.contract import Table
from ingestion.engine.load_log import DATASET, LOADS, SET_ASIDE
from ingestion.engine.reports import LOAD_LOG
from ingestion.platforms import PLATFORMS, Platform

STAGING = Path(__file__).parent / "models" / "staging"

WRITTEN_BY_DLT = {
    "_content_hash": "MD5 of the canonical row; the same row again changes nothing.",
    "_dlt_load_id": "Load that wrote the row.",
    "_dlt_id": "Identifier of the row in dlt.",
}


class _Indented(yaml.SafeDumper):
    """Indents lists below their key, as the project's other YAML does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def table_entry(folder: str, table: Table, written_by_dlt: Iterable[str] = WRITTEN_BY_DLT) -> dict[str, Any]:
    """Return a raw table as dbt declares it."""
    columns = {field.name: field.description for field in table.fields}
    columns |= {name: WRITTEN_BY_DLT[name] for name in written_by_dlt}
    return {
        "name": table.name,
        "description": table.description,
        "config": {"meta": {"dagster": {"asset_key": ["raw", folder, table.name]}}},
        "columns": [{"name": name, "description": description} for name, description in columns.items()],
    }


def platform_source(platform: Platform) -> dict[str, Any]:
    """Return the raw tables of a platform; its load log gives their freshness."""
    log = table_entry(platform.name, LOAD_LOG)
    minutes = platform.late_after // timedelta(minutes=1)
    log["config"]["loaded_at_field"] = "finished_at"
    log["config"]["freshness"] = {
        "warn_after": {"count": minutes, "period": "minute"},
        "error_after": {"count": 2 * minutes, "period": "minute"},
    }
    contract = platform.connector.CONTRACT
    return {
        "name": platform.name,
        "schema": platform.dataset,
        "description": f"{platform.title}, minimised and validated against its contract.",
        "tables": [*(table_entry(platform.name, table) for table in contract), log],
    }


def files() -> dict[Path, dict[str, Any]]:
    """Return the content of every sources file, by path."""
    collected = {
        "name": "platforms",
        "schema": DATASET,
        "description": "What all platforms have in common.",
        "tables": [table_entry("platforms", table, ()) for table in (LOADS, SET_ASIDE)],
    }
    sources = {"platforms": collected}
    sources |= {entry.name: platform_source(entry) for entry in PLATFORMS}
    return {STAGING / name / "_sources.yml": {"version": 2, "sources": [source]} for name, source in sources.items()}


def text(content: dict[str, Any]) -> str:
    """Return a sources file as text."""
    head = "# Written by build_sources.py from the contracts in ingestion/; a test keeps them equal.\n"
    return head + yaml.dump(content, Dumper=_Indented, allow_unicode=True, sort_keys=False, width=110)


if __name__ == "__main__":
    for path, content in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(content), encoding="utf-8")
