"""Publishes altered copies beside a real one, by the same swap of a link that the platform uses."""

from pathlib import Path

import duckdb


def publish(daily: Path, build: str, *statements: str) -> None:
    """Publish the current copy once more, changed by SQL statements, under the name of another build."""
    target = daily / build / "serving.duckdb"
    target.parent.mkdir()
    target.write_bytes((daily / "current" / "serving.duckdb").resolve().read_bytes())
    with duckdb.connect(str(target)) as connection:
        for statement in statements:
            connection.execute(statement)
    swap(daily, build)


def swap(daily: Path, build: str | Path) -> None:
    """Make a build the current one, in one step for whoever reads."""
    link = daily / ".current"
    link.symlink_to(build)
    link.replace(daily / "current")
