"""dbt-duckdb plugin that holds the writer lock of the file that dbt opens."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from dbt.adapters.duckdb.plugins import BasePlugin

from core import home_format
from core.errors import ExpectedFailure
from core.locks import writer_lock


class Holding:
    """The writer lock of one file, held for as long as this object lives.

    Args:
        file: The DuckDB file that is about to be opened for writing.
    """

    def __init__(self, file: Path) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(writer_lock(file))
        home_format.mark(file.parent)

    def __del__(self) -> None:
        self._stack.close()


#: A second environment of this process on the same file shares the lock instead of waiting for itself.
_held: WeakValueDictionary[Path, Holding] = WeakValueDictionary()


class Plugin(BasePlugin):
    """Holds the writer lock from before the file is opened until dbt drops its environment, at the latest at its death.

    dbt-duckdb creates its plugins with the environment, which opens the file later and lives as long as the process;
    `dbt parse` and `dbt ls` never create one.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:  # noqa: ARG002 - dbt-duckdb's signature
        if self.creds is None:
            raise ExpectedFailure("dbt gave its lock plugin no profile.", "Run dbt with dbt_project/profiles.yml.")
        file = Path(self.creds.path).resolve()
        self._holding = _held.get(file) or Holding(file)
        _held[file] = self._holding
