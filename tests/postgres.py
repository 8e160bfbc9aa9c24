"""A PostgreSQL server of its own for a test: Debian's, made for the test and removed after it."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port


class Postgres(str):
    """The address of a database, and the folder that holds its files."""

    __slots__ = ("data",)
    data: Path


def program(name: str) -> str:
    """Return the path of one of Postgres's programs, which Debian keeps out of the PATH."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip("Postgres is not installed: `make chromium` installs it (package postgresql)")
    return found


@contextmanager
def serving(scheme: str = "postgresql") -> Iterator[Postgres]:
    """A server on loopback with a password, and the address of its database."""
    folder = Path(tempfile.mkdtemp(prefix="postgres"))
    # Postgres does not run as root.
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if other:
        shutil.chown(folder, "postgres")
    password, port = secrets.token_urlsafe(16), free_port()
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o644)
    data, log = folder / "data", folder / "log"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    try:
        make = [program("initdb"), "-D", data, "-U", "superset", "-A", "scram-sha-256", "--pwfile", secret]
        subprocess.run([*other, *make], check=True, capture_output=True)
        subprocess.run([*other, program("pg_ctl"), "-D", data, "-l", log, "-w", "-o", options, "start"], check=True)
        made = Postgres(f"{scheme}://superset:{password}@127.0.0.1:{port}/postgres")
        made.data = data
        yield made
        subprocess.run([*other, program("pg_ctl"), "-D", data, "-m", "immediate", "stop"], check=True)
    finally:
        shutil.rmtree(folder)
