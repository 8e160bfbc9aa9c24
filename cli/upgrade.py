"""Takes a home over to the version that runs: saved, built beside, compared, switched.

The backup is restored into a folder of the home, where this version builds. So the backup is known to be good, and the
home stays as it is until the switch: operations are migrated, each database is replaced by the built one in one rename,
and the copies are published as always. A process that dies leaves what the same command goes on from, and the former
version of everything is in the backup.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from audit import ledger
from cli import builds, kpi_changes, preview, supervisor
from cli.output import remark
from cli.upgrade_report import report
from core import disk, home_format, settings
from core.content_store import canonical, digest_of, flush
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from operations import active, database
from warehouse import backups
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
    beside = Home(home.upgrade)
    with writer_lock(beside.root) as lock:
        if home.upgrade_switching.exists():
            if not switch:
                saved = Path(begun(home)["folder"])
                raise ExpectedFailure("The switch of this home has begun, and was interrupted.", to_go_on(saved))
        else:
            with disk.explained():
                refuse_unfit(home)
                prepare(home, beside, folder, lock)
                remark("4 of 4: the comparison of the figures.")
                later = kpi_changes.from_json((beside.root / DEFINITIONS).read_text(encoding="utf-8"))
                yield from report(home, beside.warehouse, later)
            if not switch:
                yield f"Next: stop the services, repeat the command with --switch. To forget it, remove {beside.root}."
                return
        yield from take_over(home, beside, folder)


def to_go_on(folder: Path) -> str:
    """Return what to do where a switch has stopped on its way."""
    return (
        "Start no service before you repeat the command with --switch, or go back: "
        f"`cyberimpact restore {folder}`, then the former version."
    )


def begun(home: Home) -> dict[str, str]:
    """Return what the switch under way was begun with: `folder`, `backup` and `code`."""
    return json.loads(home.upgrade_switching.read_bytes())


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


def prepare(home: Home, beside: Home, folder: Path, lock: int) -> None:
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
    prepared = beside.root / PREPARED
    if prepared.exists() and prepared.read_bytes() == key:
        return
    try:
        shutil.rmtree(beside.root, ignore_errors=True)
        refuse_without_room(home, folder)
        remark("2 of 4: its restoration beside the home.")
        backups.restore(beside, folder, ledger.current_head)
        if home.feeling_models.exists():
            shutil.copytree(home.feeling_models, beside.feeling_models, symlinks=True)
        remark("3 of 4: the build of this version there; readers keep what they have.")
        run(beside, lock, preview.RUN, "build", stdout=_STDERR)
        (beside.root / DEFINITIONS).write_text(run(beside, lock, _DEFINE), encoding="utf-8")
        unfinished = prepared.with_suffix(".partial")
        unfinished.write_bytes(key)
        flush(unfinished)
        unfinished.rename(prepared)
    except BaseException:
        shutil.rmtree(beside.root, ignore_errors=True)
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
    needed = _ROOM * sum(file["size"] for file in backups.manifest(folder)["files"].values())
    free = shutil.disk_usage(home.root).free
    if free < needed:
        raise ExpectedFailure(
            f"The upgrade needs {needed // _MEGABYTE} MB in {home.root}, and {free // _MEGABYTE} MB are free.",
            "Free some space and repeat the command; nothing was changed.",
        )


def run(beside: Home, lock: int, code: str, *arguments: str, stdout: int = subprocess.PIPE) -> str:
    """Run this version in the folder of the upgrade, and return what it prints.

    The child holds the lock of the upgrade too: if the parent is killed, nobody removes the folder while the child
    builds.

    Raises:
        ExpectedFailure: it fails, having said why on stderr, or is ended.
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=settings.CODE,
        env=preview.environment(settings.CODE, beside),
        pass_fds=(lock,),
        stdout=stdout,
        text=True,
        check=False,
    )
    if done.returncode < 0:
        raise ExpectedFailure(
            f"The build of this version was ended by {signal.Signals(-done.returncode).name}.",
            "Where memory was short, `journalctl -k` says so. The home is as it was: repeat the command, or go on with "
            "the former version.",
        )
    if done.returncode:
        raise ExpectedFailure(
            "This version does not build what the home holds; above is why.",
            "The home is as it was: go on with the former version.",
        )
    return done.stdout or ""


def take_over(home: Home, beside: Home, folder: Path) -> Iterator[str]:
    """Put what was built into the place of the home's databases and publish it, or go on with that.

    Raises:
        ExpectedFailure: a process of the home runs, something was written meanwhile, another version has begun the
            switch, or operations cannot be migrated.
    """
    refuse_running()
    remark("The switch: operations, databases, publication.")
    with backups.locked(home):
        if not home.upgrade_switching.exists():
            begin(home, beside, folder)
        switch = begun(home)
        saved = Path(switch["folder"])
        refuse_other_code(switch["code"], saved)
        refuse_written_since(home, beside, saved)
        with going_on(saved):
            replace(home, beside)
    with going_on(saved):
        yield from builds.publish(builds.targets(live=False, daily=False))
    shutil.rmtree(beside.root)
    yield (
        f"The home is taken over. Start the services. To go back: stop them, `cyberimpact restore {saved}`, and "
        "start the former version."
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
            "Stop them, `systemctl stop 'cyberimpact*'` or `make down`, and repeat the command.",
        )


def begin(home: Home, beside: Home, folder: Path) -> None:
    """Note that the switch has begun, from where it only goes on; the caller holds the locks of both databases.

    Raises:
        ExpectedFailure: something was written since the backup was made.
    """
    if not backups.holds_all(folder, home):
        raise changed_since(folder)
    (beside.root / PREPARED).rename(home.upgrade_switching)


def refuse_other_code(code: str, folder: Path) -> None:
    """Check that the version that has begun the switch is the one that runs.

    Raises:
        ExpectedFailure: it is another one.
    """
    if code != code_version():
        raise ExpectedFailure(
            f"The version {code} has begun to take this home over.",
            f"Finish with that version, or go back: `cyberimpact restore {folder}`.",
        )


def refuse_written_since(home: Home, beside: Home, folder: Path) -> None:
    """Check that nothing was written into a database that is still to be replaced since the switch began.

    Raises:
        ExpectedFailure: something was: it would be lost. Or the backup, which says so, is not there.
    """
    pending = [file for file in (home.live, home.warehouse) if (beside.root / file.name).exists()]
    if not pending:
        return
    if not (folder / backups.MANIFEST).exists():
        raise ExpectedFailure(
            f"The backup of this upgrade is not in {folder}.",
            "Have its disk there and repeat the command with --switch; if it is lost, remove "
            f"{beside.root}, and begin again with a new folder: there is then no way back to the former version.",
        )
    files = backups.manifest(folder)["files"]
    for file in pending:
        for path in (file, log_of(file)):
            # A log that is gone was removed by a switch that was killed then: who writes it changes the file too.
            if path.exists() and (path.name not in files or digest_of(path) != files[path.name]["sha256"]):
                raise ExpectedFailure(
                    f"{path.name} was written after the switch had begun.",
                    f"Remove {beside.root}, and begin again with a new folder.",
                )


@contextmanager
def going_on(folder: Path) -> Generator[None]:
    """Add to what fails in the block how the switch goes on, and how to go back.

    Raises:
        ExpectedFailure: what failed.
    """
    try:
        with disk.explained():
            yield
    except ExpectedFailure as failure:
        raise ExpectedFailure(failure.what, f"{failure.remedy} {to_go_on(folder)}") from failure


def replace(home: Home, beside: Home) -> None:
    """Migrate the operations, and put each database that was built into the place of the home's.

    Raises:
        ExpectedFailure: operations cannot be migrated, or another machine of the home is active.
    """
    database.migrate()
    if home.node:
        active.refuse_in_reserve(home.node)
    home_format.mark(home.root)
    for file in (home.live, home.warehouse):
        replace_database(beside.root / file.name, file)
    flush(home.root)


def replace_database(built: Path, file: Path) -> None:
    """Put a DuckDB file in the place of another one; what was moved already stays."""
    if built.exists():
        log_of(file).unlink(missing_ok=True)
        built.replace(file)
    if log_of(built).exists():
        log_of(built).replace(log_of(file))


def log_of(file: Path) -> Path:
    """Return DuckDB's log of what is not in a file yet."""
    return file.with_name(f"{file.name}.wal")
