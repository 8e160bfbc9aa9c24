"""Builds a populated home with a released version, so that an upgrade can be tried on it.

    .venv/bin/python -m tests.upgrade.populate 0.1.0 FOLDER

The version's commit is checked out into a scratch folder and installed from its own locks. Its sandbox then serves the
platforms up to a fixed day, and its command line loads, builds and publishes. That takes some five minutes. The
version's generated secrets, without which pseudonyms and signatures differ, are kept as FOLDER/.env.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from core.settings import CHECKOUT
from tests.ports import free_port

SEED, LAST_DAY = "17", "2026-11-25"
START_SECONDS = 60

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


def populate(checkout: Path, home: Path) -> None:
    """Load, build and publish every platform of an installed checkout into a home."""
    port = free_port()
    python, command = checkout / ".venv" / "bin" / "python", checkout / ".venv" / "bin" / "cyberimpact"
    asked = subprocess.run([python, "-c", ASK, str(port)], cwd=checkout, capture_output=True, text=True, check=True)
    platforms, addresses = json.loads(asked.stdout)
    environment = {**os.environ, **addresses, "CYBERIMPACT_HOME": str(home)}
    sandbox = ["-m", "sandbox", "--port", str(port), "--seed", SEED, "--now", LAST_DAY, "--drops", home / "drop"]
    with subprocess.Popen([python, *sandbox], cwd=checkout) as server:
        try:
            wait_until_healthy(port)
            for verb in (["load", *platforms], ["build"], ["publish"]):
                subprocess.run([command, *verb], cwd=checkout, env=environment, check=True)
        finally:
            server.terminate()


def wait_until_healthy(port: int) -> None:
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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.upgrade.populate", description="Build a populated home with a released version."
    )
    parser.add_argument("version", help="a version that CHANGELOG.md names, such as 0.1.0")
    parser.add_argument("home", type=Path, help="a new folder")
    options = parser.parse_args()
    commit = commit_of(options.version)
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Path(scratch) / options.version
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", CHECKOUT, checkout], check=True)
        subprocess.run(["git", "-C", checkout, "checkout", "--quiet", commit], check=True)
        subprocess.run(["make", "-C", checkout, "install"], check=True)
        populate(checkout, options.home.resolve())
        shutil.copy(checkout / ".env", options.home)


if __name__ == "__main__":
    main()
