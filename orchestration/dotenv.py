"""Writes the checkout's `.env` with generated secrets. What the settings mean belongs in `.env.example`."""

import os
import secrets
from pathlib import Path

from ingestion.settings import CHECKOUT


def complete(text: str) -> str:
    """Return the settings with a fresh secret behind every name that has none."""
    lines = []
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        needs_secret = equals and not value.strip() and not name.startswith("#")
        lines.append(f"{name}={secrets.token_urlsafe(32)}" if needs_secret else line)
    return "\n".join(lines) + "\n"


def names(text: str) -> set[str]:
    return {line.partition("=")[0].strip() for line in text.splitlines() if "=" in line and not line.startswith("#")}


def write(example: Path, target: Path) -> None:
    """Create `target` from `example`, or add to it the settings that it lacks; what it says is never changed."""
    text = example.read_text()
    if target.exists():
        present = target.read_text()
        missing = [line for line in text.splitlines() if names(line) - names(present)]
        text = present if not missing else present.rstrip("\n") + "\n" + "\n".join(missing)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(complete(text))


if __name__ == "__main__":
    write(CHECKOUT / ".env.example", CHECKOUT / ".env")
