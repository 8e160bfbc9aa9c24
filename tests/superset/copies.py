"""Publishes altered copies beside a real one, by the same swap of a link that the platform uses."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import duckdb
from supersync import cache
from supersync.bundle import Bundle
from supersync.client import Client

from core.settings import Home


@contextmanager
def altered(
    home: Home, client: Client, bundle: Bundle, build: str, statements: Callable[[str, Path], Iterable[str]]
) -> Generator[dict[str, Path]]:
    """Let a server's readers see altered copies while the block lasts; give the files, `daily` and `live`.

    Args:
        home: The home that the server publishes from.
        client: An administrator.
        bundle: Whose kept answers are forgotten, before and after.
        build: Name of the altered builds.
        statements: What changes, by `daily` or `live` and the file as it is.
    """
    before = {name: (home.published / name / "current").readlink() for name in ("daily", "live")}
    for name in before:
        publish(home.published / name, build, *statements(name, current(home.published / name)))
    cache.invalidate(client, bundle)
    try:
        yield {name: current(home.published / name) for name in before}
    finally:
        for name, former in before.items():
            swap(home.published / name, former)
        cache.invalidate(client, bundle)


def current(builds: Path) -> Path:
    """Return the file that readers see."""
    (file,) = (builds / "current").resolve().glob("*.duckdb")
    return file


def publish(builds: Path, build: str, *statements: str) -> None:
    """Publish the current copy once more, changed by SQL statements, under the name of another build.

    Args:
        builds: The folder of the daily copies, or of the live ones.
        build: Name of the new one.
        statements: What changes.
    """
    source = current(builds)
    target = builds / build / source.name
    target.parent.mkdir()
    target.write_bytes(source.read_bytes())
    with duckdb.connect(str(target)) as connection:
        for statement in statements:
            connection.execute(statement)
    swap(builds, build)


def swap(builds: Path, build: str | Path) -> None:
    """Make a build the current one, in one step for whoever reads."""
    link = builds / ".current"
    link.symlink_to(build)
    link.replace(builds / "current")
