"""The dbt project as two steps, one per target and file: each builds its seeds and models and runs their checks.

Names belong in `translator`.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets

from assets.warehouse.lineage import column_lineage, kept_lineage
from assets.warehouse.translator import Translator, node_key
from ingestion import settings
from ingestion.collecting import collect_loads
from ingestion.loading import ensure_tables
from orchestration import project

os.environ.update(project.environment())
PARSED = "partial_parse.msgpack"


def selectable_manifest() -> dict:
    """Return the manifest with what dagster-dbt lacks to tell which checks a cautious selector selects."""
    manifest = project.read_manifest()
    for node in manifest["nodes"].values():
        node["depends_on_nodes"] = node["depends_on"].get("nodes", [])  # of dbt's own nodes, a property
    return manifest


MANIFEST = selectable_manifest()


def failures(invocation: DbtCliInvocation) -> str:
    """Return a sentence for each node that dbt could not build or that failed its check."""
    results = Path(invocation.target_path) / "run_results.json"
    if not results.exists():
        return f"dbt stopped before it built anything; its log is in {settings.home().logs / 'dbt'}."
    bad = [r for r in json.loads(results.read_bytes())["results"] if r["status"] in ("error", "fail")]
    return "\n".join(f"{r['unique_id']}: {(r.get('message') or r['status']).strip()}" for r in bad) or "dbt failed."


def dbt_project(target: str) -> DbtProject:
    folder = project.parse_folder(target)
    return DbtProject(project.PROJECT_DIR, target_path=folder, profiles_dir=project.PROJECT_DIR, target=target)


@dbt_assets(
    name="warehouse",
    manifest=MANIFEST,
    selector=project.DAILY,
    project=dbt_project(project.DAILY),
    dagster_dbt_translator=Translator(project.DAILY),
    pool="warehouse",
)
def warehouse(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator:
    collect_loads()
    yield from build(context, dbt, project.DAILY)


@dbt_assets(
    name="live_models",
    manifest=MANIFEST,
    selector=project.LIVE,
    project=dbt_project(project.LIVE),
    dagster_dbt_translator=Translator(project.LIVE),
    pool="live",
)
def live_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator:
    yield from build(context, dbt, project.LIVE)


def build(context: dg.AssetExecutionContext, dbt: DbtCliResource, target: str) -> Iterator:
    """Build what is selected of a target, and tell what became of each node.

    Raises:
        dg.Failure: a node could not be built or a check failed.
    """
    for platform in project.platforms_read(project.read_manifest(), target):
        ensure_tables(platform)
    invocation = dbt.cli(
        # Unit tests judge the code, not the data: `make test` runs them.
        ["build", "--target", target, "--exclude-resource-type", "unit_test"],
        context=context,
        raise_on_error=False,
        target_path=invocation_folder(context.run_id, target),
    )
    # Tracing new code takes a minute, for which the daily build has time and a micro-batch has not.
    lineage = column_lineage() if target == project.DAILY or kept_lineage() is not None else {}
    for event in invocation.stream():
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            yield event.with_metadata({**event.metadata, **lineage.get(key, {})})
        else:
            yield event
    if not invocation.is_successful():
        raise dg.Failure(description=failures(invocation), allow_retries=False)
    shutil.rmtree(invocation.target_path)  # hundreds a day, of several megabytes each


def invocation_folder(run_id: str, target: str) -> Path:
    """Return the folder of one dbt invocation, with what was parsed for its target: that takes long."""
    parsed = project.parse_folder(target)
    folder = parsed / f"{target}-{run_id}"
    folder.mkdir(parents=True, exist_ok=True)
    if (parsed / PARSED).exists():
        shutil.copy(parsed / PARSED, folder)
    return folder


def keys_selected(select: str, target: str) -> list[dg.AssetKey]:
    """Return the assets of a target that a selection in dbt's syntax names.

    Raises:
        ExpectedFailure: it names none.
    """
    nodes = project.read_manifest()["nodes"]
    return sorted(node_key(nodes[unique_id], target) for unique_id in project.selected(select, target))
