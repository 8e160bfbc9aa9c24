"""The Dagster instance of a home, and the environment that its processes share."""

import os
from pathlib import Path

import dagster as dg
import yaml

from core import settings
from warehouse import dbt_project

SETTINGS = Path(__file__).with_name("dagster.yaml")


def prepare() -> None:
    """Point this process and those it starts at the home: Dagster's folder, with its settings, and dbt's.

    Raises:
        ExpectedFailure: the setting of Dagster's database is no address of PostgreSQL.
    """
    settings.keep_private()
    dagster_home = settings.home().dagster
    settings.make_folder(dagster_home)
    url = settings.dagster_database_url()
    if url is None:
        link(SETTINGS, dagster_home / "dagster.yaml")
    else:
        os.environ[settings.DAGSTER_SETTING] = url  # it may stand in .env only, which Dagster does not read
        write(on_postgresql(), dagster_home / "dagster.yaml")
    os.environ.update(dbt_project.environment())
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def on_postgresql() -> str:
    """Return the settings with PostgreSQL as storage; the address stays in the environment."""
    given = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    del given["event_log_storage"]
    given["storage"] = {"postgres": {"postgres_url": {"env": settings.DAGSTER_SETTING}}}
    return yaml.safe_dump(given)


def link(target: Path, name: Path) -> None:
    """Make `name` a symbolic link to `target`, in one atomic step."""
    if name.is_symlink() and name.readlink() == target:
        return
    temporary = name.with_name(f".{name.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(name)


def write(text: str, name: Path) -> None:
    """Give a file its content, in one atomic step."""
    if not name.is_symlink() and name.exists() and name.read_text() == text:
        return
    temporary = name.with_name(f".{name.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(name)


def get() -> dg.DagsterInstance:
    """Return the instance of the current home, prepared if it is new."""
    prepare()
    return dg.DagsterInstance.get()
