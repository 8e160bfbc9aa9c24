"""Packs files as Superset's imports take them."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import yaml

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say: the same files make the same bytes


def packed(files: Mapping[str, Mapping[str, Any]], folder: str) -> bytes:
    """Return a ZIP of files (path in the folder, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, config in files.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", _EPOCH), text(config), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def text(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(config), allow_unicode=True, sort_keys=False)
