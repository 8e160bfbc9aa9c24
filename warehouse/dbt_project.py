"""The dbt project as the platform runs it: folder, environment, manifest."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from core import disk, settings
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from warehouse.engine import engine

PROJECT_DIR = settings.CODE / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")
SOURCES = ("*.py", "*.sql", "*.yml", "*.csv", "*.md")

#: The targets of `profiles.yml`, one per DuckDB file.
DAILY, LIVE = "daily", "live"

#: What dbt has parsed; an invocation that finds it in its folder does not parse again.
PARSED = "partial_parse.msgpack"


def environment() -> dict[str, str]:
    """Return the variables of a dbt process: those that `dbt_project/profiles.yml` reads, for the current home."""
    home, builder = settings.home(), engine()
    return {
        **builder.environment(home),
        "CYBERIMPACT_HOME": str(home.root),
        "CYBERIMPACT_WAREHOUSE": str(home.warehouse),
        "CYBERIMPACT_LIVE": str(home.live),
        "DBT_PROFILE": builder.profile,
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(home.dbt_target),
        "DBT_LOG_PATH": str(home.logs / "dbt"),
        # Matrices of some hundred rows: more threads of one process wait for each other longer than they compute.
        "OPENBLAS_NUM_THREADS": "1",
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


def selected(select: str, target: str) -> list[str]:
    """Return the unique ids of the models and seeds of a target that a selection in dbt's syntax names.

    Raises:
        ExpectedFailure: it names none, or is not in dbt's syntax.
    """
    kinds = ("--resource-type", "model", "--resource-type", "seed")
    listed = ask("ls", *kinds, "--output", "json", "--output-keys", "unique_id", "--select", select)
    found = [json.loads(line)["unique_id"] for line in listed.stdout.splitlines() if line.startswith("{")]
    if not found:
        raise ExpectedFailure(f"No model is selected by {select!r}.", "Use dbt's syntax: a name, +name, tag:…, path:….")
    ours = built(read_manifest(), target)
    if ours.isdisjoint(found):
        remedy = "Leave --live out." if target == LIVE else "Add --live."
        raise ExpectedFailure(f"What {select!r} selects is not built by the target {target}.", remedy)
    return [unique_id for unique_id in found if unique_id in ours]


def fingerprint() -> str:
    """Return the SHA-256 over every source file of the manifest."""
    digest = hashlib.sha256()
    for file in sorted(
        path for pattern in SOURCES for path in PROJECT_DIR.rglob(pattern) if "target" not in path.parts
    ):
        digest.update(str(file.relative_to(PROJECT_DIR)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def manifest() -> Path:
    """Return the path of an up-to-date manifest, parsed again when a file of the project has changed.

    Raises:
        ExpectedFailure: dbt cannot parse the project.
    """
    target = settings.home().dbt_target
    settings.make_folder(target)
    stamp, path = target / "manifest.sha256", target / "manifest.json"
    with (target / "manifest.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several Dagster processes start together
        current = f"{fingerprint()} {engine().name}"
        if not (path.exists() and stamp.exists() and stamp.read_text() == current):
            for name in (LIVE, DAILY):
                # Parsing only what has changed forgets beside which model some checks are shown.
                parsed = ask("parse", "--no-partial-parse", "--target", name, DBT_TARGET_PATH=str(parse_folder(name)))
                said = parsed.stdout.strip() or parsed.stderr.strip()
                if parsed.returncode and disk.is_full(said):
                    raise disk.failure()
                if parsed.returncode:
                    raise ExpectedFailure(
                        f"dbt cannot parse {PROJECT_DIR.name}/: {said}",
                        "Correct the file it names.",
                    )
            stamp.write_text(current)
    return path


def parse_folder(target: str) -> Path:
    """Return where dbt keeps what it has parsed for a target: it parses again whatever another target has left."""
    folder = settings.home().dbt_target
    return folder if target == DAILY else folder.with_name(target)


def copy_parsed(target: str, folder: Path) -> None:
    """Give the folder of a dbt invocation what was parsed for its target: parsing takes long."""
    parsed = parse_folder(target) / PARSED
    if parsed.exists():
        shutil.copy(parsed, folder)


def read_manifest() -> dict:
    """Return the manifest of the current code; who changes it changes it for everybody in this process."""
    path = manifest()
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read(path: Path, changed_at: int) -> dict:  # noqa: ARG001 - a file that was written again is another one
    return json.loads(path.read_bytes())


def meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the `meta` of a node of the manifest, empty where it declares none."""
    return node["config"].get("meta") or {}


def target_of(node: Mapping[str, Any]) -> str:
    """Return the dbt target that builds a model: `live` for those tagged so, `daily` for the others."""
    return LIVE if LIVE in node.get("tags", ()) else DAILY


def database(target: str) -> Path:
    """Return the DuckDB file that a target builds."""
    return settings.home().live if target == LIVE else settings.home().warehouse


def built(manifest: Mapping[str, Any], target: str) -> set[str]:
    """Return the unique ids of what a target builds: its models, and the seeds that they read."""
    nodes = {uid: node for uid, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    ours = {uid for uid, node in nodes.items() if target_of(node) == target}
    if target == LIVE:
        read = {parent for uid in ours for parent in nodes[uid]["depends_on"]["nodes"]}
        ours |= {uid for uid in read if uid in nodes and nodes[uid]["resource_type"] == "seed"}
    return ours


def exposed(manifest: Mapping[str, Any], target: str) -> list[Mapping[str, Any]]:
    """Return the models and seeds of a target that `meta.exposed` marks for publication."""
    nodes = (node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed"))
    return [node for node in nodes if meta(node).get("exposed") and target_of(node) == target]


def platforms_read(manifest: Mapping[str, Any], target: str) -> list[str]:
    """Return the platforms of which a target's model reads a raw table: a build needs these tables, were they empty."""
    nodes = (node for node in manifest["nodes"].values() if target_of(node) == target)
    read = {unique_id for node in nodes for unique_id in node["depends_on"].get("nodes", ())}
    named = {source["source_name"] for unique_id, source in manifest["sources"].items() if unique_id in read}
    return [entry.name for entry in PLATFORMS if entry.name in named]
