"""The engine for a PostgreSQL database."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from django.db.backends.postgresql import base

from core import settings
from operations.database import FollowsHome


class DatabaseWrapper(FollowsHome, base.DatabaseWrapper):
    """Connects to the address of the setting."""

    def place(self) -> tuple[str, int]:
        return str(settings.operations_url()), 1

    def get_connection_params(self) -> dict:
        settings.make_folder(settings.home().root)
        settings.home().operations_elsewhere.touch(mode=0o600)
        return super().get_connection_params()

    @contextmanager
    def alone(self) -> Generator[None]:
        with psycopg.connect(**self.get_connection_params()) as lock:
            lock.execute("select pg_advisory_lock(hashtextextended('cyberimpact migrations', 0))")
            yield

    def said_of(self, problem: str) -> tuple[str, str]:
        """Return what happened to the server, and what to do."""
        return (
            f"La base des opérations ne répond pas ({problem}).",
            f"Vérifiez le serveur PostgreSQL et le réglage {settings.OPERATIONS_SETTING}.",
        )
