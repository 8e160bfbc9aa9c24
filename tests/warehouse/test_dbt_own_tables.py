"""What another engine has left as views of its files is a table once DuckDB builds, where dbt needs one."""

from pathlib import Path

import duckdb

from warehouse.dbt_own_tables import Plugin


def test_named_views_of_a_lake_become_tables_and_the_others_stay(tmp_path: Path) -> None:
    plugin = Plugin("warehouse.dbt_own_tables", {"tables": ["visibility.fct_mention", "reference.*"]})
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(f"copy (select 1 as id union all select 2) to '{tmp_path}/rows.parquet'")
        for name in ("visibility.fct_mention", "visibility.fct_visit", "reference.regions", "raw_x.regions"):
            connection.execute(f"create schema if not exists {name.partition('.')[0]}")
            connection.execute(f"create view {name} as from read_parquet('{tmp_path}/rows.parquet')")
        connection.execute("create view reference.dim_region as from reference.regions")
        plugin.configure_connection(connection)
        plugin.configure_connection(connection)  # dbt does so once for each connection that it opens
        (tmp_path / "rows.parquet").unlink()
        tables = connection.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
        assert tables == [("reference", "regions"), ("visibility", "fct_mention")]
        assert connection.execute("select count(*) from reference.dim_region").fetchall() == [(2,)]
        assert connection.execute("select count(*) from visibility.fct_mention").fetchall() == [(2,)]
