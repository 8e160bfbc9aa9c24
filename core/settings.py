"""Settings and paths, from the environment, and from the files of an installation or the `.env` of a checkout."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, overload
from urllib.parse import urlsplit

from dotenv import load_dotenv

from core import denied, home_format, installation
from core.errors import ExpectedFailure

#: Where the code lies, and the data files that belong to it: the checkout, or `site-packages` of the wheel.
CODE = Path(__file__).resolve().parent.parent
#: The same for what only developers do.
CHECKOUT = CODE
IS_CHECKOUT = (CODE / "pyproject.toml").is_file()

#: A new table or column of a platform is kept and reported; a column whose type flips is refused (dlt schema contract).
SCHEMA_CONTRACT = {"tables": "evolve", "columns": "evolve", "data_type": "freeze"}


#: What this account writes is for it alone. Each process says so when it starts (`keep_private`).
UMASK = 0o077
#: The names by which a browser on this machine reaches a service on loopback.
LOOPBACK = ("127.0.0.1", "localhost")
PORTS = range(1, 65536)
#: The name of this machine, where several share a home.
NODE_SETTING = "CYBERIMPACT_NODE"
NODE_NAME = "[a-z0-9][a-z0-9-]*"
OPERATIONS_SETTING = "CYBERIMPACT_OPERATIONS_DATABASE"
DAGSTER_SETTING = "CYBERIMPACT_DAGSTER_DATABASE"
DEFAULT_PORTS = {
    "dagster": "3000",
    "superset": "8088",
    "sandbox": "8090",
    "web": "8091",
    "mailbox": "8025",
    # Of a Spark cluster on this machine: its master, its driver, and the pages of both.
    "spark_master": "7077",
    "spark_master_ui": "8180",
    "spark": "15002",
    "spark_ui": "4040",
}
#: Former names of settings, read where the new name is absent.
FORMER_NAMES = {"CYBERIMPACT_WEB_PORT": "CYBERIMPACT_API_PORT", "CYBERIMPACT_WEB_URL": "CYBERIMPACT_API_URL"}


@dataclass(frozen=True)
class Home:
    """Every path the platform writes to, below one root. Two homes share nothing.

    Attributes:
        root: The folder.
        configuration: Where its configuration lies, if not in the folder.
        node: The name of this machine, where several share the folder; see `operations.active`.
    """

    root: Path
    configuration: Path | None = None
    node: str | None = None

    @property
    def warehouse(self) -> Path:
        """DuckDB file of the daily loads and the daily build."""
        return self.root / "warehouse.duckdb"

    @property
    def live(self) -> Path:
        """DuckDB file of what is loaded in micro-batches: listening and chat."""
        return self.root / "live.duckdb"

    @property
    def operations(self) -> Path:
        """SQLite file of what people decide and are notified of, where `operations_url` names no server."""
        return self.root / "operations.sqlite"

    @property
    def operations_elsewhere(self) -> Path:
        """Says that operations are on PostgreSQL: where its address is lost, they do not begin anew in a file."""
        return self.root / "operations.postgresql"

    def database(self, name: Literal["warehouse", "live"]) -> Path:
        """Return the DuckDB file in which a platform's raw tables live."""
        return self.warehouse if name == "warehouse" else self.live

    @property
    def config(self) -> Path:
        """What belongs to the installation: sites, accounts, categories of the chat; see `ingestion.configuration`."""
        return self.configuration or self.root / "config"

    @property
    def published(self) -> Path:
        """Read-only copies, one folder per target (`daily`, `live`), each with its `current` link."""
        return self.root / "published"

    @property
    def evidence(self) -> Path:
        """The evidence of published figures, in files named by their SHA-256; see `audit.evidence`."""
        return self.root / "evidence"

    @property
    def ledger(self) -> Path:
        """What each daily publication has changed, append-only; see `audit.ledger`."""
        return self.root / "ledger"

    @property
    def feeling_models(self) -> Path:
        """Models of feelings, with a `current` link to the one in service; see `analytics.text.service`."""
        return self.root / "models" / "feeling"

    @property
    def lake(self) -> Path:
        """The Parquet files that Spark reads and writes, one folder per target; see `warehouse.spark.lake`."""
        return self.root / "lake"

    @property
    def raw_lake(self) -> Path:
        """Parquet files of the platforms whose raw tables lie in a lake; see `ingestion.engine.raw_lake`."""
        return self.root / "raw_lake"

    @property
    def spark(self) -> Path:
        """What a Spark cluster on this machine keeps: its catalogue and the scratch space of its workers."""
        return self.root / "spark"

    @property
    def drop(self) -> Path:
        """Drop folders, one per platform."""
        return self.root / "drop"

    @property
    def fetched(self) -> Path:
        """Which files of drop folders elsewhere were taken; see `ingestion.engine.remote_folders`."""
        return self.root / "fetched"

    @property
    def uploads(self) -> Path:
        """Files that were sent to a page and are not in a drop folder yet; on the file system of `drop`."""
        return self.root / "uploads"

    @property
    def locks(self) -> Path:
        """The writer locks of DuckDB files; see `core.locks`."""
        return self.root / "locks"

    @property
    def logs(self) -> Path:
        """Logs, of each machine in a folder of its own."""
        return self.root / "logs" / (self.node or "")

    @property
    def run(self) -> Path:
        """Process ids, sockets and generated configuration of the processes of one machine."""
        return self.root / "run" / (self.node or "")

    @property
    def verifications(self) -> Path:
        """Verifications that auditors have started on the pages, whichever machine runs them."""
        return self.root / "run" / "verifications"

    @property
    def dagster(self) -> Path:
        """`DAGSTER_HOME`: run history, events and schedules."""
        return self.root / "dagster"

    @property
    def dlt(self) -> Path:
        """Working folders of dlt; disposable, since its state is kept in the destination."""
        return self.root / "dlt"

    @property
    def dbt_target(self) -> Path:
        """Manifest, compiled SQL and run results of dbt."""
        return self.root / "dbt" / "target"

    @property
    def crises(self) -> Path:
        """Reports of the crises that were closed."""
        return self.root / "crises"

    @property
    def preview(self) -> Path:
        """Copies of the warehouse on which a preview builds; see `cli.preview`."""
        return self.root / "preview"

    @property
    def upgrade(self) -> Path:
        """A copy of the home, built by the version that is to take over; see `cli.upgrade`."""
        return self.root / "upgrade"

    @property
    def backup(self) -> Path:
        """What is being sent elsewhere; see `warehouse.offsite`."""
        return self.root / ".backup"

    @property
    def recent_backup(self) -> Path:
        """A copy of the operations and the ledger that is being sent elsewhere; see `warehouse.offsite`."""
        return self.root / ".recent-backup"

    @property
    def restore_drill(self) -> Path:
        """A backup on trial; see `audit.restore_drill`."""
        return self.root / ".restore-drill"

    @property
    def upgrade_switching(self) -> Path:
        """Says that the switch of an upgrade has begun, from where it only goes on; see `cli.upgrade`."""
        return self.upgrade / "switching.json"

    def working_copies(self) -> dict[str, Path]:
        """What is gone when the process that made it ends, but if it was killed, by what it is.

        An upgrade that was prepared and not switched stays too.
        """
        return {
            "preview": self.preview,
            "upgrade": self.upgrade,
            "backup": self.backup,
            "recent backup": self.recent_backup,
            "restore drill": self.restore_drill,
        }

    @property
    def sandbox(self) -> Path:
        """What the sandbox keeps: the waves that were staged, and the mails that it has caught."""
        return self.root / "sandbox"

    @property
    def superset(self) -> Path:
        """Metadata database and secrets-free state of Superset."""
        return self.root / "superset"


def keep_private() -> None:
    """Make what this process and its children write readable for their own account only."""
    os.umask(UMASK)


def make_folder(folder: Path) -> None:
    """Make a folder of the home, and those above it.

    Raises:
        ExpectedFailure: it cannot be made there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except PermissionError:
        raise denied.failure(folder, os.W_OK) from None
    except OSError as problem:
        raise ExpectedFailure(
            f"The folder {folder} cannot be made: {problem.strerror}.", "Set CYBERIMPACT_HOME to a folder of your own."
        ) from None


@cache
def _read_files() -> None:
    """Add what files set to the environment, which wins and which processes of ours inherit."""
    if file := installation.file():
        for name, value in installation.read(file).items():
            os.environ.setdefault(name, value)
    else:
        load_dotenv(CODE / ".env", override=False)


@overload
def get(name: str) -> str | None: ...
@overload
def get(name: str, default: str) -> str: ...
def get(name: str, default: str | None = None) -> str | None:
    """Return a setting from the environment, or from the files of the installation; the environment wins.

    Raises:
        ExpectedFailure: a file cannot be read.
    """
    _read_files()
    value = os.environ.get(name, "").strip() or os.environ.get(FORMER_NAMES.get(name, ""), "").strip()
    return value or default


def require(name: str) -> str:
    """Return a setting that has no safe default.

    Raises:
        ExpectedFailure: the setting is absent.
    """
    value = get(name)
    if value is None:
        raise ExpectedFailure(
            f"The setting {name} is absent.",
            "Run `make install`, which writes it to .env, or export it; "
            "an installation has it in cyberimpact.toml or in its folder of secrets.",
        )
    return value


def whole_number(name: str, default: int, unit: str) -> int:
    """Return a setting that counts something, 1 or more.

    Raises:
        ExpectedFailure: it is no such number.
    """
    text = get(name, str(default))
    if not text.isdecimal() or not int(text):
        raise ExpectedFailure(f"{name} is {text!r}, no number of {unit}.", "Set it to 1 or more.")
    return int(text)


def home() -> Home:
    """Return the home that `CYBERIMPACT_HOME` names, `var/` in a checkout by default.

    Raises:
        ExpectedFailure: none is named, it is something other than a folder, or a newer version has written there.
    """
    named = named_home()
    home_format.refuse_newer(named.root)
    return named


def named_home() -> Home:
    """Return the same home whatever version has written there, to put a backup into it.

    Raises:
        ExpectedFailure: none is named, or it is something other than a folder.
    """
    named, file = get("CYBERIMPACT_HOME"), installation.file()
    if named is None and not IS_CHECKOUT:
        raise ExpectedFailure(
            "No installation is named.",
            f"Set {installation.SETTING} to its cyberimpact.toml; `cyberimpact init FOLDER` makes one.",
        )
    root = Path(named or CODE / "var").expanduser().resolve()
    if root.exists() and not root.is_dir():
        raise ExpectedFailure(f"{root} is not a folder.", "Set CYBERIMPACT_HOME to a folder.")
    return Home(root, file.parent if file else None, node())


def node() -> str | None:
    """Return the name of this machine, None where no other one shares its home.

    Raises:
        ExpectedFailure: it is no name.
    """
    name = get(NODE_SETTING)
    if name is not None and not re.fullmatch(NODE_NAME, name):
        raise ExpectedFailure(f"{NODE_SETTING} is {name!r}.", "Use lower-case letters, digits and hyphens.")
    return name


def operations_url() -> str | None:
    """Return the address of the PostgreSQL database of operations, None for the SQLite file of the home.

    It may hold a password: it is shown nowhere.

    Raises:
        ExpectedFailure: it is no address of PostgreSQL.
    """
    return _postgresql_url(OPERATIONS_SETTING)


def dagster_database_url() -> str | None:
    """Return the address of the PostgreSQL database of Dagster's runs, events and schedules, None for SQLite files.

    It may hold a password: it is shown nowhere.

    Raises:
        ExpectedFailure: it is no address of PostgreSQL.
    """
    return _postgresql_url(DAGSTER_SETTING)


def _postgresql_url(setting: str) -> str | None:
    url = get(setting)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("postgresql", "postgres") and bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ExpectedFailure(
            f"{setting} is no address of a PostgreSQL database.",
            "Set it to postgresql://user:password@host:5432/database, or leave it empty for the file of the home.",
        )
    return url


def port(service: str) -> int:
    """Return the loopback port of a service, one of `DEFAULT_PORTS`.

    Raises:
        ExpectedFailure: the configured value is not a port number.
    """
    name = f"CYBERIMPACT_{service.upper()}_PORT"
    value = get(name, DEFAULT_PORTS[service])
    if not value.isdecimal() or int(value) not in PORTS:
        raise ExpectedFailure(
            f"{name} is {value!r}, which is not a port number.", "Set it to a number from 1 to 65535."
        )
    return int(value)


def superset_url() -> str:
    return get("CYBERIMPACT_SUPERSET_URL", f"http://127.0.0.1:{port('superset')}")


def dagster_url() -> str:
    """Return where people reach Dagster's pages: the loopback address, unless a gateway serves them elsewhere."""
    return get("CYBERIMPACT_DAGSTER_URL", f"http://127.0.0.1:{port('dagster')}").rstrip("/")


def trusted_hosts(url: str) -> list[str]:
    """Return the names of this host that a request may bear: those of loopback, and that of a service's address."""
    return sorted({*LOOPBACK, urlsplit(url).hostname or LOOPBACK[0]})


def web_url() -> str:
    """Return where people reach the pages: the loopback address, unless a gateway serves them elsewhere."""
    return get("CYBERIMPACT_WEB_URL", f"http://127.0.0.1:{port('web')}").rstrip("/")
