"""dbt-duckdb plugin that attaches what the other target has published.

The two targets write files of their own and never wait for each other: each reads the other's published copy.
"""

import atexit
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import duckdb
import yaml
from dbt.adapters.duckdb.plugins import BasePlugin

from core import settings
from core.sql import literal
from warehouse import published
from warehouse.dbt_project import PROJECT_DIR


class Plugin(BasePlugin):
    """Shows tables of a published copy, read-only, in the catalog `<target>_copy`.

    What is not there yet, because the copy was published by an older version or never, is shown all the same: a table
    from that of its former name (`meta.formerly`) or as an empty one, a column of nulls.

    The copy is resolved to its build once, and that build is kept from being pruned until dbt ends, at its death too.
    Profile: `copy`, the target whose copy is shown; `tables`, the names of the models that it holds.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._copy = published.COPIES[plugin_config["copy"]]
        self._tables: list[str] = plugin_config["tables"]
        self._pin = ExitStack()
        atexit.register(self._pin.close)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        shown = f"{self._copy.target}_copy"
        conn.execute(f"attach if not exists ':memory:' as {shown}")
        found = self._attach(conn)
        for table in self._tables:
            name = f"{shown}.main.{table}"
            model = declared(table)
            former = model.get("config", {}).get("meta", {}).get("formerly")
            held = next((known for known in (table, former) if known in found), None)
            if held:
                there = f'from {self._copy.catalog}."{found[held]}"."{held}"'
                conn.execute(f"create or replace view {name} as {there} union all by name {nothing(model)}")
            else:
                conn.execute(f"create table if not exists {name} as {nothing(model)}")

    def _attach(self, conn: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Attach the pinned build, where there is one, and return the schema of each of its tables."""
        build = self._pin.enter_context(published.pinned(settings.home(), self._copy))
        if build is None:
            return {}
        conn.execute(f"attach if not exists {literal(str(build))} as {self._copy.catalog} (read_only)")
        query = "select table_name, schema_name from duckdb_tables() where database_name = ?"
        return dict(conn.execute(query, [self._copy.catalog]).fetchall())


def declared(table: str) -> dict[str, Any]:
    """Return what the project's YAML says of a model."""
    [file] = (PROJECT_DIR / "models").rglob(f"{table}.yml")
    [model] = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    return model


def nothing(model: Mapping[str, Any]) -> str:
    """Return a query of no row that has the columns which the contract of a model declares."""
    columns = ", ".join(f"cast(null as {column['data_type']}) as {column['name']}" for column in model["columns"])
    return f"select {columns} where false"
