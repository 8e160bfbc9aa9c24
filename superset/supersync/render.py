"""Writes the bundle in the format of Superset's own exports."""

from pathlib import Path
from typing import Any

from supersync.archive import packed, text
from supersync.bundle import VERSION, Bundle
from supersync.check import check
from supersync.errors import SupersetFailure

#: Stands for the address of a database, which is each environment's own.
PLACEHOLDER = "duckdb:////{slug}.duckdb"
_FOLDER = "cyberimpact"


def render(bundle: Bundle, target: Path) -> int:
    """Write what the bundle expands to; the same bundle makes the same bytes.

    Args:
        bundle: What is written. The address of each database is a placeholder.
        target: A file whose name ends with `.zip`, which is replaced, or a folder that is new or empty.

    Returns:
        The number of files.

    Raises:
        SupersetFailure: the bundle does not pass its check, or the folder holds something.
    """
    problems = check(bundle)
    if problems:
        raise SupersetFailure(
            f"The bundle has {len(problems)} problem(s), so nothing is written: {' '.join(problems[:5])}",
            "Correct them; `cyberimpact superset check` lists all.",
        )
    content = files(bundle)
    if target.suffix == ".zip":
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(packed(content, _FOLDER))
        return len(content)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SupersetFailure(f"{target} exists already.", "Name a new or empty folder, or a file that ends with .zip.")
    for name, config in content.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(config), encoding="utf-8")
    return len(content)


def files(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """Return the files of an export of dashboards, by their path in it."""
    metadata = {"metadata.yaml": {"version": VERSION, "type": "Dashboard"}}
    return metadata | {
        f"{asset.kind}s/{asset.slug}.yaml": asset.config
        | ({"sqlalchemy_uri": PLACEHOLDER.format(slug=asset.slug)} if asset.kind == "database" else {})
        for asset in bundle
    }
