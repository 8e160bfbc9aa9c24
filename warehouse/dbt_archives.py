"""dbt-duckdb plugin that makes tables of archives which another engine has left as views of its files."""

from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

#: A view of a lake, as `duckdb_views()` has its SQL; one that dbt has made reads tables.
LEFT = """
    select view_name from duckdb_views()
    where database_name = current_database() and schema_name = ? and view_name = ? and sql like '%read_parquet(%'
"""


class Plugin(BasePlugin):
    """Takes archives over: dbt would replace a view by what its query returns, which is not all that the archive has.

    Profile: `tables`, the archives, each with its schema.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._tables = [tuple(name.split(".")) for name in plugin_config["tables"]]

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        for schema, table in self._tables:
            if not conn.execute(LEFT, [schema, table]).fetchone():
                continue
            conn.begin()
            conn.execute(f'create table "{schema}"."{table}__own" as from "{schema}"."{table}"')
            conn.execute(f'drop view "{schema}"."{table}"')
            conn.execute(f'alter table "{schema}"."{table}__own" rename to "{table}"')
            conn.commit()
