"""An installation outside a checkout: made by `cyberimpact init`, checked by `cyberimpact config check`."""

import difflib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from supersync import policies
from supersync.errors import SupersetFailure

from cli.configuration import GENERATED, GIVEN, SECRETS, Configuration
from core import installation, settings
from core.errors import ExpectedFailure
from ingestion import configuration
from operations import subscriptions

FILE, SCHEMA = "cyberimpact.toml", "cyberimpact.schema.json"
ACCOUNTS = "users.yml"

_TABLE = re.compile(r"\s*\[+([^]]+)]")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")
_HEAD = f"""\
#:schema ./{SCHEMA}
# What this installation sets; `cyberimpact config check` reads it whole. A line that begins with # is an example.
# Variables of the environment win: [smtp] host is CYBERIMPACT_SMTP_HOST. Processes read the file when they start.
# Secrets do not stand here. Each has a file of its whole name in the folder of secrets, or is a credential of systemd:
"""


# -- Made


def make(folder: Path) -> list[Path]:
    """Make the folders `config`, `secrets` and `data` with what is missing in them, and return the files written.

    Raises:
        ExpectedFailure: a folder or file cannot be written.
    """
    root = folder.expanduser().resolve()
    config, hidden, home = (root / name for name in ("config", "secrets", "data"))
    for made in (root, config, hidden, home):
        settings.make_folder(made)
    texts = {config / FILE: template(config, hidden, home), config / SCHEMA: schema()}
    texts |= {hidden / name: f"{secrets.token_urlsafe(32)}\n" for name in GENERATED}
    copied = {config / "subscriptions.yml": subscriptions.FILE, config / ACCOUNTS: accounts()}
    try:
        written = [path for path, text in texts.items() if not path.exists() and _write(path, text)]
        for path, source in copied.items():
            if not path.exists():
                shutil.copyfile(source, path)
                written.append(path)
    except OSError as problem:
        raise ExpectedFailure(
            f"{problem.filename} cannot be written: {problem.strerror}.", "Free space, or give another folder."
        ) from None
    return [*written, *configuration.copy_defaults(config)]


def _write(path: Path, text: str) -> bool:
    """Write a file in one step, so that a secret is never half there."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.touch(0o600)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return True


def accounts() -> Path:
    return settings.CODE / "superset" / "policies" / ACCOUNTS


def template(config: Path, hidden: Path, home: Path) -> str:
    """Return a `cyberimpact.toml` in which each key stands with what it means."""
    given = {
        ("home",): home,
        ("secrets",): hidden,
        ("subscriptions",): config / "subscriptions.yml",
        ("superset", "users"): config / ACCOUNTS,
    }
    lines = [_HEAD, *(f"# {name}: {text}." for name, text in (GENERATED | GIVEN).items()), ""]
    lines += _lines(Configuration, given)
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _lines(table: type[BaseModel], given: Mapping[tuple[str, ...], Path], *above: str) -> Iterator[str]:
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (
                "",
                f"# {field.annotation.__doc__}",
                f"[{name}]",
                *_lines(field.annotation, given, *above, name),
            )
            continue
        written = field.alias or name
        value = given.get((*above, name))
        if not value and not field.examples:
            continue
        example = str(value) if value else (field.examples or [None])[0]
        yield f"# {field.description}"
        yield f"{'' if value else '#'}{written} = {json.dumps(example, ensure_ascii=False)}"


def schema() -> str:
    """Return the JSON Schema of `cyberimpact.toml`, for editors."""
    return json.dumps(Configuration.model_json_schema(), ensure_ascii=False, indent=2) + "\n"


# -- Checked


def check() -> Iterator[ExpectedFailure | str]:
    """Yield what is wrong in the configuration, and a line for each part that is sound."""
    try:
        if file := installation.file():
            yield from _check_file(file)
        else:
            settings.home()
    except ExpectedFailure as failure:
        yield failure
        return
    readers = [partial(configuration.check, name) for name in configuration.READERS]
    for read in (*readers, _check_subscriptions, _check_accounts):
        try:
            yield read()
        except ExpectedFailure as failure:
            yield failure
        except SupersetFailure as failure:
            yield ExpectedFailure(failure.what, failure.remedy)


def _check_subscriptions() -> str:
    return f"{subscriptions.file().name}: {len(subscriptions.of_file())} entries, {subscriptions.file()}"


def _check_accounts() -> str:
    file = Path(settings.get("CYBERIMPACT_SUPERSET_USERS") or accounts())
    return f"{file.name}: {len(policies.accounts(file))} entries, {file}"


def _check_file(file: Path) -> Iterator[ExpectedFailure | str]:
    declared = installation.values(file)
    wrong = [*_wrong_keys(file, declared)]
    yield from wrong or [f"{file.name}: {len([*_keys(declared)])} settings, {file}"]
    folder = declared.get(installation.SECRETS)
    if isinstance(folder, str):
        yield from _check_secrets(Path(folder))


def _wrong_keys(file: Path, declared: Mapping[str, Any]) -> Iterator[ExpectedFailure]:
    text = file.read_text(encoding="utf-8")
    home, hidden = (Path(str(declared.get(name, ""))) for name in ("home", installation.SECRETS))
    if declared.keys() >= {"home", installation.SECRETS} and hidden.is_relative_to(home):
        where = f"{file}, line {line_of(text, (installation.SECRETS,))}"
        yield ExpectedFailure(
            f"{where}: the secrets lie among the data.", "Move them: whoever copies the data must not get the keys."
        )
    yield from _wrong_hosts(file, text, declared)
    try:
        Configuration.model_validate(declared)
    except ValidationError as problem:
        for error in problem.errors():
            keys = tuple(str(part) for part in error["loc"])
            yield _wrong_key(f"{file}, line {line_of(text, keys)}", error, keys)


def _wrong_hosts(file: Path, text: str, declared: Mapping[str, Any]) -> Iterator[ExpectedFailure]:
    """Yield a failure where the public addresses have several host names: a cookie of Superset's belongs to one."""
    tables = {name: declared.get(name) for name in ("web", "superset", "dagster")}
    urls = {name: str(table["url"]) for name, table in tables.items() if isinstance(table, Mapping) and "url" in table}
    hosts = {name: urlsplit(url).hostname for name, url in urls.items()}
    first = next(iter(hosts), "")
    for name, host in hosts.items():
        if host != hosts[first]:
            yield ExpectedFailure(
                f"{file}, line {line_of(text, (name, 'url'))}: {name}.url has another host name than {first}.url:"
                " whoever logs in at Superset is not known there.",
                "Give all three addresses one host name, and each a port of its own.",
            )


def _wrong_key(where: str, error: ErrorDetails, keys: tuple[str, ...]) -> ExpectedFailure:
    name, secret = ".".join(keys), installation.setting(*keys)
    if error["type"] == "extra_forbidden":
        if secret in SECRETS:
            return ExpectedFailure(
                f"{where}: {name} is a secret.", f"Write it to a file {secret} of mode 0600 in the folder of secrets."
            )
        known = [".".join(found) for found in declared_keys(Configuration)]
        near = difflib.get_close_matches(name, [*known, *Configuration.model_fields], 1)
        return ExpectedFailure(
            f"{where}: there is no setting {name}.",
            f"Did you mean {near[0]}?" if near else "`cyberimpact config schema` has all of them.",
        )
    if error["type"] == "missing":
        return ExpectedFailure(f"{where}: {name} is absent.", "Add it.")
    reason = error["msg"].removeprefix("Value error, ")
    return ExpectedFailure(f"{where}: {name}: {reason[:1].lower()}{reason[1:]}.", "Correct that line.")


def _check_secrets(folder: Path) -> Iterator[ExpectedFailure | str]:
    try:
        found = installation.secrets(folder)
    except ExpectedFailure as failure:
        yield failure
        return
    here = found.keys() | {name for name in SECRETS if settings.get(name)}
    lacking = [name for name in GENERATED if name not in here]
    for name in lacking:
        yield ExpectedFailure(
            f"The secret {name} is absent: it {GENERATED[name]}.",
            f"Put back {folder / name} from where you keep it; `cyberimpact init` makes a new one.",
        )
    for name in found.keys() - SECRETS.keys():
        if near := difflib.get_close_matches(name, SECRETS, 1, cutoff=0.9):
            yield ExpectedFailure(f"There is no secret {name}.", f"Rename {folder / name} to {near[0]}.")
    if not lacking:
        yield f"secrets: {len(found)} files, {folder}"


def declared_keys(table: type[BaseModel], *above: str) -> Iterator[tuple[str, ...]]:
    """Yield every key of a table and of the tables in it, with the names of these."""
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from declared_keys(field.annotation, *above, name)
        else:
            yield (*above, field.alias or name)


def _keys(declared: Mapping[str, Any]) -> Iterator[str]:
    for name, value in declared.items():
        yield from _keys(value) if isinstance(value, Mapping) else [name]


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line of a TOML text on which a key stands, or the nearest table around it; 1 where there is none."""
    table: tuple[str, ...] = ()
    best, line = 0, 1
    for number, content in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(content):
            table = found = _parts(header[1])
        elif named := _KEY.match(content):
            found = (*table, *_parts(named[1]))
        else:
            continue
        if len(found) > best and keys[: len(found)] == found:
            best, line = len(found), number
    return line


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in name.split("."))
