"""The engine for the SQLite file of the current home."""

from contextlib import AbstractContextManager

from django.db.backends.sqlite3 import base

from core import settings
from core.locks import writer_lock
from operations.database import FollowsHome, UnusableDatabaseError


class DatabaseWrapper(FollowsHome, base.DatabaseWrapper):
    """Makes the file where it does not exist."""

    def place(self) -> tuple[str, int]:
        """Return the file and its inode: one that was restored from a backup is another."""
        file = settings.home().operations
        found = file.stat() if file.exists() else None
        return str(file), found.st_ino if found and found.st_size else 0

    def alone(self) -> AbstractContextManager[int]:
        return writer_lock(settings.home().operations, on_wait=lambda _: None)

    def get_connection_params(self) -> dict:
        home = settings.home()
        file, elsewhere = home.operations, home.operations_elsewhere
        if elsewhere.exists() and not file.exists() and settings.operations_url() is None:
            raise UnusableDatabaseError(
                f"Les opérations sont sur PostgreSQL, et le réglage {settings.OPERATIONS_SETTING} est absent.",
                f"Remettez ce secret ; pour repartir d'un fichier vide, supprimez {elsewhere}.",
            )
        settings.make_folder(file.parent)
        if not file.exists():
            file.touch(mode=0o600)
        self.settings_dict["NAME"] = str(file)
        return super().get_connection_params()

    def said_of(self, problem: str) -> tuple[str, str]:
        """Return what happened to the file, and what to do."""
        remedy = (
            "Un autre processus l'écrit : recommencez dans un instant."
            if "locked" in problem
            else "Vérifiez les droits et la place ; s'il est abîmé, rétablissez la dernière sauvegarde."
        )
        return f"Le fichier {settings.home().operations.name} est inutilisable ({problem}).", remedy
