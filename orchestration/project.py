"""The dbt project as the platform runs it: its folder, environment and manifest. No assets, and no dagster."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion import settings
from ingestion.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS

PROJECT_DIR = settings.CHECKOUT / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")
SOURCES = ("*.py", "*.sql", "*.yml", "*.csv", "*.md")


def environment() -> dict[str, str]:
    """Return the variables that `dbt_project/profiles.yml` reads, for the current home."""
    home = settings.home()
    return {
        "CYBERIMPACT_HOME": str(home.root),
        "CYBERIMPACT_WAREHOUSE": str(home.warehouse),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(home.dbt_target),
        "DBT_LOG_PATH": str(home.logs / "dbt"),
    }


def ask(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run dbt for its answer: nothing but results on stdout, no colours.

    Args:
        arguments: Verb and options.
        variables: Environment variables that differ from those of the home.
    """
    return subprocess.run(
        [DBT, "--quiet", "--no-use-colors", *arguments],
        env=os.environ | environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def run(*arguments: str) -> int:
    """Run dbt as a person would by hand, on the current home, and return its exit code."""
    return subprocess.run([DBT, *arguments], env=os.environ | environment(), check=False).returncode


def selected(select: str) -> list[str]:
    """Return the unique ids of the models and seeds that a selection in dbt's syntax names.

    Raises:
        ExpectedFailure: it names none, or is not in dbt's syntax.
    """
    kinds = ("--resource-type", "model", "--resource-type", "seed")
    listed = ask("ls", *kinds, "--output", "json", "--output-keys", "unique_id", "--select", select)
    found = [json.loads(line)["unique_id"] for line in listed.stdout.splitlines() if line.startswith("{")]
    if not found:
        raise ExpectedFailure(f"No model is selected by {select!r}.", "Use dbt's syntax: a name, +name, tag:…, path:….")
    return found


def fingerprint() -> str:
    """Return the SHA-256 of every file that the manifest is made from."""
    digest = hashlib.sha256()
    for file in sorted(
        path for pattern in SOURCES for path in PROJECT_DIR.rglob(pattern) if "target" not in path.parts
    ):
        digest.update(str(file.relative_to(PROJECT_DIR)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def manifest() -> Path:
    """Return the path of an up-to-date manifest, parsed anew when a file of the project has changed.

    Raises:
        ExpectedFailure: dbt cannot parse the project.
    """
    target = settings.home().dbt_target
    settings.make_folder(target)
    stamp, path = target / "manifest.sha256", target / "manifest.json"
    with (target / "manifest.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several Dagster processes start together
        current = fingerprint()
        if not (path.exists() and stamp.exists() and stamp.read_text() == current):
            parsed = ask("parse")
            if parsed.returncode:
                raise ExpectedFailure(
                    f"dbt cannot parse {PROJECT_DIR.name}/: {parsed.stdout.strip() or parsed.stderr.strip()}",
                    "Mend the file it names.",
                )
            stamp.write_text(current)
    return path


def read_manifest() -> dict:
    """Return the manifest of the current code."""
    return json.loads(manifest().read_bytes())


def meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the `meta` of a node of the manifest, empty where it declares none."""
    return node["config"].get("meta") or {}


def exposed(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the models and seeds that `meta.exposed` marks for publication."""
    nodes = (node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed"))
    return [node for node in nodes if meta(node).get("exposed")]


def platforms_read(manifest: Mapping[str, Any]) -> list[str]:
    """Return the platforms of which a model reads a raw table: those whose tables a build needs, were they empty."""
    read = {unique_id for node in manifest["nodes"].values() for unique_id in node["depends_on"].get("nodes", ())}
    named = {source["source_name"] for unique_id, source in manifest["sources"].items() if unique_id in read}
    return [entry.name for entry in PLATFORMS if entry.name in named]
