"""Reads the configuration of an installation: sites, accounts, first days, chat categories.

Each is a file of the folder `config`; where it is absent, the default of `ingestion/defaults/` applies.
"""

import csv
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from core.errors import ExpectedFailure
from core.normalize_text import fold
from core.settings import home, make_folder
from ingestion.engine.files import decode

DEFAULTS = Path(__file__).with_name("defaults")

SITES, ACCOUNTS, SINCE, CHAT_CATEGORIES = "sites.yml", "accounts.yml", "since.yml", "chat_categories.csv"

#: Function that reads a file and raises where an entry is wrong, as module and name.
READERS: Mapping[str, str] = {
    SITES: "ingestion.connectors.audience.sites.declared_sites",
    ACCOUNTS: "ingestion.connectors.social_accounts.directory.accounts",
    SINCE: "ingestion.configuration.first_days",
    CHAT_CATEGORIES: "ingestion.configuration.chat_categories",
}

CATEGORIES = ("demande_info", "victime", "signalement", "PNAV")


@dataclass(frozen=True)
class Entry:
    """An entry of a YAML file.

    Attributes:
        file: The file.
        line: Line on which it begins.
        values: What it says.
    """

    file: Path
    line: int
    values: Mapping[str, Any]

    def wrong(self, why: str) -> ExpectedFailure:
        return wrong(self.file, self.line, why)


def wrong(file: Path, line: int, why: str) -> ExpectedFailure:
    return ExpectedFailure(
        f"Configuration, file {file.name}, line {line}: {why}.",
        f"Correct that line of {file}; ingestion/defaults/{file.name} is an example.",
    )


def file_of(name: str) -> Path:
    """Return the file of the installation, or the default where it has none."""
    own = home().config / name
    return own if own.is_file() else DEFAULTS / name


def entries(name: str, key: str) -> list[Entry]:
    """Return the entries below a key of a YAML file, with their lines.

    Raises:
        ExpectedFailure: the file cannot be read, or has another form.
    """
    file = file_of(name)
    try:
        text, _ = decode(file.read_bytes())
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as problem:
        raise ExpectedFailure(f"{file} cannot be read: {problem.strerror}.", "Check its rights.") from None
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise wrong(file, line, f"it is not YAML ({problem.problem})") from None
    found = {node.value: inner for node, inner in root.value} if isinstance(root, yaml.MappingNode) else {}
    listed = found.get(key)
    if not isinstance(listed, yaml.SequenceNode):
        raise wrong(file, 1, f"it has no list {key!r}")
    return [_entry(file, node) for node in listed.value]


def _entry(file: Path, node: yaml.Node) -> Entry:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise wrong(file, line, "an entry of the form `name: value` is expected")
    try:
        values = yaml.SafeLoader("").construct_mapping(node, deep=True)
    except (yaml.YAMLError, ValueError) as problem:
        raise wrong(file, line, f"a value cannot be read ({problem})") from None
    return Entry(file, line, {str(name): value for name, value in values.items()})


def first_days() -> dict[str, date]:
    """Return the first day that is read of each platform that `since.yml` names.

    Raises:
        ExpectedFailure: an entry is incomplete or declared twice.
    """
    found: dict[str, date] = {}
    for entry in entries(SINCE, "since"):
        name, day = entry.values.get("platform"), entry.values.get("day")
        if not isinstance(name, str) or not isinstance(day, date):
            raise entry.wrong("it needs a platform and a day, written 2025-01-31")
        if name in found:
            raise entry.wrong(f"{name} is declared twice")
        found[name] = day
    return found


def first_day(platform: str) -> date:
    """Return the first day that is read of a platform.

    Raises:
        ExpectedFailure: no file names it, or an entry is wrong.
    """
    found = first_days()
    if platform not in found:
        raise wrong(file_of(SINCE), 1, f"{platform} has no entry")
    return found[platform]


def chat_categories() -> dict[str, str]:
    """Return the category of each motive and parent motive of the chat that the installation names.

    Raises:
        ExpectedFailure: a line is incomplete, names an unknown category, or repeats a label with another one.
    """
    file = file_of(CHAT_CATEGORIES)
    return dict(_categories(file, file.stat().st_mtime_ns))


def known_chat_labels() -> tuple[str, ...]:
    """Return the motives and parent motives of the chat that the defaults and the installation name.

    Raises:
        ExpectedFailure: as `chat_categories`.
    """
    default = DEFAULTS / CHAT_CATEGORIES
    return tuple({**_categories(default, default.stat().st_mtime_ns), **chat_categories()})


@cache
def _categories(file: Path, _modified: int) -> dict[str, str]:
    text, _ = decode(file.read_bytes())
    lines = text.splitlines()
    rows = csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ",")
    found: dict[str, str] = {}
    known = {fold(category): category for category in CATEGORIES}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if rows.line_num == 1 and [fold(cell) for cell in row] == ["label", "category"]:
            continue
        if len(row) != len(("label", "category")) or not row[0].strip():
            raise wrong(file, rows.line_num, "it must say label;category")
        label, category = " ".join(row[0].split()), known.get(fold(row[1]))
        if category is None:
            raise wrong(file, rows.line_num, f"its category is none of {', '.join(CATEGORIES)}")
        if found.setdefault(label, category) != category:
            raise wrong(file, rows.line_num, "its label has another category further up")
    return found


def has_own(name: str) -> bool:
    """Return whether the installation has a file of its own."""
    return (home().config / name).is_file()


def check(name: str) -> str:
    """Read a file and return one line with its path and number of entries.

    Raises:
        ExpectedFailure: an entry is wrong.
    """
    module, _, function = READERS[name].rpartition(".")
    read: Callable[[], Any] = getattr(import_module(module), function)
    return f"{name}: {len(read())} entries, {file_of(name) if has_own(name) else 'the default'}"


def copy_defaults(folder: Path) -> list[Path]:
    """Copy the defaults into a configuration folder, but for files that are there, and return the new ones."""
    make_folder(folder)
    missing = [name for name in READERS if not (folder / name).is_file()]
    return [Path(shutil.copyfile(DEFAULTS / name, folder / name)) for name in missing]
