"""Takes a home over to the version that runs: saved, built beside, compared, switched.

The backup is restored into a folder of the home, where this version builds. So the backup is known to be good, and the
home stays as it is until the switch: operations are migrated, each database is replaced by the built one in one rename,
and the copies are published as always. A process that dies leaves what the same command goes on from, and the former
version of everything is in the backup.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from audit import ledger, publications
from audit.comparison import Kpi, compare_figures
from audit.definition_diff import Change, differences
from audit.ledger import Entry
from cli import builds, kpi_changes, preview, supervisor
from cli.output import remark
from core import disk, home_format, settings
from core.content_store import canonical, digest_of, flush
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from operations import active, database
from warehouse import backups, published
from warehouse.engine import engine
from warehouse.publication import code_version

#: In the folder of an upgrade: what was built there, once it is whole; renamed when the switch begins.
PREPARED = "prepared.json"
DEFINITIONS = "definitions.json"

#: Prints the definitions of KPIs in the version that runs.
_DEFINE = "from cli.kpi_changes import definitions_here, to_json; print(to_json(definitions_here()))"
#: Of the bytes of a backup: restored, and built, while the former tables are still there.
_ROOM = 2
_MEGABYTE = 1_000_000
_STDERR = 2
_ROW = re.compile(r"\| (\d{4}-\d\d-\d\d) \| ([^|]+) \| ([^|]+) \|")


@dataclass(frozen=True)
class Difference:
    """What the upgrade changes of the published figures of a KPI.

    Attributes:
        kpi: Which figures.
        change: What changed of its definition, None where nothing did.
        line: The last line of the journal that names it, if its definition changed.
    """

    kpi: Kpi
    change: Change | None
    line: str | None

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.kpi.code}: {self.kpi.changed} figures changed, {self.kpi.added} added, {self.kpi.removed} removed."
        )
        for row in self.kpi.examples[:1]:
            yield (
                f"  {row['period_type']} {row['period_start']}, {row['territory_code']}, {row['breakdown_value']}: "
                f"{_shown(row['value_before'])} → {_shown(row['value_after'])}"
            )
        if self.change:
            yield from (f"  {text}" for text in (*self.change.meanings, *self.change.circumstances))
        yield f"  {kpi_changes.CHANGELOG}: {self.line or 'does not name it'}"


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


def upgrade(folder: Path, *, switch: bool) -> Iterator[str]:
    """Prepare what takes the place of the home's databases, and yield what differs; then put it there.

    Args:
        folder: Where the backup lies or is to lie, outside the home.
        switch: Whether to go on after the comparison.

    Raises:
        ExpectedFailure: nothing was built here, the folder is not fit, the home has changed, the version does not
            build, a process of the home runs, or the disk is full.
    """
    home, folder = settings.home(), folder.resolve()
    place = Home(home.upgrade)
    with writer_lock(place.root) as lock, disk.explained():
        has_begun = home.upgrade_switching.exists()
        if has_begun and not switch:
            raise ExpectedFailure(
                "The switch of this home has begun, and was interrupted.",
                f"Repeat the command with --switch, or go back: `cyberimpact restore {folder}`.",
            )
        if not has_begun:
            refuse_unfit(home)
            prepare(home, place, folder, lock)
            yield from report(home, place)
            if not switch:
                yield f"Next: stop the services, repeat the command with --switch. To forget it, remove {place.root}."
                return
        refuse_running()
        remark("The switch: operations, databases, publication.")
        with backups.locked(home):
            if not has_begun:
                begin(home, place, folder)
            backup = take_over(home, place)
        yield from builds.publish(builds.targets(live=False, daily=False))
        shutil.rmtree(place.root)
        yield (
            f"The home is taken over. Start the services. To go back: stop them, `cyberimpact restore {backup}`, and "
            "start the former version."
        )


def refuse_unfit(home: Home) -> None:
    """Check that there is something to upgrade, and that its tables are in the files that are replaced.

    Raises:
        ExpectedFailure: nothing was built, or the engine builds elsewhere.
    """
    if not home.warehouse.exists():
        raise ExpectedFailure("There is nothing to upgrade: nothing was built.", "Run `cyberimpact build`.")
    if not engine().builds_in_files:
        raise ExpectedFailure(
            "`upgrade` replaces the files of the home, and the engine of this home builds elsewhere.",
            "Run `cyberimpact backup FOLDER`, then `build` and `publish`; `cyberimpact restore FOLDER` goes back.",
        )


def refuse_running() -> None:
    """Check that no supervisor and no scheduler of this home run: they run the former version.

    Raises:
        ExpectedFailure: one does.
    """
    serving = any(program.socket and supervisor.answers(program) for program in supervisor.programs())
    if serving or supervisor.supervisor_pid() is not None:
        raise ExpectedFailure(
            "Processes of this home still run.",
            "Stop them, `systemctl stop cyberimpact.target` or `make down`, and repeat the command.",
        )


def prepare(home: Home, place: Home, folder: Path, lock: int) -> None:
    """Save the home, restore that beside it, and build there; what is there already for the same backup is kept.

    Raises:
        ExpectedFailure: as `upgrade`.
    """
    with backups.locked(home):
        is_saved = backups.holds_all(folder, home)
    if not is_saved:
        if (folder / backups.MANIFEST).exists():
            raise changed_since(folder)
        remark("1 of 4: the backup.")
        backups.backup(home, folder, ledger.current_head)
    key = canonical({"backup": digest_of(folder / backups.MANIFEST), "folder": str(folder), "code": code_version()})
    made = place.root / PREPARED
    if made.exists() and made.read_bytes() == key:
        return
    try:
        shutil.rmtree(place.root, ignore_errors=True)
        refuse_without_room(home, folder)
        remark("2 of 4: its restoration beside the home.")
        backups.restore(place, folder, ledger.current_head)
        if home.feeling_models.exists():
            shutil.copytree(home.feeling_models, place.feeling_models, symlinks=True)
        remark("3 of 4: the build of this version there; readers keep what they have.")
        run(place, lock, preview.RUN, "build", stdout=_STDERR)
        (place.root / DEFINITIONS).write_text(run(place, lock, _DEFINE), encoding="utf-8")
        unfinished = made.with_suffix(".partial")
        unfinished.write_bytes(key)
        flush(unfinished)
        unfinished.rename(made)
    except BaseException:
        shutil.rmtree(place.root, ignore_errors=True)
        raise


def changed_since(folder: Path) -> ExpectedFailure:
    return ExpectedFailure(
        f"Something was loaded, built or published since the backup in {folder} was made.",
        "Stop the services, and begin again with a new folder.",
    )


def refuse_without_room(home: Home, folder: Path) -> None:
    """Check that what is built beside the home has room.

    Raises:
        ExpectedFailure: it has not.
    """
    files = json.loads((folder / backups.MANIFEST).read_bytes())["files"]
    needed, free = _ROOM * sum(file["size"] for file in files.values()), shutil.disk_usage(home.root).free
    if free < needed:
        raise ExpectedFailure(
            f"The upgrade needs {needed // _MEGABYTE} MB in {home.root}, and {free // _MEGABYTE} MB are free.",
            "Free some space and repeat the command; nothing was changed.",
        )


def run(place: Home, lock: int, code: str, *arguments: str, stdout: int = subprocess.PIPE) -> str:
    """Run this version in the folder of the upgrade, and return what it prints.

    The child holds the lock of the upgrade too: if the parent is killed, nobody removes the folder while the child
    builds.

    Raises:
        ExpectedFailure: it fails; it has said why on stderr.
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=settings.CODE,
        env=preview.environment(settings.CODE, place),
        pass_fds=(lock,),
        stdout=stdout,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExpectedFailure(
            "This version does not build what the home holds; above is why.",
            "The home is as it was: go on with the former version.",
        )
    return done.stdout or ""


def report(home: Home, place: Home) -> Iterator[str]:
    """Yield which published figures would differ, and what the journal says of them."""
    remark("4 of 4: the comparison of the figures.")
    with published.pinned(home, published.DAILY) as shown:
        entries, _ = ledger.readable(home)
        entry = next((each for each in entries if shown and each.publication_id == shown.parent.name), None)
        if shown is None or entry is None:
            yield "Nothing was published here: there are no figures to compare."
            return
        found = compared(home, place, entry, shown)
    for each in found:
        yield from each.lines()
    unsaid = sum(1 for each in found if each.line is None)
    summary = f"KPIs with other figures: {len(found)}; the journal does not name {unsaid} of them."
    yield summary if found else "No published figure differs."
    if late := loaded_since(place.warehouse, entry.published_at):
        yield (
            f"Loaded since that publication: {', '.join(late)}; figures differ by that too. Build and publish with the "
            "former version first, to see what the upgrade alone changes."
        )


def compared(home: Home, place: Home, entry: Entry, shown: Path) -> list[Difference]:
    """Return what differs between a publication, whose copy is given, and what was built."""
    later = kpi_changes.from_json((place.root / DEFINITIONS).read_text(encoding="utf-8"))
    changes = {change.code: change for change in differences(publications.definitions(home, entry), later)}
    lines = journal((settings.CODE / kpi_changes.CHANGELOG).read_text(encoding="utf-8"))
    return [
        Difference(kpi, changes.get(kpi.code), lines.get(kpi.code) if kpi.code in changes else None)
        for kpi in compare_figures(shown, place.warehouse)
    ]


def journal(text: str) -> dict[str, str]:
    """Return the last line of the journal of figures that names each KPI: its date, and what changes."""
    lines: dict[str, str] = {}
    for day, codes, what in _ROW.findall(text):
        for code in re.findall(r"`(\w+)`", codes):
            lines.setdefault(code, f"{day}, {what}")
    return lines


def loaded_since(warehouse: Path, moment: datetime) -> list[str]:
    """Return the platforms of which something was loaded since a moment."""
    query = "select distinct platform from raw_platforms.loads where finished_at > ? order by 1"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return [platform for (platform,) in connection.execute(query, [moment]).fetchall()]


def begin(home: Home, place: Home, folder: Path) -> None:
    """Note that the switch has begun, from where it only goes on; the caller holds the locks of both databases.

    Raises:
        ExpectedFailure: something was written since the backup was made.
    """
    if not backups.holds_all(folder, home):
        raise changed_since(folder)
    (place.root / PREPARED).rename(home.upgrade_switching)


def take_over(home: Home, place: Home) -> str:
    """Put what was built into the place of the home's databases, and return where the backup lies.

    Raises:
        ExpectedFailure: another version has begun the switch, or operations cannot be migrated.
    """
    begun = json.loads(home.upgrade_switching.read_bytes())
    if begun["code"] != code_version():
        raise ExpectedFailure(
            f"The version {begun['code']} has begun to take this home over.",
            f"Finish with that version, or go back: `cyberimpact restore {begun['folder']}`.",
        )
    refuse_written_since(home, place, Path(begun["folder"]))
    database.migrate()
    if home.node:
        active.refuse_in_reserve(home.node)
    home_format.mark(home.root)
    for file in (home.live, home.warehouse):
        replace_database(place.root / file.name, file)
    flush(home.root)
    return begun["folder"]


def refuse_written_since(home: Home, place: Home, folder: Path) -> None:
    """Check that nothing was written into a database that is still to be replaced since the switch began.

    Raises:
        ExpectedFailure: something was: it would be lost.
    """
    files = json.loads((folder / backups.MANIFEST).read_bytes())["files"]
    for file in (home.live, home.warehouse):
        if not (place.root / file.name).exists():
            continue  # it is replaced already
        for path in (file, file.with_name(f"{file.name}.wal")):
            known = files[path.name]["sha256"] if path.name in files else None
            if (digest_of(path) if path.exists() else None) != known:
                raise ExpectedFailure(
                    f"{path.name} was written after the switch had begun.",
                    f"Remove {place.root}, and begin again with a new folder.",
                )


def replace_database(built: Path, file: Path) -> None:
    """Put a DuckDB file in the place of another one; what was moved already stays."""
    log, built_log = (path.with_name(f"{path.name}.wal") for path in (file, built))
    if built.exists():
        log.unlink(missing_ok=True)
        built.replace(file)
    if built_log.exists():
        built_log.replace(log)
