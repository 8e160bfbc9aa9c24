"""The files of an installation: its `cyberimpact.toml`, and a folder with a file for each secret.

`[smtp] host = "…"` is what the environment calls CYBERIMPACT_SMTP_HOST. A secret has its whole name as file name.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core import denied
from core.errors import ExpectedFailure

#: Names the file of the installation.
SETTING = "CYBERIMPACT_CONFIG"
#: Key of the file that names the folder of secrets.
SECRETS = "secrets"
#: systemd puts the credentials of a unit there, which are for it alone.
CREDENTIALS = "CREDENTIALS_DIRECTORY"

_NAME = re.compile(r"[A-Z][A-Z0-9_]+")
_OTHERS = 0o077


def file() -> Path | None:
    """Return the file of the installation, None in a checkout, whose `.env` has everything."""
    named = os.environ.get(SETTING, "").strip()
    return Path(named).expanduser().absolute() if named else None


def read(file: Path) -> dict[str, str]:
    """Return the settings of an installation by their names in the environment; a credential wins over a file.

    Raises:
        ExpectedFailure: a file cannot be read, is no TOML, or holds a secret that others may read.
    """
    declared = values(file)
    folder = declared.get(SECRETS)
    found = dict(_settings(declared))
    if folder:
        found |= secrets(Path(str(folder)))
    if given := os.environ.get(CREDENTIALS):
        found |= _contents(Path(given))
    return found


def values(file: Path) -> dict[str, Any]:
    """Return what a `cyberimpact.toml` says.

    Raises:
        ExpectedFailure: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise unreadable(file, problem) from None
    except UnicodeDecodeError as problem:
        line = problem.object.count(b"\n", 0, problem.start) + 1
        raise ExpectedFailure(f"{file}, line {line}: it is not UTF-8.", "Save the file as UTF-8.") from None
    except tomllib.TOMLDecodeError as problem:
        where = re.search(r"line (\d+)", str(problem))
        line = where[1] if where else str(file.read_text(encoding="utf-8").count("\n") + 1)
        reason = str(problem).partition(" (at ")[0]
        raise ExpectedFailure(f"{file}, line {line}: it is not TOML ({reason}).", "Correct that line.") from None


def secrets(folder: Path) -> dict[str, str]:
    """Return the secrets of a folder by name.

    Raises:
        ExpectedFailure: one cannot be read, or other accounts may read it.
    """
    try:
        for path in sorted(folder.iterdir()):
            if _NAME.fullmatch(path.name) and stat.S_IMODE(path.stat().st_mode) & _OTHERS:
                raise ExpectedFailure(f"Other accounts may read the secret {path}.", f"Run `chmod 600 {path}`.")
    except OSError as problem:
        raise unreadable(folder, problem) from None
    return _contents(folder)


def setting(*keys: str) -> str:
    """Return the name in the environment of a key of the file."""
    return "_".join(("cyberimpact", *keys)).upper()


def unreadable(path: Path, problem: OSError) -> ExpectedFailure:
    if isinstance(problem, PermissionError):
        return denied.failure(Path(problem.filename or path), os.R_OK)
    return ExpectedFailure(
        f"{problem.filename or path} cannot be read: {problem.strerror}.",
        f"Give it to the account that runs the platform, or correct {SETTING}.",
    )


def _contents(folder: Path) -> dict[str, str]:
    try:
        files = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        return {path.name: path.read_text(encoding="utf-8").strip() for path in files}
    except OSError as problem:
        raise unreadable(folder, problem) from None


def _settings(declared: Mapping[str, Any], *above: str) -> Iterator[tuple[str, str]]:
    """Yield the settings of a table; lists are separated by commas, true is 1 and false nothing."""
    for key, value in declared.items():
        if isinstance(value, Mapping):
            yield from _settings(value, *above, key)
        elif isinstance(value, bool):
            yield setting(*above, key), "1" if value else ""
        elif isinstance(value, list):
            yield setting(*above, key), ",".join(map(str, value))
        else:
            yield setting(*above, key), str(value)
