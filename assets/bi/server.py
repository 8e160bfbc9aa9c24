"""How this home reaches Superset: bundle, policies, client, database address."""

from functools import cache
from pathlib import Path

from supersync import bundle as bundles
from supersync import policies as access
from supersync.bundle import Bundle
from supersync.client import Client
from supersync.policies import Policies

from core import settings
from warehouse import dbt_project
from warehouse.published import DAILY

BUNDLE_DIR = settings.CODE / "superset" / "bundle"
POLICIES_DIR = settings.CODE / "superset" / "policies"
SEEDS_DIR = settings.CODE / "dbt_project" / "seeds"


@cache
def bundle() -> Bundle:
    """Return the bundle, expanded with the manifest of the current code."""
    return bundles.load(BUNDLE_DIR, dbt_project.manifest())


def policies(shown: Bundle) -> Policies:
    """Return who may see what of a bundle; the accounts from the file of this deployment, if it has one."""
    users = settings.get("CYBERIMPACT_SUPERSET_USERS")
    return access.load(POLICIES_DIR, shown, seeds=SEEDS_DIR, users=Path(users) if users else None)


def client() -> Client:
    """Return a session of the administrator, not yet opened."""
    return Client(settings.superset_url(), "admin", settings.require("SUPERSET_ADMIN_PASSWORD"))


def database_uri() -> str:
    """Return the SQLAlchemy address of this home's published copy, by its `current` link."""
    return f"duckdb:///{DAILY.link(settings.home())}"
