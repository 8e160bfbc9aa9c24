"""Publishes altered copies beside a real one, by the same swap of a link that the platform uses."""

from pathlib import Path

import duckdb


def publish(builds: Path, build: str, *statements: str) -> None:
    """Publish the current copy once more, changed by SQL statements, under the name of another build.

    Args:
        builds: The folder of the daily copies, or of the live ones.
        build: Name of the new one.
        statements: What changes.
    """
    (source,) = (builds / "current").resolve().glob("*.duckdb")
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
