"""Every platform as the tests of all connectors need it: its names, its raw tables, and secrets that are recognised."""

import gzip
import json
import logging
import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from core import logs, settings
from core.errors import ExpectedFailure
from ingestion.engine.contract import Table
from ingestion.engine.loading import load
from ingestion.platforms import PLATFORMS, database, platform

NAMES = [p.name for p in PLATFORMS]

#: Read at an address; `operations` at a file of the home, where no server can fail.
WITH_ADDRESS = [p.name for p in PLATFORMS if p.cron]
OVER_HTTP = [name for name in WITH_ADDRESS if name != "operations"]
DROPS_ONLY = [p.name for p in PLATFORMS if not p.cron]

#: What every connector does alike with a fault of transport is proved on some in each run, and on all in the proof.
IN_PROOF = pytest.mark.proof

#: Begins every secret of a test.
SECRET = "secret-reconnaissable"
_SECRET_SETTING = re.compile(r"CYBERIMPACT_(\w+)_(?:KEYS?|TOKEN|SECRET|PASSWORD)")


class SecretEnvironment:
    """The environment, but for the settings that hold a secret: each holds one, and one of its own."""

    def get(self, name: str, default: str = "") -> str:
        secret = _SECRET_SETTING.fullmatch(name)
        return f"{SECRET}-{secret[1].lower()}" if secret else os.environ.get(name, default)


def module(name: str) -> ModuleType:
    return import_module(f"ingestion.connectors.{name}")


def contract(name: str) -> tuple[Table, ...]:
    return module(name).CONTRACT


def ask(name: str, query: str) -> list[tuple[Any, ...]]:
    """Ask the database of a platform, with its raw tables as defaults."""
    with duckdb.connect(str(database(name))) as connection:
        connection.execute(f"set search_path = '{platform(name).dataset}'")
        return connection.execute(query).fetchall()


def snapshot(name: str) -> dict[str, tuple[int, int | None]]:
    """Return number and hash of the rows of each table, with the load that wrote them: equal means nothing written."""
    return {
        table.name: ask(name, f"select count(*), bit_xor(hash(t)) from {table.name} t")[0] for table in contract(name)
    }


def keys(name: str) -> dict[str, set[str]]:
    return {
        table.name: {key for (key,) in ask(name, f"select {table.key} from {table.name}")} for table in contract(name)
    }


def remains(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every file below a folder, as bytes and unpacked, in lower case: what a load leaves behind."""
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        data = file.read_bytes()
        yield str(file.relative_to(root)), _lower(data)
        if data[:2] == b"\x1f\x8b":
            yield f"{file.name}, unpacked", _lower(gzip.decompress(data))
        elif file.suffix == ".duckdb":
            yield from _rows(file)
        elif file.suffix == ".log":
            yield f"{file.name}, unescaped", "\n".join(_values(file)).lower()
        elif file.suffix == ".parquet":
            yield f"{file.name}, read", str(duckdb.read_parquet(str(file)).fetchall()).lower()


def _lower(data: bytes) -> str:
    """Return bytes as text in lower case. Each run of NUL becomes one: they fill nearly all of a small database."""
    return re.sub(rb"\0+", b"\0", data).decode("utf-8", "ignore").lower()


def _rows(file: Path) -> Iterator[tuple[str, str]]:
    """Yield every table of a database as text: in the file it is compressed."""
    with duckdb.connect(str(file)) as connection:
        tables = "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        for schema, table in connection.execute(tables).fetchall():
            rows = connection.execute(f'select t::varchar from "{schema}"."{table}" t').fetchall()
            yield f"{schema}.{table}", "\n".join(row for (row,) in rows).lower()


def _values(log: Path) -> Iterator[str]:
    """Yield what the lines of JSON of a log say: in the file some characters are escaped."""
    for line in log.read_text(encoding="utf-8", errors="ignore").splitlines():
        if line.startswith("{"):
            yield from _texts(json.loads(line))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a value of JSON, names of fields included."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


@contextmanager
def json_log(file: Path) -> Generator[None]:
    """Write what this process logs into a file as structured lines, less important ones than services write too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    root, handler = logging.getLogger(), logging.FileHandler(file, encoding="utf-8")
    level = root.level
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(logs.SETTING, logs.JSON)
        handler.setFormatter(logs.formatter())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def leaks(haystacks: Iterable[tuple[str, str]], needles: Iterable[str]) -> list[str]:
    """Return where which of the needles is found, whatever its case."""
    sought = {needle.lower() for needle in needles}
    return [f"{needle!r} in {where}" for where, text in haystacks for needle in sought if needle in text]


def use_secrets(monkeypatch: Any) -> None:
    """Make every secret setting hold a secret that is recognised wherever it turns up."""
    monkeypatch.setattr(settings, "os", _Os())


def refused(name: str, secret: str = SECRET) -> str:
    """Return the message of a load that must fail, after checking that it says where and holds no secret."""
    with pytest.raises(ExpectedFailure) as failure:
        load(name)
    message = str(failure.value)
    assert message.startswith(f"{name}, address http://127.0.0.1")
    assert secret not in message
    return message


class _Os:
    """What `core.settings` uses of `os`."""

    environ = SecretEnvironment()
    umask = staticmethod(os.umask)
