"""dbt-duckdb plugin that makes tables of what another engine has left as views of its files."""

from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

#: Views of a lake, as `duckdb_views()` has their SQL; one that dbt has made reads tables.
LEFT = """
    select schema_name, view_name from duckdb_views()
    where database_name = current_database() and concat(schema_name, '.', view_name) glob ?
        and sql like '%read_parquet(%'
"""


class Plugin(BasePlugin):
    """Takes over what dbt would not make anew, or not whole.

    dbt replaces the view of an archive by what its query returns, which is not all that the archive has, and makes no
    seed where a view is.

    Profile: `tables`, each with its schema; a name may be a pattern, as in `reference.*`.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._patterns: list[str] = plugin_config["tables"]

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        left = [view for pattern in self._patterns for view in conn.execute(LEFT, [pattern]).fetchall()]
        for schema, table in left:
            conn.begin()
            conn.execute(f'create table "{schema}"."{table}__own" as from "{schema}"."{table}"')
            conn.execute(f'drop view "{schema}"."{table}"')
            conn.execute(f'alter table "{schema}"."{table}__own" rename to "{table}"')
            conn.commit()
