"""Homes with an engine of their own, on one cluster."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from core.settings import CHECKOUT, DEFAULT_PORTS, Home
from tests.ports import free_port

ENVIRONMENTS = {"duckdb": ".venv", "spark": ".venv-spark"}
WORKER = "org.apache.spark.deploy.worker.Worker"
DRIVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


def free_ports() -> dict[str, str]:
    """Return a free port for each service, as the settings name them."""
    return {f"CYBERIMPACT_{service.upper()}_PORT": str(free_port()) for service in DEFAULT_PORTS}


class Engine:
    """A home, and the command line of an engine's environment on it.

    Args:
        name: The engine.
        home: The home.
        variables: Environment variables: the ports of a cluster, say.
    """

    def __init__(self, name: str, home: Home, variables: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.bin = CHECKOUT / ENVIRONMENTS[name] / "bin"
        own = {"CYBERIMPACT_HOME": str(home.root), "CYBERIMPACT_ENGINE": name}
        self.environment = os.environ | free_ports() | (variables or {}) | own

    def start(self, *arguments: str | Path, program: str = "cyberimpact") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.bin / program, *arguments],
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, program: str = "cyberimpact") -> str:
        """Run a command that succeeds, and return what it prints."""
        code, output = self.end(self.start(*arguments, program=program))
        assert code == 0, output
        return output

    @staticmethod
    def end(process: subprocess.Popen[str]) -> tuple[int, str]:
        output, _ = process.communicate(timeout=3600)
        return process.returncode, output


def processes(home: Home, program: str) -> list[int]:
    """Return the ids of the Java processes of a home's cluster that run a program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        is_java = words[0].endswith(b"java")
        if is_java and program.encode() in words and any(str(home.spark).encode() in word for word in words):
            found.append(int(process.name))
    return found


def children(process: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
