"""Opens the files that dbt and loads write."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from core.locks import writer_lock


@contextmanager
def opened_for_reading(database: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a database in UTC once nobody writes it, and keep writers away while it is open.

    DuckDB refuses a reader while somebody writes, and a writer while somebody reads: a load that has waited for a build
    begins as soon as the build ends, before what was built is read.
    """
    with writer_lock(database), duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
