"""The dbt project as two steps, one per target: each builds its seeds and models and runs their checks."""

import json
import logging
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets
from pydantic import Field

from assets.dbt.lineage import column_lineage, kept_lineage
from assets.dbt.table_metadata import of_tables
from assets.dbt.translator import RULES, Translator, check_keys, node_key
from assets.failures import ending_the_try
from core import run_progress, settings, traces
from core.errors import ExpectedFailure, TransientFailure, first_of
from ingestion.engine.loading import ensure_tables
from warehouse import checks, dbt_compiled, dbt_project, held_back, staleness
from warehouse.engine import engine
from warehouse.held_back import Failure
from warehouse.staleness import News

#: Name and pool of the step that builds a target.
NAMES = {dbt_project.DAILY: "warehouse", dbt_project.LIVE: "live_models"}
POOLS = {dbt_project.DAILY: "warehouse", dbt_project.LIVE: "live"}

#: Unit tests concern the code, not the data: `make test` runs them. Checks cost less outside of dbt. Its debug log in a
#: file, which nobody reads, is a tenth of what dbt takes.
QUICKLY = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--log-level-file", "info")

#: Builds of what was skipped, each of which may fail in its turn; a project that is sound needs two.
ROUNDS = 6

#: In the metadata of an output, tells Dagster to record no materialization of it.
UNRECORDED = "__source_asset_observation__"

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

REMEDY_OF_NODES = "Correct what is said above, then `cyberimpact build`."
#: What dbt writes before the message of an error, once or twice: its kind, and of which file.
DBT_LINES = re.compile(r"\A(\s*\w+ Error( in .*)?\n)+")
#: Of the nodes with one cause.
SHOWN_NAMES = 3


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


def failures(folder: Path) -> str:
    """Return a sentence for each node that an invocation of dbt could not build."""
    results = folder / "run_results.json"
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
        pool=engine().pool or POOLS[target],
    )
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource, config: BuildConfig) -> Iterator:
        with ending_the_try(context):
            facts = engine_is_ready(context)
        for platform in dbt_project.platforms_read(manifest(), target):
            ensure_tables(platform)
        # What is live changes with each minute: all of it has news.
        news = staleness.look(settings.home()) if target == dbt_project.DAILY else None
        is_whole = set(context.assets_def.node_keys_by_output_name.values()) == context.selected_asset_keys
        if news is None or config.full or not is_whole:
            yield from build(context, dbt, target, news, facts=facts)
            return
        kept = unchanged(context, news)
        yield from kept.values()
        if news.stale:
            yield from build(context, dbt, target, news, kept.keys(), facts=facts)
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
    *,
    facts: Mapping[str, str],
) -> Iterator:
    """Build nodes of a target, run the checks of what was built, and yield the outcome of each.

    Args:
        context: The step.
        dbt: Runs dbt.
        target: The target.
        news: What has news, where that is known: what is built soundly has none from then on.
        kept: The assets without news, where what has news is built; else what the step has selected.
        facts: What is recorded of the engine.

    Raises:
        dg.Failure: a node could not be built or a check failed.
    """
    nodes, folder = manifest()["nodes"], invocation_folder(context.run_id, target)
    stale = set() if news is None or kept is None else news.stale & nodes.keys()
    stale_checks = {uid for uid in stale if nodes[uid]["resource_type"] == "test"}
    asked = stale_checks if context.selected_asset_keys else checks_of(context.selected_asset_check_keys, target)
    options = ("--target", target, *QUICKLY)
    invocation = None
    if not stale and context.selected_asset_keys:
        invocation = dbt.cli(["build", *options], context=context, raise_on_error=False, target_path=folder)
    elif stale > stale_checks:
        invocation = dbt.cli(
            ["build", *options, *staleness.write_selection(folder / "selection", stale - stale_checks)],
            manifest=manifest(),
            dagster_dbt_translator=Translator(target),
            raise_on_error=False,
            target_path=folder,
        )
        # Given before, the context would select everything; it names the project.
        invocation.context, invocation.project = context, project_of(target)
    compiled = compiled_checks(target)  # while dbt builds
    outputs: dict[dg.AssetKey, dg.Output] = {}
    for event in outcomes(invocation) if invocation else ():
        if isinstance(event, dg.Output):
            outputs[context.asset_key_for_output(event.output_name)] = event
        else:
            yield event
    if traces.are_wanted():
        trace(context.run_id, target, run_results(folder))
    with ending_the_try(context):
        found, ended = settle(target, folder, compiled, asked)
    if news is not None:
        staleness.record(settings.home(), news)
    for failure in found:
        context.log.warning(str(failure))
        # A node that could not be built stops the step, which then says why, once for all nodes with one cause.
        for line in str(failure).splitlines() if failure.rows is not None else ():
            run_progress.show(f"Warning: {line}")
    shown = metadata(outputs, target)
    of_engine = {name: shown_fact(value) for name, value in facts.items()}
    yield from (event.with_metadata({**event.metadata, **of_engine, **shown[key]}) for key, event in outputs.items())
    yield from evaluations(ended, found, context.selected_asset_check_keys, target)
    held = any(failure.on_failure == held_back.HOLD_BACK for failure in found)
    is_successful = invocation is None or invocation.is_successful()
    if any(failure.on_failure == held_back.BLOCK for failure in found) or not (held or is_successful):
        said = sentences(found, folder)
        with ending_the_try(context):
            raise TransientFailure(*said) if engine().is_lost(said[0]) else ExpectedFailure(*said)
    # What dbt had skipped was built since: Dagster would skip what reads it.
    skipped = context.selected_asset_keys - outputs.keys() - (kept or set())
    yield from (dg.MaterializeResult(asset_key=key) for key in sorted(skipped))
    shutil.rmtree(folder)  # hundreds a day, of several megabytes each


def engine_is_ready(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Check that the engine can build, and tag the run with what is to be known of it.

    Raises:
        ExpectedFailure: it cannot.
    """
    builder = engine()
    builder.refuse_unready(settings.home())
    facts = builder.facts()
    context.instance.add_run_tags(context.run_id, facts)
    for name, value in facts.items():
        context.log.info("%s: %s", name, value)
    return facts


def shown_fact(value: str) -> dg.MetadataValue:
    return dg.MetadataValue.url(value) if "://" in value else dg.MetadataValue.text(value)


def metadata(keys: Collection[dg.AssetKey], target: str) -> dict[dg.AssetKey, dict[str, Any]]:
    """Return what Dagster shows of tables that were built: their columns' lineage, their rows, the figures of KPIs."""
    # Tracing new code takes a minute, for which the daily build has time and a micro-batch has not.
    lineage = column_lineage() if target == dbt_project.DAILY or kept_lineage() is not None else {}
    nodes = manifest()["nodes"]
    built = {node_key(nodes[uid], target): nodes[uid] for uid in dbt_project.built(manifest(), target)}
    found = of_tables(dbt_project.database(target), [built[key] for key in keys]) if keys else {}
    return {key: {**lineage.get(key, {}), **found.get(built[key]["unique_id"], {})} for key in keys}


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
        asked: Unique ids of checks to run though nothing that they read was built.

    Returns:
        What failed or warns, and how each check ended, by unique id.
    """
    graph, home, database = held_back.Graph.of(manifest()), settings.home(), dbt_project.database(target)
    found: list[Failure] = []
    ended: dict[str, str] = {}
    results = run_results(folder)
    if not (results or asked):
        return found, ended  # dbt stopped before it built anything
    for _ in range(ROUNDS):
        former = {code for failure in found for code in failure.kpis}
        ready = {*asked, *held_back.checks_to_run(graph, database, found)}
        others = beside(ready, database, target)
        ready |= {uid for uid, status in others.items() if status != "held_back"}
        ended |= dict.fromkeys(others.keys() - ready, "fail")
        checked = checks.run(graph, [compiled[uid] for uid in sorted(ready) if uid in compiled], database)
        asked = ()
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


def trace(run_id: str, target: str, results: list[dict[str, Any]]) -> None:
    """Send a span for each node that dbt has built, in that of the step."""
    for result in results:
        ends = [part[end] for part in result["timing"] for end in ("started_at", "completed_at") if part[end]]
        if ends:
            name = result["unique_id"].rpartition(".")[2]
            first, last = (datetime.fromisoformat(end).replace(tzinfo=UTC) for end in (min(ends), max(ends)))
            is_ok = result["status"] in {"success", "pass"}
            traces.add(
                run_id, (NAMES[target], result["unique_id"]), name, first.timestamp(), last.timestamp(), is_ok=is_ok
            )


def compiled_checks(target: str) -> dict[str, checks.Check]:
    nodes = dbt_compiled.load(target)["nodes"]
    return {uid: node for uid, node in nodes.items() if node["resource_type"] == "test" and "compiled_code" in node}


def beside(ready: Collection[str], database: Path, target: str) -> dict[str, str]:
    """Return the other checks that Dagster shows in one with some, and how they ended: it shows how all of them end."""
    keys, states = check_keys(manifest(), target), held_back.states(database)
    shown = {keys[uid] for uid in ready if uid in keys}
    return {
        uid: states[uid]
        for uid, key in keys.items()
        if key in shown and uid not in ready and states.get(uid) in held_back.SOUND
    }


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
        is_refused = "fail" in map(ended.get, uids)
        only_warns = not is_refused and all(failure.on_failure == held_back.WARN for failure in failed)
        yield dg.AssetCheckResult(
            passed=not (failed or is_refused),
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


def sentences(found: Sequence[Failure], folder: Path) -> tuple[str, str]:
    """Return what failed, a cause that many nodes have in common once, and a remedy."""
    blocking = [failure for failure in found if failure.on_failure == held_back.BLOCK]
    of_rows = [str(failure) for failure in blocking if failure.rows is not None]
    causes: dict[str, list[str]] = {}
    for failure in blocking:
        if failure.rows is None:
            causes.setdefault(DBT_LINES.sub("", failure.message).strip(), []).append(failure.name)
    of_nodes = [f"{first_of(names, SHOWN_NAMES)} could not be built: {cause}" for cause, names in causes.items()]
    what = "\n".join([*of_rows, *of_nodes]) if blocking else failures(folder)
    return what, REMEDY_OF_ROWS if of_rows else REMEDY_OF_NODES


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
