"""Edits of a bundle's files, as a person would make them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the fields of a YAML file in place."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def set_field(file: Path, name: str, value: object) -> None:
    edit(file, lambda content: content.__setitem__(name, value))
