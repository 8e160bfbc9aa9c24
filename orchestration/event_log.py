"""Dagster's SQLite event log, with a bounded number of open files."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection

from core import settings
from orchestration.dagster_internals import SqliteEventLogStorage

#: One file for each run and one for all of them; who reads many runs, as the webserver does, keeps the last ones.
MOST_KEPT = 8


class EventLog(SqliteEventLogStorage):
    """Dagster's storage, with a connection of its own to each file that it has used last.

    Dagster opens and closes a file for each event. Who closes a file last makes SQLite move its write-ahead log into
    it, flush both and delete the log: with the thousands of events of a build, most of what recording them takes
    (sqlite.org/wal.html, "Avoiding Excessively Large WAL Files"). A connection that stays open, and idle, prevents it.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._kept: OrderedDict[str, sqlite3.Connection] = OrderedDict()
        self._keeping = threading.Lock()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "EventLog":
        """Return the log in the folder of Dagster's home that Dagster itself gives it."""
        return cls(str(settings.home().dagster / "history" / "runs"), inst_data, **config_value)

    @contextmanager
    def run_connection(self, run_id: str | None = None) -> Generator[Connection]:
        with super().run_connection(run_id) as connection:
            self._keep_open(connection)
            yield connection

    @contextmanager
    def index_connection(self) -> Generator[Connection]:
        with super().index_connection() as connection:
            self._keep_open(connection)
            yield connection

    def dispose(self) -> None:
        with self._keeping:
            while self._kept:
                self._kept.popitem()[1].close()
        super().dispose()

    def _keep_open(self, connection: Connection) -> None:
        file = str(connection.engine.url.database)
        with self._keeping:
            if file not in self._kept:
                kept = sqlite3.connect(file, check_same_thread=False)
                kept.execute("select count(*) from sqlite_master").fetchone()  # only now is the file open
                self._kept[file] = kept
            self._kept.move_to_end(file)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)[1].close()
