"""What the platform asks of Spark as its engine."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from core import settings
from core.finding import Finding
from core.settings import Home
from warehouse.engine import Process
from warehouse.spark import cluster, failures, files, lake, status
from warehouse.spark.session import run


class Spark:
    """Builds on a cluster, into the lake; the DuckDB file shows what lies there."""

    name = "spark"
    profile = "cyberimpact_spark"
    adapter = "lake"
    pool = "cluster"
    builds_in_files = False

    def environment(self, home: Home) -> dict[str, str]:
        return {"CYBERIMPACT_LAKE": str(home.lake), "CYBERIMPACT_NAMESPACE": lake.namespace(home)}

    def processes(self, home: Home) -> list[Process]:
        return cluster.processes(home)

    def refuse_unready(self, home: Home) -> None:
        status.refuse_unready(home)

    def facts(self) -> dict[str, str]:
        return {"engine": self.name, "spark_application": status.application().address}

    def is_lost(self, message: str) -> bool:
        return failures.is_lost(message)

    def refuse_changed(self, home: Home, target: str) -> None:
        files.refuse_changed(lake.lake_of(home, target))

    def examine(self, home: Home) -> Iterator[Finding]:
        return status.examine(home)

    def ensure_table(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> None:
        place = _lake_of(connection)
        name = place.name(node["schema"], node["name"])
        columns = ", ".join(f"`{key}` {column['data_type']}" for key, column in node["columns"].items())
        run(f"create table if not exists {name} ({columns}) using parquet")
        lake.show_table(connection, place, node)

    def fill(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], query: str | None) -> None:
        place = _lake_of(connection)
        name = place.name(node["schema"], node["name"])
        if query is None:
            run(f"truncate table {name}")
        else:
            folder = place.folder / lake.TAKEN_IN / f"kept.{node['schema']}.{node['name']}"
            listed = ", ".join(f'"{key}"' for key in node["columns"])
            lake.write(connection, f"select {listed} from ({query})", folder)  # noqa: S608 - names of the manifest
            run(f"insert overwrite table {name} by name select * from parquet.`{folder}`")  # noqa: S608
        lake.show_table(connection, place, node)
        files.record(place, [lake.written_as(node)])


def _lake_of(connection: duckdb.DuckDBPyConnection) -> lake.Lake:
    """Return the lake of the target whose file a connection writes."""
    home = settings.home()
    [(catalog,)] = connection.execute("select current_database()").fetchall()
    return lake.lake_of(home, "live" if catalog == home.live.stem else "daily")


ENGINE = Spark()
