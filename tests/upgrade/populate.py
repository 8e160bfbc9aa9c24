"""Builds a populated home with a released version, so that an upgrade can be tried on it.

    .venv/bin/python -m tests.upgrade.populate 0.1.0 FOLDER

The version's commit is checked out into a scratch folder and installed from its own locks. Its sandbox then serves the
platforms up to the day before yesterday, in a crisis, since live tables look back from now. The version's command line
loads, builds and publishes; an operator adds a topic, opens a crisis and answers a signal. The version's generated
secrets, without which pseudonyms and signatures differ, are kept as FOLDER/.env.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import httpx
from dotenv import dotenv_values

from core.clock import today
from core.settings import CHECKOUT
from sandbox.events import active
from tests.ports import free_port

START_SECONDS = 60
DAY = timedelta(days=1)
NOTICED = 2.0  # times an ordinary day

#: Asks a version for its platforms, and for the settings that make connectors read the sandbox on a port.
ASK = """
import json, sys
from ingestion.platforms import PLATFORMS
from sandbox.app import addresses
print(json.dumps([[platform.name for platform in PLATFORMS], addresses(f"http://127.0.0.1:{sys.argv[1]}")]))
"""


def commit_of(version: str) -> str:
    """Return the commit that CHANGELOG.md names for a version.

    Raises:
        SystemExit: it names none.
    """
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)} \(.*commit `([0-9a-f]+)`\)$", changelog, re.MULTILINE)
    if not found:
        raise SystemExit(f"CHANGELOG.md names no commit for version {version}.")
    return found[1]


def install(commit: str, checkout: Path) -> None:
    """Check a commit out into a new folder, and make the platform's environment there from its own locks."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", CHECKOUT, checkout], check=True)
    subprocess.run(["git", "-C", checkout, "checkout", "--quiet", commit], check=True)
    subprocess.run(["make", "-C", checkout, ".venv/.installed", ".env"], check=True)


def environment(home: Path) -> dict[str, str]:
    """Return this process's variables with the secrets of a home instead of the platform's settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("CYBERIMPACT_", "DAGSTER_"))}
    secrets = {name: value for name, value in dotenv_values(home / ".env").items() if value}
    return others | secrets | {"CYBERIMPACT_HOME": str(home)}


def cyberimpact(checkout: Path, home: Path, *arguments: str, **variables: str) -> str:
    """Run a checkout's command line on a home, and return its result."""
    command = [checkout / ".venv" / "bin" / "cyberimpact", *arguments]
    everything = environment(home) | variables
    return subprocess.run(command, cwd=checkout, env=everything, stdout=subprocess.PIPE, text=True, check=True).stdout


def with_a_crisis(day: date) -> int:
    """Return the seed of the first invented history with a crisis on a day that detectors notice."""
    return next(
        seed
        for seed in itertools.count(1)
        if any(event.is_crisis and event.intensity(day) > NOTICED for event in active(seed, day))
    )


@contextmanager
def sandbox(checkout: Path, home: Path, seed: int, last_day: date) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Serve a checkout's stand-ins up to a day; yield its platforms, and the settings that make connectors read it."""
    port = str(free_port())
    python = checkout / ".venv" / "bin" / "python"
    asked = subprocess.run([python, "-c", ASK, port], cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    options = ["--port", port, "--seed", str(seed), "--now", last_day.isoformat(), "--drops", home / "drop"]
    with subprocess.Popen([python, "-m", "sandbox", *options], cwd=checkout, env=environment(home)) as server:
        try:
            wait_until_healthy(port)
            yield json.loads(asked.stdout)
        finally:
            server.terminate()


def wait_until_healthy(port: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health").raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def populate(checkout: Path, home: Path, seed: int, last_day: date) -> None:
    """Load, build and publish every platform of an installed checkout into a new home, and decide what operators do."""
    home.mkdir(parents=True)
    shutil.copy(checkout / ".env", home)
    with sandbox(checkout, home, seed, last_day) as (platforms, addresses):
        cyberimpact(checkout, home, "load", *platforms, **addresses)
    decide(checkout, home)
    for verb in ("build", "publish"):
        cyberimpact(checkout, home, verb)
    [signal, *_] = json.loads(cyberimpact(checkout, home, "signal", "list", "--all", "--json"))
    cyberimpact(checkout, home, "signal", "verdict", signal["signal_id"], "vu")


def decide(checkout: Path, home: Path) -> None:
    """Add a topic and open a crisis, as an operator does."""
    topic = ("--label", "Vols de câbles", "--query", 'cuivre "vol de câbles"', "--kind", "sécuritaire")
    cyberimpact(checkout, home, "topic", "add", "cables", *topic)
    cyberimpact(
        checkout, home, "crisis", "open", "--topic", "hameconnage", "--territory", "FR-33", "--title", "Faux colis"
    )
    [opened] = json.loads(cyberimpact(checkout, home, "crisis", "list", "--json"))
    cyberimpact(checkout, home, "crisis", "log", opened["crisis_id"], "Communiqué diffusé.", "--kind", "dit")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.upgrade.populate", description="Build a populated home with a released version."
    )
    parser.add_argument("version", help="a version that CHANGELOG.md names, such as 0.1.0")
    parser.add_argument("home", type=Path, help="a new folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Path(scratch) / options.version
        install(commit_of(options.version), checkout)
        last_day = today() - 2 * DAY
        populate(checkout, options.home.resolve(), with_a_crisis(last_day), last_day)


if __name__ == "__main__":
    main()
