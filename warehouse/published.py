"""Opens the published copies read-only and isolated."""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from core.errors import ExpectedFailure
from core.settings import Home
from core.sql import literal


class Copy(NamedTuple):
    """A published copy: the dbt target it follows, its file, and the catalog under which readers find its tables."""

    target: str
    file_name: str
    catalog: str

    def link(self, home: Home) -> Path:
        """Return its path by the `current` link, which stays the same from build to build."""
        return home.published / self.target / "current" / self.file_name


DAILY = Copy("daily", "serving.duckdb", "serving")
LIVE = Copy("live", "live_serving.duckdb", "live_serving")
COPIES = {copy.target: copy for copy in (DAILY, LIVE)}

#: Builds that may vanish under a reader who has just resolved the link, before it gives up.
ATTEMPTS = 10


def current(home: Home, copy: Copy) -> Path | None:
    """Return the path of a copy, resolved to its build so that one reader sees one build; None before there is one."""
    path = copy.link(home).resolve()
    return path if path.exists() else None


@contextmanager
def pinned(home: Home, copy: Copy) -> Generator[Path | None]:
    """Give the path of a copy, resolved to its build, which is not pruned meanwhile; None where nothing was published.

    The pin is a shared lock on the folder of the build: the kernel frees it at the death of the process. It is never
    taken on the database, whose own lock it would drop.
    """
    path, descriptor = _pin(home, copy)
    try:
        yield path
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _pin(home: Home, copy: Copy) -> tuple[Path | None, int | None]:
    """Return the current build of a copy and the descriptor that pins it; a build that is pruned has a successor."""
    for _ in range(ATTEMPTS):
        path = current(home, copy)
        if path is None:
            break
        try:
            descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if path.exists():
            return path, descriptor
        os.close(descriptor)
    return None, None


@contextmanager
def unpinned(build: Path) -> Generator[bool]:
    """Yield whether a build is unpinned; nobody can pin it while the block lasts."""
    descriptor = os.open(build, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    try:
        yield free
    finally:
        os.close(descriptor)


def connect(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the published copies: the daily one as default catalog, the live one beside it where it exists.

    Raises:
        ExpectedFailure: nothing was published yet, or a copy is damaged.
    """
    if current(home, DAILY) is None:
        raise ExpectedFailure(
            "Nothing was published in this home yet.", "Run `cyberimpact build` and `cyberimpact publish` first."
        )
    return sealed(lambda connection: [attach(connection, home, copy) for copy in (DAILY, LIVE)])


def sealed(attach_files: Callable[[duckdb.DuckDBPyConnection], object]) -> duckdb.DuckDBPyConnection:
    """Return a connection in UTC that reads the files attached to it, the daily catalog first, and reaches no other."""
    connection = duckdb.connect(":memory:", config={"threads": 2, "autoinstall_known_extensions": False})
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set temp_directory = ''")
        attach_files(connection)
        connection.execute(f"use {DAILY.catalog}")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, home: Home, copy: Copy) -> None:
    """Attach the current build of a copy, where there is one; a build that is pruned meanwhile has a successor.

    Raises:
        ExpectedFailure: the copy is damaged.
    """
    for _ in range(ATTEMPTS):
        path = current(home, copy)
        if path is None:
            return
        try:
            connection.execute(f"attach {literal(str(path))} as {copy.catalog} (read_only)")
        except duckdb.IOException as problem:
            if path.exists():
                raise ExpectedFailure(
                    f"The published copy cannot be read: {str(problem).splitlines()[0]}", "Run `cyberimpact publish`."
                ) from None
            continue
        return
