"""Dagster's SQLite event log, with a bounded number of open files."""

import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import StaticPool, create_engine, event
from sqlalchemy.engine import Connection, Engine

from core import settings
from orchestration.dagster_internals import SqliteEventLogStorage

#: One file for each run and one for all of them; who reads many runs, as the webserver does, keeps the last ones.
MOST_KEPT = 8

#: The file for all runs.
INDEX = "index"
BUSY_SECONDS = 60


class EventLog(SqliteEventLogStorage):
    """Dagster's storage, which keeps the files open that it has used last.

    Dagster makes an engine, opens a file and closes it for each of some five statements per event: that compiles each
    statement anew. And who closes a file last makes SQLite move its write-ahead log into it, flush both and delete the
    log (sqlite.org/wal.html, "Avoiding Excessively Large WAL Files"). With the thousands of events of a build this was
    most of what recording them took.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._kept: OrderedDict[str, Engine] = OrderedDict()
        self._using = threading.RLock()  # one connection for each file, of one thread at a time
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
        with self._using:
            if run_id not in self._kept:
                with super().run_connection(run_id):
                    pass  # Dagster makes the file where there is none
            with self._engine(str(run_id)).begin() as connection:
                yield connection

    @contextmanager
    def index_connection(self) -> Generator[Connection]:
        with self._using:
            if INDEX not in self._kept:
                with super().index_connection():
                    pass
            with self._engine(INDEX).begin() as connection:
                yield connection

    def dispose(self) -> None:
        with self._using:
            while self._kept:
                self._kept.popitem()[1].dispose()
        super().dispose()

    def _engine(self, shard: str) -> Engine:
        if shard not in self._kept:
            self._kept[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            )
            event.listen(self._kept[shard], "connect", flush_seldom)
        self._kept.move_to_end(shard)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)[1].dispose()
        return self._kept[shard]


def flush_seldom(connection: Any, _: Any) -> None:
    """Flush at checkpoints only: a killed process loses nothing, a power cut the last events of a run that it ends."""
    connection.execute("pragma synchronous = normal")
