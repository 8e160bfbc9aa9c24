"""A RabbitMQ of its own for a test: Debian's, on loopback, made for the test and removed after it."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 120


class Broker:
    """A broker that can be killed and started again with what it had on its disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._dist, self._epmd = free_port(), free_port(), free_port()
        self.tls_port = free_port()
        self.password = secrets.token_urlsafe(12)
        self._process: subprocess.Popen | None = None
        (folder / "plugins").write_text("[].\n")
        _certify(folder)
        (folder / "definitions.json").write_text(json.dumps(self._definitions()))
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlisteners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            + "".join(f"ssl_options.{name} = {self.authority}\n" for name in ("cacertfile", "certfile"))
            + f"ssl_options.keyfile = {folder / 'key.pem'}\nload_definitions = {folder / 'definitions.json'}\n"
            "disk_free_limit.absolute = 50MB\nlog.console = false\n"
        )

    @property
    def authority(self) -> Path:
        """The file of the certificate, which has signed itself."""
        return self.folder / "certificate.pem"

    def secure_url(self, user: str = "essai", virtual_host: str = "/") -> str:
        return f"amqps://{user}:{self.password}@127.0.0.1:{self.tls_port}/{virtual_host}"

    def _definitions(self) -> dict[str, Any]:
        """Return its accounts: `essai` may all; `esb` may send mentions to `cyberimpact` and nothing else."""
        salt = secrets.token_bytes(4)
        digest = base64.b64encode(salt + hashlib.sha256(salt + self.password.encode()).digest()).decode()
        account = {"password_hash": digest, "hashing_algorithm": "rabbit_password_hashing_sha256"}
        full = {"user": "essai", "configure": ".*", "write": ".*", "read": ".*"}
        least = {"user": "esb", "vhost": "cyberimpact"}
        return {
            "users": [account | {"name": "essai", "tags": "administrator"}, account | {"name": "esb", "tags": ""}],
            "vhosts": [{"name": "/"}, {"name": "cyberimpact"}],
            "permissions": [
                full | {"vhost": "/"},
                full | {"vhost": "cyberimpact"},
                least | {"configure": "^$", "write": r"^cyberimpact\.in$", "read": "^$"},
            ],
            "topic_permissions": [
                least | {"exchange": "cyberimpact.in", "write": r"^listening\.mentions$", "read": "^$"}
            ],
        }

    @property
    def url(self) -> str:
        return f"amqp://essai:{self.password}@127.0.0.1:{self.port}//"

    def start(self) -> None:
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"essai{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        with (self.folder / "output").open("a") as output:
            self._process = subprocess.Popen(
                [PROGRAM], env=environment, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "output").read_text()[-2000:])
            time.sleep(0.2)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        """End it without a word to it, as a power cut would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        while self._answers():
            time.sleep(0.05)

    def remove(self) -> None:
        self.kill()
        environment = {**os.environ, "ERL_EPMD_PORT": str(self._epmd), "HOME": str(self.folder)}
        subprocess.run(["epmd", "-kill"], env=environment, capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _certify(folder: Path) -> None:
    """Write a certificate of 127.0.0.1 that has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    began = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(began)
    made = made.not_valid_after(began + timedelta(days=30))
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)


@contextmanager
def serving() -> Iterator[Broker]:
    """A broker on loopback; the test is skipped where RabbitMQ is not installed."""
    if not PROGRAM.exists():
        pytest.skip("RabbitMQ is not installed: sudo apt-get install rabbitmq-server")
    broker = Broker(Path(tempfile.mkdtemp(prefix="rabbitmq")))
    try:
        broker.start()
        yield broker
    finally:
        broker.remove()
