"""What a change of the code would change of the figures: built beside the home, compared, and thrown away."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from supersync import bundle as bundles
from supersync.bundle import Bundle
from supersync.check import kpis_shown

from audit.comparison import Difference, as_json, compare
from core import settings, traces
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from ingestion.engine import raw_lake
from warehouse import published

RUN = "from cli.main import main; main()"


@dataclass(frozen=True)
class Preview:
    """What a change changes.

    Attributes:
        difference: Tables and figures.
        objects: Of Superset's bundle, by kind and slug: `added`, `removed`, `changed` or `reads what differs`.
    """

    difference: Difference
    objects: Mapping[tuple[str, str], str]

    def lines(self) -> list[str]:
        """Return the summary, one thing a line."""
        tables = [
            f"table {table.name}: {_count(table.rows_before)} → {_count(table.rows_after)}"
            for table in self.difference.tables
        ]
        kpis = [
            f"KPI {kpi.code}: {kpi.changed} figures changed, {kpi.added} added, {kpi.removed} removed"
            for kpi in self.difference.kpis
        ]
        objects = [f"{kind} {slug}: {how}" for (kind, slug), how in sorted(self.objects.items())]
        return [*kpis, *tables, *objects] or ["Nothing differs: no table, no figure, nothing that Superset shows."]

    def as_json(self) -> str:
        objects = [{"kind": kind, "slug": slug, "how": how} for (kind, slug), how in sorted(self.objects.items())]
        return json.dumps({**as_json(self.difference), "objects": objects}, ensure_ascii=False, indent=2)


def preview(change: str, former: str) -> Preview:
    """Build what a change touches beside the home, and return what differs.

    The home's warehouse is copied twice. The first copy is brought up to date by the former code, the second one by
    that of the change: each builds only what has news. Nothing is published, and both copies are removed.

    Args:
        change: A folder with the changed code, or a branch or commit of this checkout.
        former: What it is compared with, in the same words.

    Raises:
        ExpectedFailure: there is no such change, nothing was built yet, or the change does not build.
    """
    home = settings.home()
    if not home.warehouse.exists():
        raise ExpectedFailure("There is nothing to compare with: nothing was built.", "Run `cyberimpact build` first.")
    scratch = home.preview
    with writer_lock(scratch) as lock, ExitStack() as stack:
        sweep(scratch)
        stack.callback(sweep, scratch)
        settings.make_folder(scratch)
        unchanged = stack.enter_context(checkout_of(former, scratch / "former"))
        changed = stack.enter_context(checkout_of(change, scratch / "code"))
        before, after = Home(scratch / "before"), Home(scratch / "after")
        copy_of(home, before)
        build(unchanged, before, lock, f"The code of {former} does not build what is loaded.")
        shutil.copytree(before.root, after.root, symlinks=True)
        build(changed, after, lock, f"The code of {change} does not build.")
        found = compare(before.warehouse, after.warehouse)
        ours = bundles.load(unchanged / "superset" / "bundle", before.dbt_target / "manifest.json")
        theirs = bundles.load(changed / "superset" / "bundle", after.dbt_target / "manifest.json")
        nodes = nodes_of(after, {table.name for table in found.tables})
        return Preview(found, objects_of(ours, theirs, nodes, {kpi.code for kpi in found.kpis}))


def sweep(scratch: Path) -> None:
    """Remove what a preview has left; its copies hold what the warehouse holds of persons."""
    shutil.rmtree(scratch, ignore_errors=True)
    git("worktree", "prune")


@contextmanager
def checkout_of(change: str, place: Path) -> Generator[Path]:
    """Give the folder of a change; a branch or commit is checked out there for as long as it is needed.

    Raises:
        ExpectedFailure: it is neither a folder of the project nor a commit.
    """
    if (Path(change) / "dbt_project").is_dir():
        yield Path(change).resolve()
        return
    if git("worktree", "add", "--detach", str(place), change).returncode:
        raise ExpectedFailure(
            f"{change} is neither a checkout of the project nor a branch or commit of this one.",
            "Name a folder, or fetch the branch first.",
        )
    yield place


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", settings.CHECKOUT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def copy_of(home: Home, place: Home) -> None:
    """Copy what a build reads of a home, while nobody writes the warehouse."""
    settings.make_folder(place.root)
    with writer_lock(home.warehouse):
        # Another process copies: this one may have the file open, and would drop its lock (POSIX locks).
        subprocess.run(["cp", "--reflink=auto", home.warehouse, place.warehouse], check=True)
    read_by_builds = (home.operations, home.operations.with_name(f"{home.operations.name}-wal"), home.config)
    for given in (*read_by_builds, home.feeling_models):
        if given.exists():
            copied = place.root / given.relative_to(home.root)
            settings.make_folder(copied.parent)
            subprocess.run(["cp", "-a", "--reflink=auto", given, copied], check=True)
    for made in (published.DAILY, published.LIVE):
        with published.pinned(home, made) as file:
            if file is not None:
                folder = place.published / made.target / file.parent.name
                settings.make_folder(folder)
                shutil.copy(file, folder)
                (folder.parent / "current").symlink_to(folder.name)


def build(code: Path, home: Home, lock: int, refusal: str) -> None:
    """Build what has news in a home, by the code of a folder.

    The build holds the lock of the preview too: it outlives a preview that is killed, and its home must not be removed
    under it.

    Raises:
        ExpectedFailure: it does not build.
    """
    done = subprocess.run(
        [sys.executable, "-c", RUN, "build", "--daily"],
        cwd=code,
        env=environment(code, home),
        pass_fds=(lock,),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExpectedFailure(f"{refusal}\n{done.stderr.strip()}", "Correct it; the home is as it was.")


def environment(code: Path, home: Home) -> dict[str, str]:
    """Return the variables of a process that runs the code of a folder in a copy of the home."""
    return os.environ | {
        "CYBERIMPACT_HOME": str(home.root),
        raw_lake.ADDRESS_SETTING: raw_lake.address(),  # the copies show the same files
        settings.DAGSTER_SETTING: "",  # its runs are none of the home's
        settings.NODE_SETTING: "",  # no other machine has the copy
        traces.SETTING: "",
        "DAGSTER_HOME": str(home.dagster),
        "PYTHONPATH": os.pathsep.join([str(code), str(code / "superset")]),
    }


def nodes_of(home: Home, tables: set[str]) -> set[str]:
    """Return the unique ids of the models and seeds behind tables."""
    nodes = json.loads((home.dbt_target / "manifest.json").read_bytes())["nodes"]
    return {uid for uid, node in nodes.items() if f"{node['schema']}.{node.get('alias') or node['name']}" in tables}


def objects_of(ours: Bundle, theirs: Bundle, nodes: set[str], kpis: set[str]) -> dict[tuple[str, str], str]:
    """Return what Superset would show differently: declared otherwise, or drawn from what differs.

    Args:
        ours: The bundle of the former code.
        theirs: That of the change.
        nodes: The models and seeds that differ; a chart of certain KPIs reads theirs only.
        kpis: Codes of the KPIs whose figures differ.
    """
    before, after = ({(asset.kind, asset.slug): asset for asset in given} for given in (ours, theirs))
    found: dict[tuple[str, str], str] = {}
    for key in before.keys() | after.keys():
        if key not in before or key not in after:
            found[key] = "added" if key in after else "removed"
        elif before[key].config != after[key].config:
            found[key] = "changed"
    touched = {slug for (kind, slug), asset in after.items() if kind == "dataset" and not nodes.isdisjoint(asset.reads)}
    for (kind, slug), asset in after.items():
        is_touched = slug in touched if kind == "dataset" else kind == "chart" and not touched.isdisjoint(asset.reads)
        shown = kpis_shown(theirs, asset) if kind == "chart" else set()
        if is_touched and not (shown and shown.isdisjoint(kpis)):
            found.setdefault((kind, slug), "reads what differs")
    return found


def _count(rows: int | None) -> str:
    return "absent" if rows is None else f"{rows} rows"


def page(change: str, found: Preview) -> str:
    """Return a preview as an HTML page that needs nothing else."""
    kpis = "".join(
        f"<h3>{escape(kpi.code)}</h3><p>{kpi.changed} changed, {kpi.added} added, {kpi.removed} removed.</p>"
        + _table(kpi.examples)
        for kpi in found.difference.kpis
    )
    tables = _table(
        [
            {"table": table.name, "before": _count(table.rows_before), "after": _count(table.rows_after)}
            for table in found.difference.tables
        ]
    )
    shown = [{"kind": kind, "name": slug, "how": how} for (kind, slug), how in sorted(found.objects.items())]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(change)}: what it changes</title>"
        "<style>body{font:1rem/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2rem .6rem;text-align:left}</style>"
        f"<h1>{escape(change)}: what it changes</h1>"
        f"<h2>Figures</h2>{kpis or '<p>No figure differs.</p>'}"
        f"<h2>Tables</h2>{tables or '<p>No table differs.</p>'}"
        f"<h2>What Superset shows</h2>{_table(shown) or '<p>Nothing differs.</p>'}</html>"
    )


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('–' if cell is None else str(cell))}</td>" for cell in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
