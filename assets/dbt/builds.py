"""The dbt project as two steps, one per target: each builds its seeds and models and runs their checks."""

import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets

from assets.dbt.lineage import column_lineage, kept_lineage
from assets.dbt.translator import RULES, Translator, check_keys, node_key
from core import run_progress, settings
from ingestion.engine.load_log import collect_loads
from ingestion.engine.loading import ensure_tables
from warehouse import checks, dbt_compiled, dbt_project, held_back
from warehouse.held_back import Failure

#: Name and pool of the step that builds a target.
NAMES = {dbt_project.DAILY: "warehouse", dbt_project.LIVE: "live_models"}
POOLS = {dbt_project.DAILY: "warehouse", dbt_project.LIVE: "live"}

#: Unit tests concern the code, not the data: `make test` runs them. Checks cost less outside of dbt. Its debug log in a
#: file, which nobody reads, is a tenth of what dbt takes.
QUICKLY = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--log-level-file", "info")

#: Builds of what was skipped, each of which may fail in its turn; a project that is sound needs two.
ROUNDS = 6

#: dbt's events at the end of a node, and where each says how many nodes there are.
ENDED = {
    "LogModelResult": "total",
    "LogNodeNoOpResult": "total",
    "LogSeedResult": "total",
    "SkippingDetails": "total",
}
#: What went wrong with a node; a check has a sentence of its own, with its rows.
SHOWN = {"error": "ERROR", "skipped": "SKIP"}

REMEDY_OF_ROWS = (
    "Correct these rows at their platform and load them again, or correct the contract or seed that should know them; "
    "then `cyberimpact build`."
)


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
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator:
        if target == dbt_project.DAILY:
            collect_loads()
        yield from build(context, dbt, target)

    return models


def build(context: dg.AssetExecutionContext, dbt: DbtCliResource, target: str) -> Iterator:
    """Build the selected nodes of a target, run the checks of what was built, and yield the outcome of each.

    Raises:
        dg.Failure: a node could not be built or a check failed.
    """
    for platform in dbt_project.platforms_read(manifest(), target):
        ensure_tables(platform)
    invocation = dbt.cli(
        ["build", "--target", target, *QUICKLY],
        context=context,
        raise_on_error=False,
        target_path=invocation_folder(context.run_id, target),
    )
    compiled = compiled_checks(target)  # while dbt builds
    # Tracing new code takes a minute, for which the daily build has time and a micro-batch has not.
    lineage = column_lineage() if target == dbt_project.DAILY or kept_lineage() is not None else {}
    built: set[dg.AssetKey] = set()
    for event in outcomes(invocation):
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            built.add(key)
            yield event.with_metadata({**event.metadata, **lineage.get(key, {})})
        else:
            yield event
    asked = [] if context.selected_asset_keys else checks_of(context.selected_asset_check_keys, target)
    found, ended = settle(target, Path(invocation.target_path), compiled, asked)
    for failure in found:
        context.log.warning(str(failure))
        for line in str(failure).splitlines():
            run_progress.show(f"Warning: {line}")
    yield from evaluations(ended, found, context.selected_asset_check_keys, target)
    held = any(failure.on_failure == held_back.HOLD_BACK for failure in found)
    if any(failure.on_failure == held_back.BLOCK for failure in found) or not (held or invocation.is_successful()):
        raise dg.Failure(description=sentences(found, invocation), allow_retries=False)
    # What dbt had skipped was built since: Dagster would skip what reads it.
    yield from (dg.MaterializeResult(asset_key=key) for key in sorted(context.selected_asset_keys - built))
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


def settle(
    target: str, folder: Path, compiled: Mapping[str, checks.Check], asked: Collection[str]
) -> tuple[list[Failure], dict[str, str]]:
    """Run the checks of what was built, hold back the KPIs that failures concern, and build what dbt has skipped.

    Nothing is settled where a failure blocks: publication then refuses.

    Args:
        target: The target that was built.
        folder: Of the invocation of dbt.
        compiled: Checks with their SQL, by unique id.
        asked: Unique ids of checks to run though nothing was built.

    Returns:
        What failed or warns, and how each check ended, by unique id.
    """
    graph, home = held_back.Graph.of(manifest()), settings.home()
    database = home.warehouse if target == dbt_project.DAILY else home.live
    found: list[Failure] = []
    ended: dict[str, str] = {}
    results = run_results(folder)
    if not (results or asked):
        return found, ended  # dbt stopped before it built anything
    for _ in range(ROUNDS):
        former = {code for failure in found for code in failure.kpis}
        ready = asked or held_back.checks_to_run(graph, database, found)
        checked = checks.run(graph, [compiled[uid] for uid in ready if uid in compiled], database)
        asked = []
        for result in checked:
            # One that passes once its KPIs have their former values has failed all the same.
            if ended.get(result["unique_id"], "pass") == "pass":
                ended[result["unique_id"]] = checks.status(graph, result)
        new = held_back.failures(graph, database, [*results, *checked])
        found += new
        stops = {failure.on_failure for failure in found}
        if held_back.BLOCK in stops or held_back.HOLD_BACK not in stops:
            return list({failure.unique_id: failure for failure in found}.values()), ended
        codes = {code for failure in found for code in failure.kpis}
        held_back.hold_back(
            home, graph, [failure for failure in new if failure.on_failure == held_back.HOLD_BACK], database
        )
        models = held_back.models_to_build(graph, database) | graph.readers(codes - former)
        models -= {graph.kpi_node(code)["unique_id"] for code in codes}
        if not (models or held_back.checks_to_run(graph, database, found)):
            break
        results = again([graph.nodes[uid]["name"] for uid in sorted(models)], target, folder) if models else []
    held_back.settle(graph, database, [failure for failure in found if failure.on_failure == held_back.HOLD_BACK])
    return list({failure.unique_id: failure for failure in found}.values()), ended


def compiled_checks(target: str) -> dict[str, checks.Check]:
    nodes = dbt_compiled.load(target)["nodes"]
    return {uid: node for uid, node in nodes.items() if node["resource_type"] == "test" and "compiled_code" in node}


def run_results(folder: Path) -> list[dict[str, Any]]:
    """Return the result of each node of the last invocation; empty where dbt stopped before it built anything."""
    file = folder / "run_results.json"
    return json.loads(file.read_bytes())["results"] if file.exists() else []


def again(names: list[str], target: str, folder: Path) -> list[dict[str, Any]]:
    """Run dbt on models by name and return how each ended."""
    (folder / "run_results.json").unlink(missing_ok=True)
    dbt_project.ask("run", "--target", target, "--select", *names, DBT_TARGET_PATH=str(folder))
    return run_results(folder)


def checks_of(keys: Collection[dg.AssetCheckKey], target: str) -> list[str]:
    """Return the unique ids of the dbt tests that Dagster's checks stand for."""
    return [uid for uid, key in check_keys(manifest(), target).items() if key in keys]


def evaluations(
    ended: Mapping[str, str], found: Sequence[Failure], selected: Collection[dg.AssetCheckKey], target: str
) -> Iterator[dg.AssetCheckResult]:
    """Yield each check of an asset that was run: how its rules ended, and the rows that they refuse.

    Args:
        ended: How each rule ended, by unique id.
        found: What failed or warns.
        selected: The checks that Dagster expects.
        target: The dbt target.
    """
    rules: dict[dg.AssetCheckKey, list[str]] = {}
    for uid, key in check_keys(manifest(), target).items():
        if uid in ended and key in selected:
            rules.setdefault(key, []).append(uid)
    nodes = manifest()["nodes"]
    for key, uids in rules.items():
        failed = [failure for failure in found if failure.unique_id in uids]
        only_warns = all(failure.on_failure == held_back.WARN for failure in failed)
        yield dg.AssetCheckResult(
            passed=not failed,
            asset_key=key.asset_key,
            check_name=key.name,
            severity=dg.AssetCheckSeverity.WARN if only_warns else dg.AssetCheckSeverity.ERROR,
            metadata={
                RULES: dg.MetadataValue.json({nodes[uid]["name"]: ended[uid] for uid in sorted(uids)}),
                **(details(failed) if failed else {}),
            },
        )


def details(failed: Sequence[Failure]) -> dict[str, Any]:
    """Return what a person needs to know of rules that failed."""
    return {
        "failed rows": sum(failure.rows or 0 for failure in failed),
        "rows": "\n".join(map(str, failed)),
        "kpis held back": ", ".join(sorted({code for failure in failed for code in failure.kpis})),
        "remedy": REMEDY_OF_ROWS,
    }


def sentences(found: Sequence[Failure], invocation: DbtCliInvocation) -> str:
    """Return what failed, with its rows and a remedy."""
    blocking = [str(failure) for failure in found if failure.on_failure == held_back.BLOCK]
    return "\n".join([*blocking, REMEDY_OF_ROWS]) if blocking else failures(invocation)


def invocation_folder(run_id: str, target: str) -> Path:
    """Return the folder of one dbt invocation, with what was parsed for its target: that takes long."""
    folder = dbt_project.parse_folder(target) / f"{target}-{run_id}"
    folder.mkdir(parents=True, exist_ok=True)
    dbt_project.copy_parsed(target, folder)
    return folder


def keys_selected(select: str, target: str) -> list[dg.AssetKey]:
    """Return the assets of a target that a selection in dbt's syntax names.

    Raises:
        ExpectedFailure: it names none.
    """
    nodes = manifest()["nodes"]
    return sorted(node_key(nodes[unique_id], target) for unique_id in dbt_project.selected(select, target))
