"""A RabbitMQ of its own for a test: Debian's, on loopback, made for the test and removed after it."""

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
from pathlib import Path

import pytest

from tests.ports import free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 120


class Broker:
    """A broker that can be killed and started again with what it had on its disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._dist, self._epmd = free_port(), free_port(), free_port()
        self.password = secrets.token_urlsafe(12)
        self._process: subprocess.Popen | None = None
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndefault_user = essai\ndefault_pass = {self.password}\n"
            "disk_free_limit.absolute = 50MB\nlog.console = false\n"
        )

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
