"""Opens the operations database: the SQLite file of the home, or PostgreSQL where a setting names it.

Commands, Dagster's processes and the mailer have no settings of Django: the first import of `operations.models`
configures what the models need. The web application has settings of its own and takes `DATABASES` from here.

A connection follows the home: where `CYBERIMPACT_HOME` names another one meanwhile, or a backup has put another file in
its place, the next query goes there. The first connection of a process to a database applies the migrations.
"""

import os
from abc import abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any

from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE
from django.conf import settings as django_settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseErrorWrapper

from core import settings
from core.errors import ExpectedFailure

#: How long a reader or writer waits for another one before it gives up.
BUSY_SECONDS = 30
#: A connection of the web application is closed after so long.
_MOST_SECONDS = 60

#: The databases whose migrations this process has applied.
_ready: set[tuple[str, int]] = set()


def databases() -> dict[str, dict[str, Any]]:
    """Return Django's `DATABASES`.

    Raises:
        ExpectedFailure: the setting is no address of PostgreSQL.
    """
    url = settings.operations_url()
    return {"default": {"CONN_MAX_AGE": _MOST_SECONDS, **(_postgresql(url) if url else sqlite())}}


def sqlite() -> dict[str, Any]:
    """Return the settings of the file: readers do not wait for writers, and deleted rows become zeros."""
    return {
        "ENGINE": "operations.engines.sqlite",
        "NAME": "operations.sqlite",
        "OPTIONS": {
            "timeout": BUSY_SECONDS,
            "transaction_mode": "IMMEDIATE",
            "init_command": "pragma journal_mode = wal; pragma secure_delete = on",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = conninfo_to_dict(url)
    except psycopg.Error:
        raise ExpectedFailure(
            f"{settings.OPERATIONS_SETTING} is no address that PostgreSQL understands.", "Correct it."
        ) from None
    parts = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return {
        "ENGINE": "operations.engines.postgresql",
        **{name: str(found.pop(part, "")) for name, part in parts.items()},
        "OPTIONS": found,
        "CONN_HEALTH_CHECKS": True,
    }


def set_up() -> None:
    """Configure Django for the models, unless the web application has, or is about to."""
    if not django_settings.configured and ENVIRONMENT_VARIABLE not in os.environ:
        django_settings.configure(
            DATABASES=databases(), INSTALLED_APPS=["operations"], USE_TZ=True, TIME_ZONE="UTC", LOGGING_CONFIG=None
        )
    if not apps.apps_ready:
        import django

        django.setup()


def migrate() -> None:
    """Apply the migrations to the database of the home, as the first connection of any process does.

    Raises:
        ExpectedFailure: it cannot be reached, or a newer version has changed it.
    """
    set_up()
    connection.ensure_connection()


@contextmanager
def turn(*names: str) -> Generator[None]:
    """Write in one transaction; transactions that name the same thing wait for each other.

    SQLite has one writer at a time, whatever it writes.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                for name in sorted(names):
                    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        yield


class UnusableDatabaseError(ExpectedFailure, OperationalError):
    """The database cannot be reached, read or written."""


class _InWords(DatabaseErrorWrapper):
    """Says in French what makes a database unusable; what a query has wrong is left to Django."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        try:
            super().__exit__(exc_type, exc_value, traceback)
        except DatabaseError as problem:
            if type(problem) not in (OperationalError, DatabaseError):
                raise
            raise UnusableDatabaseError(*self.wrapper.said_of(str(problem).partition("\n")[0])) from None


class FollowsHome(BaseDatabaseWrapper):
    """What both engines add to Django's."""

    _opened: tuple[str, int] | None = None

    @abstractmethod
    def place(self) -> tuple[str, int]:
        """Return what tells the database of the current home from any other."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[Any]:
        """Return a lock under which one process applies migrations."""

    @abstractmethod
    def said_of(self, problem: str) -> tuple[str, str]:
        """Return what makes the database unusable, and what to do."""

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        return _InWords(self)

    def ensure_connection(self) -> None:
        if self.connection is not None and self._opened and not self.in_atomic_block and not self._is_current():
            self.close()
        super().ensure_connection()

    def _is_current(self) -> bool:
        if self.errors_occurred and not self.is_usable():
            return False
        self.errors_occurred = False
        return self.place() == self._opened

    def connect(self) -> None:
        self._opened = None
        if self.place() in _ready:
            super().connect()
        else:
            with self.alone():
                super().connect()
                try:
                    _migrate(self)
                except BaseException:
                    self.close()
                    raise
            _ready.add(self.place())
        self._opened = self.place()


def _migrate(opened: FollowsHome) -> None:
    """Apply what is missing.

    Raises:
        ExpectedFailure: a newer version of the platform has changed the database.
    """
    from django.db.migrations.executor import MigrationExecutor

    from operations import former

    executor = MigrationExecutor(opened)
    applied, known = (
        set(found or ()) for found in (executor.loader.applied_migrations, executor.loader.disk_migrations)
    )
    if any(app == "operations" for app, _ in applied - known):
        raise ExpectedFailure(
            "La base des opérations vient d'une version plus récente de la plateforme.",
            "Installez cette version, ou rétablissez une sauvegarde plus ancienne (`cyberimpact restore`).",
        )
    executor.migrate(executor.loader.graph.leaf_nodes())
    former.take_tokens()
