"""dbt-duckdb plugin that shows a target the decisions of operators."""

from typing import Any

import duckdb
import pyarrow as pa
import yaml
from dbt.adapters.duckdb.plugins import BasePlugin

from core import settings
from core.errors import ExpectedFailure
from core.sql import literal
from warehouse import operations_database
from warehouse.dbt_project import PROJECT_DIR

SOURCES = PROJECT_DIR / "models" / "signals" / "_sources.yml"


class Plugin(BasePlugin):
    """Shows the tables of the operations database that the source `decisions` declares, as they are at each build.

    They are copies in memory, of the declared columns: the file that dbt writes keeps nothing of them. A file or a
    table that does not exist is shown empty. A database that cannot be read fails the models that read it only.
    """

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        [source] = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
        schema = f"{source['database']}.{source['schema']}"
        conn.execute(f"attach if not exists ':memory:' as {source['database']}")
        conn.execute(f"drop schema if exists {schema} cascade; create schema {schema}")
        for table in source["tables"]:
            types = {column["name"]: column["data_type"] for column in table["columns"]}
            _show(conn, f"{schema}.{table['name']}", table["name"], types)


def _show(conn: duckdb.DuckDBPyConnection, shown: str, table: str, types: dict[str, str]) -> None:
    """Make a copy of a table, or a view that fails with the reason why there is none."""
    try:
        rows: list[dict[str, Any]] = operations_database.rows(settings.home(), table, types)
    except ExpectedFailure as failure:
        columns = (f"cast(error({literal(str(failure))}) as {kind}) as {name}" for name, kind in types.items())
        conn.execute(f"create view {shown} as select {', '.join(columns)}")
        return
    conn.register("decided", pa.table({name: [row[name] for row in rows] for name in types}))
    columns = (f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    conn.execute(f"create table {shown} as select {', '.join(columns)} from decided")  # noqa: S608 - declared names
    conn.unregister("decided")
