"""Which engine builds: the one place that reads the setting, and what the rest of the platform asks of an engine.

DuckDB builds into its file and serves it. Spark builds into a lake of Parquet files; the DuckDB file then has a view of
each table of the lake, so that publication, evidence, checks and traces read one and the same file whatever has built
it (docs/decisions/0041-spark-builds-duckdb-serves.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import duckdb

from core import settings
from core.errors import ExpectedFailure
from core.finding import Finding
from core.settings import Home

SETTING = "CYBERIMPACT_ENGINE"
#: The module of each engine, imported when it is chosen: DuckDB alone needs none of Spark's packages.
MODULES = {"duckdb": "warehouse.duckdb_engine", "spark": "warehouse.spark.engine"}


class Process(NamedTuple):
    """A process of the engine that runs for long.

    Attributes:
        name: Its name in messages and of its log file.
        command: What is run.
        port: The loopback port that it opens once it serves; None where it opens none.
        setting: The service that names the port in the settings; None with the port.
    """

    name: str
    command: Sequence[str | Path]
    port: int | None = None
    setting: str | None = None


class Engine(Protocol):
    """What builds the tables of a target."""

    #: Its name in the setting.
    name: str
    #: The profile of `dbt_project/profiles.yml`, and the package of dbt that speaks with the engine.
    profile: str
    adapter: str
    #: The pool of Dagster in which its builds take turns; None where each target has that of its file.
    pool: str | None
    #: Whether the tables that it builds lie in the DuckDB files of the home.
    builds_in_files: bool

    def refuse_unready(self, home: Home) -> None:
        """Check that a build can begin.

        Raises:
            TransientFailure: it cannot now, and may later.
            ExpectedFailure: it cannot until somebody does what the remedy says.
        """

    def facts(self) -> dict[str, str]:
        """Return what is recorded of a build: the engine's name, and the address of its pages where it has some."""

    def is_lost(self, message: str) -> bool:
        """Return whether what dbt says of a node is that the engine went away, which may pass by itself."""

    def refuse_changed(self, home: Home, target: str) -> None:
        """Check that what was built for a target is what lies there now.

        Raises:
            ExpectedFailure: somebody has changed it by hand.
        """

    def examine(self, home: Home) -> Iterator[Finding]:
        """Check what the engine needs, for `cyberimpact doctor`."""

    def environment(self, home: Home) -> dict[str, str]:
        """Return the variables of a dbt process that this engine's profile reads."""

    def processes(self, home: Home) -> list[Process]:
        """Return what must run on this machine while it builds, in the order of their start."""

    def ensure_table(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> None:
        """Create the table of a model that was never built, empty, with the columns that its contract declares."""

    def fill(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], query: str | None) -> None:
        """Replace the rows of a model's table.

        Args:
            connection: The file that was built, for writing.
            node: The model, whose table is there.
            query: DuckDB's SQL of the rows; None for no row.
        """


def engine() -> Engine:
    """Return the engine that `CYBERIMPACT_ENGINE` names, DuckDB by default.

    Raises:
        ExpectedFailure: no engine has that name, or its packages are not in this environment.
    """
    name = settings.get(SETTING, "duckdb")
    if name not in MODULES:
        raise ExpectedFailure(f"{SETTING} is {name!r}, which is no engine.", f"Set it to {' or '.join(MODULES)}.")
    try:
        return import_module(MODULES[name]).ENGINE
    except ModuleNotFoundError as absent:
        raise ExpectedFailure(
            f"{SETTING} is {name}, and this environment lacks the package {absent.name}.",
            f"Run `make up ENGINE={name}`, which makes the environment .venv-{name}, or a command of its bin folder.",
        ) from None
