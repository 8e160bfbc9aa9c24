"""How this home reaches Superset: bundle, session, address of its data. What is shown belongs in `superset/bundle`."""

from supersync import bundle as bundles
from supersync.bundle import Bundle
from supersync.client import Client

from ingestion import settings
from orchestration import project
from orchestration.published import DAILY

BUNDLE_DIR = settings.CHECKOUT / "superset" / "bundle"


def bundle() -> Bundle:
    """Return the bundle, expanded with the manifest of the current code."""
    return bundles.load(BUNDLE_DIR, project.manifest())


def client() -> Client:
    """Return a session of the administrator, not yet opened."""
    return Client(settings.superset_url(), "admin", settings.require("SUPERSET_ADMIN_PASSWORD"))


def database_uri() -> str:
    """Return the SQLAlchemy address of this home's published copy, by its `current` link."""
    return f"duckdb:///{DAILY.link(settings.home())}"
