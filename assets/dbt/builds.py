"""The dbt project as two steps, one per target: each builds its seeds and models and runs their checks."""

import json
import logging
import shutil
from collections.abc import Iterator, Sequence, Set
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets
from pydantic import Field

from assets.dbt.lineage import column_lineage, kept_lineage
from assets.dbt.translator import Translator, node_key
from core import run_progress, settings
from ingestion.engine.loading import ensure_tables
from warehouse import dbt_project, held_back, staleness
from warehouse.held_back import Failure
from warehouse.staleness import News

#: Name and pool of the step that builds a target.
NAMES = {dbt_project.DAILY: "warehouse", dbt_project.LIVE: "live_models"}
POOLS = {dbt_project.DAILY: "warehouse", dbt_project.LIVE: "live"}
PARSED = "partial_parse.msgpack"

#: Builds of what was skipped, each of which may fail in its turn; a project that is sound needs two.
ROUNDS = 6

#: In the metadata of an output, tells Dagster to record no materialization of it.
UNRECORDED = "__source_asset_observation__"

#: dbt's events at the end of a node, and where each says how many nodes there are.
ENDED = {
    "LogModelResult": "total",
    "LogNodeNoOpResult": "total",
    "LogSeedResult": "total",
    "LogTestResult": "num_models",
    "SkippingDetails": "total",
}
#: A check that warns has a sentence of its own, with its rows.
SHOWN = {"error": "ERROR", "fail": "FAIL", "skipped": "SKIP"}

REMEDY_OF_ROWS = (
    "Correct these rows at their platform and load them again, or correct the contract or seed that should know them; "
    "then `cyberimpact build`."
)


class BuildConfig(dg.Config):
    """What a run of all seeds and models builds; those that are selected one by one are built in any case."""

    full: bool = Field(default=False, description="Build everything, not only what has news.")


@cache
def manifest() -> dict:
    """Return the manifest with the fields that dagster-dbt needs to resolve cautious selectors of checks."""
    parsed = dbt_project.read_manifest()
    for node in parsed["nodes"].values():
        node["depends_on_nodes"] = node["depends_on"].get("nodes", [])  # of dbt's own nodes, a property
    return parsed


def failures(invocation: DbtCliInvocation) -> str:
    """Return a sentence for each node that dbt could not build or that failed its check."""
    results = Path(invocation.target_path) / "run_results.json"
    if not results.exists():
        return f"dbt stopped before it built anything; its log is in {settings.home().logs / 'dbt'}."
    bad = [r for r in json.loads(results.read_bytes())["results"] if r["status"] in ("error", "fail")]
    return "\n".join(f"{r['unique_id']}: {(r.get('message') or r['status']).strip()}" for r in bad) or "dbt failed."


def project_of(target: str) -> DbtProject:
    folder = dbt_project.parse_folder(target)
    return DbtProject(dbt_project.PROJECT_DIR, target_path=folder, profiles_dir=dbt_project.PROJECT_DIR, target=target)


@dg.definitions
def defs() -> dg.Definitions:
    """Return what each target builds; dbt parses the project where it has changed."""
    return dg.Definitions(assets=[models_of(target) for target in NAMES])


def models_of(target: str) -> dg.AssetsDefinition:
    """Return the seeds, models and checks of a target as one step."""

    @dbt_assets(
        name=NAMES[target],
        manifest=manifest(),
        selector=target,
        project=project_of(target),
        dagster_dbt_translator=Translator(target),
        pool=POOLS[target],
    )
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource, config: BuildConfig) -> Iterator:
        for platform in dbt_project.platforms_read(manifest(), target):
            ensure_tables(platform)
        # What is live changes with each minute: all of it has news.
        news = staleness.look(settings.home()) if target == dbt_project.DAILY else None
        is_whole = set(context.assets_def.node_keys_by_output_name.values()) == context.selected_asset_keys
        if news is None or config.full or not is_whole:
            yield from build(context, dbt, target, news)
            return
        kept = unchanged(context, news)
        yield from kept.values()
        if news.stale:
            yield from build(context, dbt, target, news, kept.keys())
        else:
            context.log.info(staleness.NOTHING)

    return models


def unchanged(context: dg.AssetExecutionContext, news: News) -> dict[dg.AssetKey, dg.Output]:
    """Return, parents first, an output of each asset that has no news: what reads it runs, and nothing is recorded."""
    nodes = manifest()["nodes"]
    # Each blocking check that is not run again would be a warning of Dagster's for each step after this one.
    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    kept = (nodes[uid] for uid in news.fingerprints if uid in nodes and uid not in news.stale)
    keys = [node_key(node) for node in kept if node["resource_type"] != "test"]
    names = {key: context.assets_def.get_output_name_for_asset_key(key) for key in keys}
    return {key: dg.Output(None, output_name=name, metadata={UNRECORDED: True}) for key, name in names.items()}


def build(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    target: str,
    news: News | None,
    kept: Set[dg.AssetKey] | None = None,
) -> Iterator:
    """Build nodes of a target, and yield the outcome of each.

    Args:
        context: The step.
        dbt: Runs dbt.
        target: The target.
        news: What has news, where that is known: what is built soundly has none from then on.
        kept: The assets without news, where what has news is built; else what the step has selected.

    Raises:
        dg.Failure: a node could not be built or a check failed.
    """
    # Unit tests concern the code, not the data: `make test` runs them.
    command = ["build", "--target", target, "--exclude-resource-type", "unit_test"]
    folder = invocation_folder(context.run_id, target)
    if news is None or kept is None:
        invocation = dbt.cli(command, context=context, raise_on_error=False, target_path=folder)
    else:
        command += staleness.write_selection(folder / "selection", news.stale & manifest()["nodes"].keys())
        invocation = dbt.cli(
            command,
            manifest=manifest(),
            dagster_dbt_translator=Translator(target),
            raise_on_error=False,
            target_path=folder,
        )
        invocation.context = context  # given before, it would select everything
    # Tracing new code takes a minute, for which the daily build has time and a micro-batch has not.
    lineage = column_lineage() if target == dbt_project.DAILY or kept_lineage() is not None else {}
    built: set[dg.AssetKey] = set()
    failed_checks: list[dg.AssetCheckResult] = []
    for event in outcomes(invocation):
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            built.add(key)
            yield event.with_metadata({**event.metadata, **lineage.get(key, {})})
        elif isinstance(event, dg.AssetCheckResult) and not event.passed:
            failed_checks.append(event)
        else:
            yield event
    found = settle_failures(invocation, target)
    if news is not None:
        staleness.record(settings.home(), news)
    for failure in found:
        context.log.warning(str(failure))
        for line in str(failure).splitlines():
            run_progress.show(f"Warning: {line}")
    yield from (with_rows(check, found) for check in failed_checks)
    held = any(failure.on_failure == held_back.HOLD_BACK for failure in found)
    if any(failure.on_failure == held_back.BLOCK for failure in found) or not (held or invocation.is_successful()):
        raise dg.Failure(description=sentences(found, invocation), allow_retries=False)
    # What dbt had skipped was built since: Dagster would skip what reads it.
    yield from (
        dg.MaterializeResult(asset_key=key) for key in sorted(context.selected_asset_keys - built - (kept or set()))
    )
    shutil.rmtree(invocation.target_path)  # hundreds a day, of several megabytes each


def outcomes(invocation: DbtCliInvocation) -> Iterator:
    """Yield what Dagster records of each node, and show how many are done and which went wrong."""
    done = 0
    for message in invocation.stream_raw_events():
        name, data = message.raw_event["info"]["name"], message.raw_event["data"]
        if name in ENDED:
            done += 1
            run_progress.advance("dbt", done, data[ENDED[name]])
            node = data["node_info"]
            if node["node_status"] in SHOWN:
                run_progress.show(f"{SHOWN[node['node_status']]} {node['node_name']}")
        yield from message.to_default_asset_events(
            invocation.manifest,
            invocation.dagster_dbt_translator,
            invocation.context,
            invocation.target_path,
            invocation.project,
        )


def settle_failures(invocation: DbtCliInvocation, target: str) -> list[Failure]:
    """Hold back the KPIs that failed checks concern, build what dbt has skipped, and return what failed or warns.

    Nothing is settled where a failure blocks: publication then refuses.
    """
    results = run_results(Path(invocation.target_path))
    graph, home = held_back.Graph.of(manifest()), settings.home()
    database = home.warehouse if target == dbt_project.DAILY else home.live
    found: list[Failure] = []
    for _ in range(ROUNDS):
        new = held_back.failures(graph, database, results)
        former = {code for failure in found for code in failure.kpis}
        found += new
        if all(failure.on_failure == held_back.WARN for failure in found) or any(
            failure.on_failure == held_back.BLOCK for failure in new
        ):
            return found
        codes = {code for failure in found for code in failure.kpis}
        held_back.hold_back(
            home, graph, [failure for failure in new if failure.on_failure == held_back.HOLD_BACK], database
        )
        models, checks = held_back.unfinished(graph, database, codes)
        kept = {graph.kpi_node(code)["unique_id"] for code in codes}
        models = sorted({*models, *(graph.readers(codes - former) - kept)})
        if not (models or checks):
            break
        verb, chosen = ("run", models) if models else ("test", checks)
        results = again(verb, [graph.nodes[uid]["name"] for uid in chosen], target, Path(invocation.target_path))
    held_back.settle(graph, database, [failure for failure in found if failure.on_failure == held_back.HOLD_BACK])
    return list({failure.unique_id: failure for failure in found}.values())


def run_results(folder: Path) -> list[dict[str, Any]]:
    """Return the result of each node of the last invocation; empty where dbt stopped before it built anything."""
    file = folder / "run_results.json"
    return json.loads(file.read_bytes())["results"] if file.exists() else []


def again(verb: str, names: list[str], target: str, folder: Path) -> list[dict[str, Any]]:
    """Run dbt on nodes by name and return how each ended."""
    (folder / "run_results.json").unlink(missing_ok=True)
    dbt_project.ask(verb, "--target", target, "--select", *names, DBT_TARGET_PATH=str(folder))
    return run_results(folder)


def with_rows(check: dg.AssetCheckResult, found: Sequence[Failure]) -> dg.AssetCheckResult:
    """Return a failed check with the rows that it refuses; one that holds back has failed, whatever dbt calls it."""
    failure = next((failure for failure in found if failure.name == check.check_name), None)
    if failure is None:
        return check
    details = {
        "rows": "\n".join(failure.examples),
        "kpis held back": ", ".join(sorted(failure.kpis)),
        "remedy": REMEDY_OF_ROWS,
    }
    return dg.AssetCheckResult(
        passed=False,
        asset_key=check.asset_key,
        check_name=check.check_name,
        severity=dg.AssetCheckSeverity.WARN if failure.on_failure == held_back.WARN else dg.AssetCheckSeverity.ERROR,
        metadata={**check.metadata, **details},
    )


def sentences(found: Sequence[Failure], invocation: DbtCliInvocation) -> str:
    """Return what failed, with its rows and a remedy."""
    blocking = [str(failure) for failure in found if failure.on_failure == held_back.BLOCK]
    return "\n".join([*blocking, REMEDY_OF_ROWS]) if blocking else failures(invocation)


def invocation_folder(run_id: str, target: str) -> Path:
    """Return the folder of one dbt invocation, with what was parsed for its target: that takes long."""
    parsed = dbt_project.parse_folder(target)
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
    nodes = manifest()["nodes"]
    return sorted(node_key(nodes[unique_id], target) for unique_id in dbt_project.selected(select, target))
