"""How this home reaches Superset: bundle, policies, session, address of its data. Their content is in `superset/`."""

import json
import subprocess
from pathlib import Path

from supersync import bundle as bundles
from supersync import policies as access
from supersync.bundle import Bundle
from supersync.client import Client
from supersync.policies import Policies

from ingestion import settings
from ingestion.errors import ExpectedFailure
from orchestration import project, stack
from orchestration.published import DAILY

BUNDLE_DIR = settings.CHECKOUT / "superset" / "bundle"
POLICIES_DIR = settings.CHECKOUT / "superset" / "policies"
SEEDS_DIR = settings.CHECKOUT / "dbt_project" / "seeds"


def bundle() -> Bundle:
    """Return the bundle, expanded with the manifest of the current code."""
    return bundles.load(BUNDLE_DIR, project.manifest())


def policies(shown: Bundle) -> Policies:
    """Return who may see what of a bundle; the accounts from the file of this deployment, if it has one."""
    users = settings.get("CYBERIMPACT_SUPERSET_USERS")
    return access.load(POLICIES_DIR, shown, seeds=SEEDS_DIR, users=Path(users) if users else None)


def client() -> Client:
    """Return a session of the administrator, not yet opened."""
    return Client(settings.superset_url(), "admin", settings.require("SUPERSET_ADMIN_PASSWORD"))


def session(account: str) -> dict[str, str]:
    """Return the cookies of a session of one of the platform's own accounts, which has no password.

    Raises:
        ExpectedFailure: there is no such account, or Superset's environment is not whole.
    """
    command = [stack.SUPERSET_PYTHON, stack.SUPERSET_SERVER, "session", account]
    done = subprocess.run(command, env=stack.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExpectedFailure(
            f"Superset gives no session to {account}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}",
            "`cyberimpact superset apply` makes the accounts of the policies.",
        )
    return json.loads(done.stdout.splitlines()[-1])


def database_uri() -> str:
    """Return the SQLAlchemy address of this home's published copy, by its `current` link."""
    return f"duckdb:///{DAILY.link(settings.home())}"
