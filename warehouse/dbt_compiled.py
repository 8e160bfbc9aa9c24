"""The dbt project compiled without touching a database, once per code version: the SQL of each model and check.

It is DuckDB's SQL whatever the engine: it is run where figures are served, checked and recomputed.
"""

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import settings
from core.errors import ExpectedFailure
from warehouse import dbt_project

PROFILE = "cyberimpact"
#: What each target compiles: its SQL models and every check. A Python model cannot be compiled without a connection.
TARGETS = {
    dbt_project.DAILY: ("--select", "fqn:*", "--exclude", "tag:live", "path:models/**/*.py"),
    dbt_project.LIVE: ("--select", "tag:live", "test_type:data", "--exclude", "path:models/**/*.py"),
}


def load(target: str) -> dict[str, Any]:
    """Return the manifest of a target with the compiled code of what it builds, compiled anew where the code changed.

    Raises:
        ExpectedFailure: dbt cannot compile the project.
    """
    dbt_project.manifest()  # what is parsed is reused
    folder = dbt_project.parse_folder(target) / "compilation"
    settings.make_folder(folder)
    stamp = folder / "code.sha256"
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the daily build and a micro-batch may begin together
        current = dbt_project.fingerprint()
        if not (stamp.exists() and stamp.read_text() == current):
            dbt_project.copy_parsed(target, folder)
            compiled_manifest(target, folder)
            stamp.write_text(current)
        return json.loads((folder / "manifest.json").read_bytes())


def compiled_manifest(target: str, folder: Path, project_dir: Path = dbt_project.PROJECT_DIR) -> dict[str, Any]:
    """Compile a target and return its manifest.

    Args:
        target: The dbt target.
        folder: Where dbt writes it.
        project_dir: The dbt project, that of the checkout by default.

    Raises:
        ExpectedFailure: dbt cannot compile it.
    """
    # A former revision names the dbt of its time; what cannot be compiled by today's says so itself.
    without_database = ("--no-version-check", "--no-introspect", "--no-populate-cache", "--target", target)
    compiled = dbt_project.ask(
        "compile",
        *without_database,
        *TARGETS[target],
        "--indirect-selection",
        "empty",  # a check of a Python model is SQL
        DBT_PROFILE=PROFILE,
        DBT_TARGET_PATH=str(folder),
        DBT_PROJECT_DIR=str(project_dir),
        DBT_PROFILES_DIR=str(project_dir),
    )
    if compiled.returncode:
        raise ExpectedFailure(f"dbt cannot compile the project: {compiled.stdout.strip()}", "Correct the model.")
    return json.loads((folder / "manifest.json").read_bytes())


def joined(manifests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return one manifest of several targets, each node compiled for the target that builds it."""
    nodes = {
        unique_id: manifests[dbt_project.target_of(node)]["nodes"][unique_id]
        for unique_id, node in manifests[dbt_project.DAILY]["nodes"].items()
    }
    return {**manifests[dbt_project.DAILY], "nodes": nodes}
