"""Opens the published copies read-only, with no way out of the file. Writing them belongs in `assets.serving`."""

from pathlib import Path

import duckdb

from ingestion.errors import ExpectedFailure
from ingestion.settings import Home

#: Target, file name and catalog name of each published copy.
COPIES = (("daily", "serving.duckdb", "serving"), ("live", "live_serving.duckdb", "live_serving"))


def current(home: Home, target: str, file_name: str) -> Path | None:
    """Return the current copy of a target, resolved to its build so that one reader sees one build, or None."""
    path = home.published / target / "current" / file_name
    return path.resolve() if path.exists() else None


def connect(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the published copies: the daily one as default catalog, the live one beside it where it exists.

    Raises:
        ExpectedFailure: nothing was published yet.
    """
    connection = duckdb.connect(":memory:", config={"threads": 2, "autoinstall_known_extensions": False})
    connection.execute("set TimeZone = 'UTC'")
    for target, file_name, catalog in COPIES:
        path = current(home, target, file_name)
        if path is not None:
            name = str(path).replace("'", "''")
            connection.execute(f"attach '{name}' as {catalog} (read_only)")
        elif target == "daily":
            connection.close()
            raise ExpectedFailure(
                "Nothing was published in this home yet.", "Run `cyberimpact build` and `cyberimpact publish` first."
            )
    connection.execute("use serving")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection
