"""Opens the published copies read-only, with no way out of the file. Writing them belongs in `assets.serving`."""

from pathlib import Path

import duckdb

from ingestion.errors import ExpectedFailure
from ingestion.settings import Home

#: Target, file name and catalog name of each published copy.
COPIES = (("daily", "serving.duckdb", "serving"), ("live", "live_serving.duckdb", "live_serving"))


#: Builds that may vanish under a reader who has just resolved the link, before it gives up.
ATTEMPTS = 10


def current(home: Home, target: str, file_name: str) -> Path | None:
    """Return the current copy of a target, resolved to its build so that one reader sees one build, or None."""
    path = (home.published / target / "current" / file_name).resolve()
    return path if path.exists() else None


def connect(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the published copies: the daily one as default catalog, the live one beside it where it exists.

    Raises:
        ExpectedFailure: nothing was published yet, or a copy is damaged.
    """
    if current(home, "daily", "serving.duckdb") is None:
        raise ExpectedFailure(
            "Nothing was published in this home yet.", "Run `cyberimpact build` and `cyberimpact publish` first."
        )
    connection = duckdb.connect(":memory:", config={"threads": 2, "autoinstall_known_extensions": False})
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set temp_directory = ''")
        for target, file_name, catalog in COPIES:
            attach(connection, home, target, file_name, catalog)
        connection.execute("use serving")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, home: Home, target: str, file_name: str, catalog: str) -> None:
    """Attach the current copy of a target, where there is one; a build that is pruned meanwhile has a successor.

    Raises:
        ExpectedFailure: the copy is damaged.
    """
    for _ in range(ATTEMPTS):
        path = current(home, target, file_name)
        if path is None:
            return
        name = str(path).replace("'", "''")
        try:
            connection.execute(f"attach '{name}' as {catalog} (read_only)")
        except duckdb.IOException as problem:
            if path.exists():
                raise ExpectedFailure(
                    f"The published copy cannot be read: {str(problem).splitlines()[0]}", "Run `cyberimpact publish`."
                ) from None
            continue
        return
