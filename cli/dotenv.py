"""Writes the checkout's `.env` from `.env.example`, with generated secrets: `python -m cli.dotenv`."""

import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path

from core.settings import CHECKOUT

SETTING = re.compile(r"^[ \t]*(?:export[ \t]+)?(?P<name>\w+)[ \t]*=[ \t]*(?P<value>.*?)[ \t]*$", re.MULTILINE)

#: What a new file has only: an installation that sends no mail must not begin to mail to the demo's mailbox.
OF_NEW_FILES = {"CYBERIMPACT_SMTP_HOST", "CYBERIMPACT_SMTP_PORT", "CYBERIMPACT_SUBSCRIPTIONS"}


def settings(text: str) -> dict[str, str]:
    """Return the settings that a text makes, by name."""
    return {found["name"]: found["value"] for found in SETTING.finditer(text)}


def complete(text: str, secret_names: Collection[str]) -> str:
    """Return the settings with a fresh secret for each of these names that is empty."""

    def fill(found: re.Match[str]) -> str:
        if found["value"] or found["name"] not in secret_names:
            return found[0]
        return f"{found['name']}={secrets.token_urlsafe(32)}"

    return SETTING.sub(fill, text)


def write(example: Path, target: Path) -> None:
    """Create `target` from `example`, or add the settings that it lacks; existing ones never change."""
    declared = example.read_text()
    text = declared
    if target.exists():
        text = target.read_text()
        present = settings(text).keys() | OF_NEW_FILES
        missing = [line for line in declared.splitlines() if settings(line).keys() - present]
        if missing:
            text = "\n".join([text.rstrip("\n"), *missing, ""])
    secret_names = [name for name, value in settings(declared).items() if not value]
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(complete(text, secret_names))
    partial.replace(target)  # in one step: secrets are never half written


if __name__ == "__main__":
    write(CHECKOUT / ".env.example", CHECKOUT / ".env")
