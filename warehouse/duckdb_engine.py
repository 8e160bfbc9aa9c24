"""DuckDB as the engine: it builds into the file that is published, in dbt's own process."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from core.finding import Finding
from core.settings import Home
from warehouse.engine import Process


class DuckDB:
    """The engine that one machine needs."""

    name = "duckdb"
    profile = "cyberimpact"
    adapter = "duckdb"
    pool = None
    builds_in_files = True

    def environment(self, home: Home) -> dict[str, str]:  # noqa: ARG002 - the interface
        return {}

    def processes(self, home: Home) -> list[Process]:  # noqa: ARG002 - the interface
        return []

    def refuse_unready(self, home: Home) -> None:
        """Nothing is needed."""

    def facts(self) -> dict[str, str]:
        return {"engine": self.name}

    def is_lost(self, message: str) -> bool:  # noqa: ARG002
        return False

    def refuse_changed(self, home: Home, target: str) -> None:
        """The file has no part that could be changed alone."""

    def examine(self, home: Home) -> Iterator[Finding]:  # noqa: ARG002
        return iter(())

    def ensure_table(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> None:
        columns = ", ".join(f'"{name}" {column["data_type"]}' for name, column in node["columns"].items())
        connection.execute(f'create schema if not exists "{node["schema"]}"')
        connection.execute(f'create table if not exists "{node["schema"]}"."{node["name"]}" ({columns})')

    def fill(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], query: str | None) -> None:
        table = f'"{node["schema"]}"."{node["name"]}"'
        connection.execute(f"delete from {table}")  # noqa: S608 - names of the manifest
        if query:
            connection.execute(f"insert into {table} by name {query}")


ENGINE = DuckDB()
