"""What the tests of platforms that drop files share: their stand-in's files, and questions to the database."""

from datetime import date
from importlib import import_module
from pathlib import Path

import duckdb

from core.settings import home
from ingestion.engine import quarantine
from ingestion.engine.loading import LoadReport, load
from ingestion.platforms import platform

UNTIL = date(2025, 3, 31)
SEED = 17


def counts(report: LoadReport) -> tuple[int, ...]:
    """Records read, new, updated, unchanged and quarantined."""
    return tuple(report.total(f"rows_{name}") for name in ("read", "new", "updated", "unchanged", "quarantined"))


def delivered(name: str, folder: Path, until: date = UNTIL) -> list[Path]:
    """Write the files that a stand-in would have delivered up to a day."""
    files = []
    for file, content in import_module(f"sandbox.{name}").drops(SEED, until):
        (folder / file).write_bytes(content)
        files.append(folder / file)
    return files


def loaded(name: str, folder: Path, file: str, content: str | bytes) -> LoadReport:
    """Load a file that the test wrote by hand."""
    target = folder / file
    target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(name, file=target)


def ask(name: str, query: str) -> list[tuple]:
    """Ask the database of a platform, with its raw tables as defaults and UTC as time zone."""
    chosen = platform(name)
    with duckdb.connect(str(home().database(chosen.database))) as connection:
        connection.execute(f"set search_path = '{chosen.dataset}'; set timezone = 'UTC'")
        return connection.execute(query).fetchall()


def rejections(name: str) -> list[tuple[int | None, str | None, str]]:
    """Line, field and reason of what is in quarantine, by line."""
    found = [(entry.line, entry.field, entry.reason) for entry in quarantine.entries(name)]
    return sorted(found, key=str)


def written(folder: Path) -> bytes:
    """Every byte below a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
