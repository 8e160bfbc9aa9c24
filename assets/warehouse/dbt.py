"""The dbt project as one step that builds every seed and model and runs their checks. Names belong in `translator`."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets

from assets.warehouse.lineage import column_lineage
from assets.warehouse.translator import Translator, node_key
from ingestion import settings
from ingestion.collecting import collect_loads
from ingestion.loading import ensure_tables
from orchestration import project

os.environ.update(project.environment())
MANIFEST = project.manifest()


def failures(invocation: DbtCliInvocation) -> str:
    """Return a sentence for each node that dbt could not build or that failed its check."""
    results = Path(invocation.target_path) / "run_results.json"
    if not results.exists():
        return f"dbt stopped before it built anything; its log is in {settings.home().logs / 'dbt'}."
    bad = [r for r in json.loads(results.read_bytes())["results"] if r["status"] in ("error", "fail")]
    return "\n".join(f"{r['unique_id']}: {(r.get('message') or r['status']).strip()}" for r in bad) or "dbt failed."


@dbt_assets(
    name="warehouse",
    manifest=MANIFEST,
    project=DbtProject(project.PROJECT_DIR, target_path=settings.home().dbt_target, profiles_dir=project.PROJECT_DIR),
    dagster_dbt_translator=Translator(),
    pool="warehouse",
)
def warehouse(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator:
    for platform in project.platforms_read(project.read_manifest()):
        ensure_tables(platform)
    collect_loads()
    invocation = dbt.cli(["build"], context=context, raise_on_error=False)
    lineage = column_lineage()
    for event in invocation.stream():
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            yield event.with_metadata({**event.metadata, **lineage.get(key, {})})
        else:
            yield event
    if not invocation.is_successful():
        raise dg.Failure(description=failures(invocation), allow_retries=False)


def keys_selected(select: str) -> list[dg.AssetKey]:
    """Return the assets that a selection in dbt's syntax names.

    Raises:
        ExpectedFailure: it names none.
    """
    nodes = project.read_manifest()["nodes"]
    return sorted(node_key(nodes[unique_id]) for unique_id in project.selected(select))
