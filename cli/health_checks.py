"""Checks of an installation: what is missing, late or broken, each with its remedy. They change nothing."""

import importlib.metadata
import os
import shlex
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import duckdb

from audit import restore_drill, signing
from cli import supervisor, systemd
from core import certificates, installation, settings, superset
from core.errors import ExpectedFailure
from core.finding import Finding, State
from core.locks import writer_lock, writer_lock_if_free
from core.settings import Home
from ingestion import configuration
from ingestion.engine import drop_folder, remote_folders
from ingestion.platforms import PLATFORMS, Platform
from operations import active, mail, mail_subscriptions, subscriptions
from operations.alerts import links, outbox
from operations.bus import broker
from operations.health import BUILD_AGAIN, disk, load_again, load_file_again
from operations.inbox import deliveries
from operations.models import KNOWN_FOR
from warehouse import offsite, published
from warehouse.engine import engine
from warehouse.publication import SOUND

#: Age of an alert that no server has taken, from which a person is needed.
UNDELIVERED_AFTER = timedelta(minutes=5)

#: So much may the clock of this machine be corrected without a word.
TOLERATED = timedelta(minutes=2)

#: A certificate that ends sooner is to be renewed.
RENEWED_BEFORE = timedelta(days=21)

#: What others send is loaded within a minute or two, unless a long load of the same file is under way.
SENT_LOADED_AFTER = timedelta(minutes=30)

#: Superset is asked for the accounts of subscriptions every few minutes.
UNCHECKED_AFTER = timedelta(hours=1)


def examine(home: Home) -> list[Finding]:
    """Return the findings, in the order in which things depend on each other."""
    return [
        *environments(), *configuration_files(), disk(home), modes(home), *clock(home), *processes(), *machines(home),
        *certificates_shown(), *loads(home),
        *drop_folders(home), *folders_elsewhere(), *engine_checks(home), build(home), publication(home),
        *working_copies(home), *offsite_backups(), *alerts(), *message_bus(), *inbox(),
    ]  # fmt: skip


def message_bus() -> Iterator[Finding]:
    """Check that the message bus answers, where there is one, and that it holds no dead letters."""
    try:
        if broker.url() is None:
            return
        with broker.connected() as connection:
            letters = broker.dead_letters(connection)
    except ExpectedFailure as failure:
        yield Finding("bus", "broken", failure.what, failure.remedy)
        return
    remedy = "read their header x-cyberimpact-reason, tell the sender, empty the queue" if letters else ""
    yield Finding("bus", "late" if letters else "ok", f"{letters} dead letters", remedy)


def inbox() -> Iterator[Finding]:
    """Check that what others have sent is loaded, where they have."""
    try:
        counts = deliveries.counts()
    except ExpectedFailure as failure:
        yield Finding("inbox", "broken", failure.what, failure.remedy)
        return
    for name in sorted({row["platform"] for row in counts}):
        rows = [row for row in counts if row["platform"] == name]
        since = min((row["oldest"] for row in rows if row["oldest"]), default=None)
        refused, waiting = sum(row["refused"] for row in rows), sum(row["waiting"] for row in rows)
        if refused:
            remedy = f"read the log of its load, mend the cause, `cyberimpact inbox retry {name}`"
            yield Finding(f"inbox of {name}", "broken", f"a load broke on {refused} deliveries", remedy)
        elif since is not None and since < datetime.now(UTC) - SENT_LOADED_AFTER:
            detail = f"{waiting} deliveries wait, the oldest since {since:%Y-%m-%d %H:%M} UTC"
            yield Finding(f"inbox of {name}", "late", detail, f"cyberimpact load {name}")
        else:
            yield Finding(f"inbox of {name}", "ok", f"{waiting} deliveries wait")


def environments() -> Iterator[Finding]:
    """Check the settings, and that both environments have the same DuckDB."""
    ours = importlib.metadata.version("duckdb")
    yield Finding("platform environment", "ok", f"duckdb {ours}, dbt-core {importlib.metadata.version('dbt-core')}")
    if not superset.PYTHON.exists():
        yield Finding("Superset environment", "broken", ".venv-superset is absent", "make install")
    else:
        asked = subprocess.run(
            [superset.PYTHON, "-c", "import importlib.metadata as m; print(m.version('duckdb'))"],
            capture_output=True,
            text=True,
            check=False,
        )
        theirs = asked.stdout.strip() or "missing"
        same = theirs == ours
        yield Finding(
            "Superset environment", "ok" if same else "broken", f"duckdb {theirs}", "" if same else "make install"
        )
    for name in ("SUPERSET_SECRET_KEY", "SUPERSET_ADMIN_PASSWORD"):
        if settings.get(name) is None:
            yield Finding(name, "broken", "not set", "make install, which writes it to .env")
    try:
        key = signing.private_key()
    except ExpectedFailure as failure:
        yield Finding(signing.SETTING, "broken", failure.what, failure.remedy)
        return
    if key is None:
        yield Finding(signing.SETTING, "late", "not set: publications are not signed", "make install")
    else:
        yield Finding(signing.SETTING, "ok", f"public key {signing.fingerprint(key.public_key())}")


def configuration_files() -> Iterator[Finding]:
    """Check the files that the installation has written; a wrong one stops the loads that need it."""
    for name in filter(configuration.has_own, configuration.READERS):
        try:
            yield Finding(f"config/{name}", "ok", configuration.check(name))
        except ExpectedFailure as failure:
            yield Finding(f"config/{name}", "broken", failure.what, failure.remedy)


def modes(home: Home) -> Finding:
    """Check that other accounts may open no file of the home, and that all belong to one account."""
    paths = [home.root, *home.root.rglob("*")] if home.root.exists() else []
    known = [(path, status) for path in paths if not path.is_symlink() and (status := status_of(path))]
    opened = [path for path, status in known if stat.S_IMODE(status.st_mode) & settings.UMASK]
    foreign = [path for path, status in known if status.st_uid != known[0][1].st_uid]
    root = shlex.quote(str(home.root))
    if foreign:
        detail = f"{len(foreign)} belong to another account than the data: {named(foreign, home)}"
        return Finding("files", "broken", detail, f"chown -R --reference={root} {root}")
    if opened:
        detail = f"{len(opened)} are open to other accounts: {named(opened, home)}"
        return Finding("files", "broken", detail, f"chmod -R go-rwx {root}")
    return Finding("files", "ok", "for this account only")


def named(paths: list[Path], home: Home) -> str:
    return ", ".join(str(path.relative_to(home.root.parent)) for path in sorted(paths)[:3])


def status_of(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None  # it was removed meanwhile


def processes() -> Iterator[Finding]:
    """Check that each process answers; in a checkout, that their supervisor runs."""
    if installation.file():
        for program in filter(lambda program: program.is_asked, systemd.programs().values()):
            up = supervisor.answers(program)
            remedy = "" if up else f"systemctl status {systemd.PREFIX}-{program.name}"
            yield Finding(program.name, "ok" if up else "broken", program.address, remedy)
        return
    pid = supervisor.supervisor_pid()
    if pid is None:
        yield Finding("supervisor", "broken", "not running in this home", "make up")
        return
    yield Finding("supervisor", "ok", f"process {pid}")
    for program in supervisor.programs():
        up = supervisor.answers(program) if program.is_asked else supervisor.runs(program)
        log = settings.home().logs / f"{program.name}.log"
        yield Finding(program.name, "ok" if up else "broken", program.address, "" if up else f"read {log}")


def machines(home: Home) -> Iterator[Finding]:
    """Check that one of the machines that share the home is active."""
    if home.node is None:
        return
    try:
        lease = active.read()
    except ExpectedFailure as failure:
        yield Finding("active machine", "broken", failure.what, failure.remedy)
        return
    if active.is_renewed(lease):
        yield Finding("active machine", "ok", f"{lease.node or 'none yet'}; this one is {home.node}")
    else:
        detail = f"none: {lease.node} is silent since {lease.renewed_at:%Y-%m-%d %H:%M} UTC"
        yield Finding("active machine", "broken", detail, "start dagster-daemon on one of them")


def certificates_shown() -> Iterator[Finding]:
    """Check that the certificates of the public addresses are good, and for how long."""
    urls = {settings.web_url(), settings.superset_url(), settings.dagster_url()}
    for url in sorted(url for url in urls if url.startswith("https:")):
        subject = f"certificate of {urlsplit(url).netloc}"
        try:
            end = certificates.good_until(url)
        except ExpectedFailure as failure:
            yield Finding(subject, "broken", failure.what, failure.remedy)
            continue
        late = end - datetime.now(UTC) < RENEWED_BEFORE
        detail = f"good until {end:%Y-%m-%d %H:%M} UTC"
        yield Finding(subject, "late" if late else "ok", detail, "renew it, and reload the gateway" if late else "")


def engine_checks(home: Home) -> Iterator[Finding]:
    """Check what builds needs beside this machine's files: a cluster, where one builds."""
    try:
        yield from engine().examine(home)
    except ExpectedFailure as failure:
        yield Finding("engine", "broken", failure.what, failure.remedy)


#: Last loads in UTC, from the daily copy; those of the live platforms are as old as its build.
LAST_LOADS = "select platform, cast(last_loaded_at as timestamp) from audit.freshness"
LAST_LIVE_LOADS = """
    select platform, cast(last_loaded_at as timestamp) from live_serving.signals.live_state
    where last_loaded_at is not null
"""


def loads(home: Home) -> Iterator[Finding]:
    """Check the age of each platform's last load, as the published copy has it."""
    try:
        connection = published.connect(home)
    except ExpectedFailure:
        return  # `publication` says why
    with connection:
        last = dict(connection.execute(LAST_LOADS).fetchall())
        with suppress(duckdb.BinderException, duckdb.CatalogException):  # nothing live, or of an older version
            last |= dict(connection.execute(LAST_LIVE_LOADS).fetchall())
    for platform in PLATFORMS:
        yield age(platform, last.get(platform.name))


def clock(home: Home) -> Iterator[Finding]:
    """Check that nothing was published in the future. A clock that is wrong now shows when a platform answers."""
    for copy in published.COPIES.values():
        file = published.current(home, copy)
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC) if file else None
        if at and at > datetime.now(UTC) + TOLERATED:
            detail = f"the copy {copy.target} was published at {at:%Y-%m-%d %H:%M} UTC, which lies in the future"
            yield Finding("clock", "late", detail, "timedatectl: the clock of this machine is wrong, or was")


def age(platform: Platform, loaded_at: datetime | None) -> Finding:
    subject, remedy = platform.name, load_again(platform)
    if loaded_at is None:
        return Finding(subject, "late", "never loaded", remedy)
    elapsed = max(datetime.now(UTC) - loaded_at.replace(tzinfo=UTC), timedelta(0))  # the clock may have been wrong
    late = elapsed > platform.late_after
    return Finding(subject, "late" if late else "ok", f"loaded {shown(elapsed)} ago", remedy if late else "")


def shown(elapsed: timedelta) -> str:
    return f"{elapsed.days} days" if elapsed.days else f"{elapsed.seconds // 3600} h"


def drop_folders(home: Home) -> Iterator[Finding]:
    """Check for files that were dropped and are still there: refused, or not seen because nothing runs."""
    for platform in PLATFORMS:
        folder = home.drop / platform.name
        files = (
            (path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink())
            if folder.is_dir()
            else ()
        )
        waiting = sorted(name.encode(errors="replace").decode() for name in files)
        for sentence in drop_folder.refused(folder):
            yield Finding(f"drop/{platform.name}", "late", sentence, "remove it, and put the file itself there")
        if waiting:
            yield Finding(
                f"drop/{platform.name}",
                "late",
                f"{len(waiting)} file(s) waiting: {', '.join(waiting[:3])}",
                load_file_again(platform),
            )


def folders_elsewhere() -> Iterator[Finding]:
    """Check that the folders from which files are fetched can be read, and that each file there has a fit name."""
    for platform in remote_folders.addressed():
        subject = f"folder of {platform.name}"
        try:
            found = remote_folders.look(platform)
        except ExpectedFailure as failure:
            yield Finding(subject, "broken", failure.what, failure.remedy)
            continue
        yield Finding(subject, "ok", f"{len(found.pending)} file(s) to fetch")
        for sentence in found.refused:
            yield Finding(subject, "late", sentence, "have its owner give it another name, or remove it")


def alerts() -> Iterator[Finding]:
    """Check who receives alerts, whether they can be sent, and which no server has taken yet."""
    try:
        wanted = subscriptions.declared()
        undelivered = outbox.undelivered(datetime.now(UTC) - UNDELIVERED_AFTER)
        of_pages, checked_at = mail_subscriptions.last_check()
    except ExpectedFailure as failure:
        yield Finding("subscriptions", "broken", failure.what, failure.remedy)
        return
    yield Finding("subscriptions", "ok", f"{len(wanted)} in {subscriptions.file().name} and on pages")
    if checked_at is not None:
        yield accounts(of_pages, datetime.now(UTC) - checked_at)
    if mail.is_configured() or any(subscription.channel == "mail" for subscription in wanted):
        yield from mail_server()
    if wanted and not links.are_possible():
        yield Finding(links.KEY_SETTING, "late", "not set: alerts leave without links", "make install")
    for channel, attempts, why in undelivered:
        yield Finding(f"alert by {channel}", "late", f"not taken after {attempts} attempts", why or "")


def mail_server() -> Iterator[Finding]:
    """Check that mails leave, and whether they leave this machine."""
    try:
        server = mail.server()
    except ExpectedFailure as failure:
        yield Finding("mail", "broken", failure.what, failure.remedy)
        return
    if server.is_loopback and server.port == settings.port("mailbox"):
        said = "goes to the sandbox's mailbox, and to no person"
        yield Finding("mail", "ok", said, "for real alerts, name your server in .env")


def accounts(count: int, elapsed: timedelta) -> Finding:
    """Check since when it is known what Superset grants the accounts that have subscribed on pages."""
    said = f"{count} on pages, checked with Superset {shown(elapsed)} ago"
    if elapsed < UNCHECKED_AFTER:
        return Finding("their accounts", "ok", said)
    end, remedy = f"{KNOWN_FOR.days} days", f"read {settings.home().logs / 'watch.log'}"
    if elapsed < KNOWN_FOR:
        return Finding("their accounts", "late", f"{said}: after {end} they get no mail", remedy)
    return Finding("their accounts", "broken", f"{said}: beyond {end} they get no mail", remedy)


class BusyError(Exception):
    """The warehouse is being written."""


def give_up(holder: str) -> NoReturn:
    raise BusyError(holder)


def build(home: Home) -> Finding:
    """Check the last build, unless the warehouse is being written."""
    if not home.warehouse.exists():
        return Finding("build", "late", "the warehouse is empty", BUILD_AGAIN)
    try:
        with (
            writer_lock(home.warehouse, on_wait=give_up),  # a reader would stop a writer that starts now
            duckdb.connect(str(home.warehouse), read_only=True) as connection,
        ):
            rows = connection.execute(
                "select status, count(unique_id) from audit.build_status group by 1 order by 1"
            ).fetchall()
    except duckdb.CatalogException:
        return Finding("build", "late", "nothing was built yet", BUILD_AGAIN)
    except BusyError as busy:
        return Finding("build", "ok", str(busy))
    except duckdb.IOException as problem:
        return Finding(
            "build", "broken", str(problem).splitlines()[0], "close what has it open; if damaged, move it away"
        )
    counts = dict(rows)
    detail = ", ".join(f"{number} {status}" for status, number in counts.items())
    broken = counts.keys() - SOUND
    return Finding("build", "broken" if broken else "ok", detail, BUILD_AGAIN if broken else "")


def publication(home: Home) -> Finding:
    """Check the published copy."""
    try:
        connection = published.connect(home)
    except ExpectedFailure as failure:
        state: State = "late" if published.current(home, published.DAILY) is None else "broken"
        return Finding("publication", state, failure.what, failure.remedy)
    with connection:
        query = "select publication_id, data_as_of from audit.publication"
        [(publication_id, as_of)] = connection.execute(query).fetchall()
    return Finding("publication", "ok", f"{publication_id}, {f'data as of {as_of}' if as_of else 'no data yet'}")


def working_copies(home: Home) -> Iterator[Finding]:
    """Check for copies of the databases that no process works on any more."""
    for what, folder in home.working_copies().items():
        if folder.exists():
            with writer_lock_if_free(folder) as is_free:
                if is_free:
                    begun = folder == home.upgrade and home.upgrade_switching.exists()
                    remedy = "cyberimpact upgrade FOLDER --switch" if begun else "cyberimpact purge"
                    yield Finding(what, "late", "copies of the databases that no process uses", remedy)


def offsite_backups() -> Iterator[Finding]:
    """Check that a recent backup lies elsewhere, where one is to."""
    try:
        if not offsite.is_set():
            return
        stored = offsite.Store().complete()
    except ExpectedFailure as failure:
        yield Finding("backups elsewhere", "broken", failure.what, failure.remedy)
        return
    late = not stored or stored[-1].made_at < datetime.now(UTC) - restore_drill.OLDEST
    detail = f"{len(stored)}, the last of {stored[-1].made_at:%Y-%m-%d %H:%M} UTC" if stored else "none"
    yield Finding("backups elsewhere", "late" if late else "ok", detail, "cyberimpact offsite send" if late else "")
