"""Finds which KPIs differ between two git revisions, and whether the changelog says so."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from audit.definition_diff import Change, Definitions, differences
from audit.definitions import KpiDefinition
from cli.revisions import added_lines, extracted, git
from core import settings

CHANGELOG = "docs/kpi-changelog.md"

#: What a KPI is made from and shown by.
PARTS = ("dbt_project", "superset/bundle")


def compare(former: str, later: str | None) -> list[Change]:
    """Return the changes of each KPI between two revisions; None stands for the checkout as it is.

    Raises:
        ExpectedFailure: there is no such revision, or dbt cannot compile one of them.
    """
    if not touched(former, later):
        return []
    return differences(definitions_of(former), definitions_of(later) if later else definitions_here())


def touched(former: str, later: str | None) -> bool:
    """Return whether any source of KPIs differs, without compiling it."""
    revisions = [former, *([later] if later else [])]
    untracked = git("ls-files", "--others", "--exclude-standard", "--", *PARTS) if later is None else b""
    return bool(untracked or git("diff", "--name-only", *revisions, "--", *PARTS))


def definitions_here() -> Definitions:
    from assets.bi import server
    from assets.bi.lineage import shown
    from assets.dbt.lineage import load_compiled
    from assets.serving.lineage import lineage_graph
    from audit.definitions import definitions

    manifest, lineage = load_compiled()
    bundle = server.bundle()
    return from_json(to_json(definitions(manifest, lineage, lineage_graph(manifest, lineage, bundle), shown(bundle))))


def definitions_of(revision: str) -> Definitions:
    """Return the definitions of a revision: from the home's cache where these trees were compiled before."""
    trees = git("rev-parse", *(f"{revision}:{part}" for part in PARTS))
    folder = settings.home().dbt_target.parent / "revisions"
    kept = folder / f"{hashlib.sha256(trees).hexdigest()}.json"
    if kept.exists():
        return from_json(kept.read_text())
    with extracted(revision, PARTS) as tree:
        content = to_json(compiled(tree))
    settings.make_folder(folder)
    partial = kept.with_suffix(".partial")
    partial.write_text(content)
    partial.replace(kept)
    return from_json(content)


def compiled(tree: Path) -> Definitions:
    """Return the definitions of the project that lies in a folder."""
    from supersync import bundle as bundles

    from assets.bi.lineage import shown
    from assets.dbt.lineage import trace
    from assets.serving.lineage import lineage_graph
    from audit.definitions import definitions
    from warehouse import dbt_compiled

    project_dir = tree / "dbt_project"
    profiles = yaml.safe_load((project_dir / "profiles.yml").read_text(encoding="utf-8"))
    known = profiles["cyberimpact"]["outputs"]  # a revision from before there was a live target has one only
    targets = [target for target in dbt_compiled.TARGETS if target in known]
    manifest = dbt_compiled.joined(
        {target: dbt_compiled.compiled_manifest(target, tree / target, project_dir) for target in targets}
    )
    joint = tree / "manifest.json"
    joint.write_text(json.dumps(manifest))
    bundle = bundles.load(tree / "superset" / "bundle", joint)
    lineage = trace(manifest)
    return definitions(manifest, lineage, lineage_graph(manifest, lineage, bundle), shown(bundle))


def to_json(found: Definitions) -> str:
    return json.dumps({code: definition.to_json() for code, definition in found.items()})


def from_json(content: str) -> Definitions:
    return {code: KpiDefinition.from_json(kept) for code, kept in json.loads(content).items()}


def unwritten(changes: Iterable[Change], former: str) -> Iterator[Change]:
    """Yield the changes that want a line in the changelog and have none since a revision."""
    added = added_lines(CHANGELOG, former)
    for change in changes:
        if change.wants_a_line and not any(f"`{change.code}`" in line for line in added):
            yield change
