"""The Dagster instance of a home, and the environment that its processes share."""

import os
from pathlib import Path

import dagster as dg

from core import settings
from warehouse import dbt_project


def prepare() -> None:
    """Point this process and those it starts at the home: Dagster's folder, with the checkout's settings, and dbt's."""
    settings.keep_private()
    dagster_home = settings.home().dagster
    settings.make_folder(dagster_home)
    link(settings.CHECKOUT / "dagster.yaml", dagster_home / "dagster.yaml")
    os.environ.update(dbt_project.environment())
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def link(target: Path, name: Path) -> None:
    """Make `name` a symbolic link to `target`, in one atomic step."""
    if name.is_symlink() and name.readlink() == target:
        return
    temporary = name.with_name(f".{name.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(name)


def get() -> dg.DagsterInstance:
    """Return the instance of the current home, prepared if it is new."""
    prepare()
    return dg.DagsterInstance.get()
