"""Superset's own environment: its Python, its server, its environment variables, its sessions."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from core import settings
from core.errors import ExpectedFailure

#: Its environment lies beside the platform's own.
PYTHON = Path(sys.prefix).with_name(".venv-superset") / "bin" / "python"
METADATA_SETTING = "CYBERIMPACT_SUPERSET_METADATA_URI"
SERVER = settings.CODE / "superset" / "server" / "server.py"


def metadata_url() -> str | None:
    """Return the address of Superset's metadata as PostgreSQL's own tools take it, None where they are a file."""
    dialect, _, address = (settings.get(METADATA_SETTING) or "").partition("://")
    return f"postgresql://{address}" if dialect.partition("+")[0] == "postgresql" else None


def environment() -> dict[str, str]:
    """Return the variables that Superset's processes of the current home read, secrets included."""
    home = settings.home()
    return {
        "CYBERIMPACT_HOME": str(home.root),
        "SUPERSET_HOME": str(home.superset),
        "SUPERSET_SECRET_KEY": settings.require("SUPERSET_SECRET_KEY"),
        "SUPERSET_ADMIN_PASSWORD": settings.require("SUPERSET_ADMIN_PASSWORD"),
        "CYBERIMPACT_SUPERSET_PORT": str(settings.port("superset")),
        "CYBERIMPACT_DAGSTER_PORT": str(settings.port("dagster")),
        "CYBERIMPACT_WEB_PORT": str(settings.port("web")),
        "CYBERIMPACT_WEB_URL": settings.get("CYBERIMPACT_WEB_URL", ""),
    }


def session(account: str) -> dict[str, str]:
    """Return the cookies of a session of one of the platform's own accounts, which has no password.

    Raises:
        ExpectedFailure: there is no such account, or Superset's environment is not whole.
    """
    command = [PYTHON, SERVER, "session", account]
    done = subprocess.run(command, env=os.environ | environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExpectedFailure(
            f"Superset gives no session to {account}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}",
            "`cyberimpact superset apply` makes the accounts of the policies.",
        )
    return json.loads(done.stdout.splitlines()[-1])


def move() -> dict[str, int]:
    """Move Superset's metadata from the file of the home to the PostgreSQL database that the setting names.

    Returns:
        The number of rows by table.

    Raises:
        ExpectedFailure: no database is named, it has accounts, or one of them cannot be used.
    """
    settings.require(METADATA_SETTING)
    done = subprocess.run(
        [PYTHON, SERVER, "move"], env=os.environ | environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it does not say why."])[-1]
        raise ExpectedFailure(f"Superset's metadata were not moved: {why}", "The file of the home is as it was.")
    return json.loads(done.stdout.splitlines()[-1])


def dashboard_path(slug: str, territory: str | None = None) -> str:
    """Return the path of a dashboard on the server.

    Args:
        slug: The dashboard.
        territory: Name of the territory that its filter is set to, None for what it opens with.
    """
    path = f"/superset/dashboard/{slug}/"
    if territory is None:
        return path
    value = "'" + territory.replace("!", "!!").replace("'", "!'") + "'"
    chosen = (
        f"(NATIVE_FILTER-territory:(id:NATIVE_FILTER-territory,ownState:(),"
        f"extraFormData:(filters:!((col:territory_name,op:IN,val:!({value})))),"
        f"filterState:(label:{value},value:!({value}))))"
    )
    return f"{path}?native_filters={quote(chosen)}"
