"""Servers of files on loopback, made for a test and removed after it: moto's of S3, and Debian's OpenSSH for SFTP."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from moto.server import ThreadedMotoServer

from tests.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.defpath}:/usr/sbin")
START_SECONDS = 20


class Sftp(NamedTuple):
    """An SFTP server that serves the files of this account.

    Attributes:
        port: Where it listens.
        key_file: The private key that it lets in.
        known_hosts: Its host key, as a client knows it.
    """

    port: int
    key_file: Path
    known_hosts: Path

    def address(self, folder: Path) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"


@contextmanager
def s3() -> Iterator[str]:
    """Serve S3, and yield its address."""
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@contextmanager
def sftp(folder: Path) -> Iterator[Sftp]:
    """Serve SFTP; what the server needs lies in a folder. Skips the test where OpenSSH's server is not installed."""
    if SSHD is None:
        pytest.skip("OpenSSH's server is not installed: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # as Debian's service does: sshd wants it
    served = Sftp(free_port(), folder / "account", folder / "known_hosts")
    for key in (served.key_file, folder / "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, host_key, *_ = (folder / "host.pub").read_text().split()
    served.known_hosts.write_text(f"[127.0.0.1]:{served.port} {kind} {host_key}\n")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{served.port}\nHostKey {folder / 'host'}\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'account.pub'}\nPasswordAuthentication no\nPermitRootLogin yes\n"
        "MaxStartups 100\nSubsystem sftp internal-sftp\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(served.port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.05)
        yield served
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
