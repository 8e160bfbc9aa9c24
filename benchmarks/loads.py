"""Measures a load that finds nothing new: each platform over HTTP twice in this process, from a sandbox of its own.

Run it as `python -m benchmarks.loads [PLATFORM ...] [--now YYYY-MM-DD]`; the home is a temporary one. Asserts nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from dotenv import dotenv_values

from benchmarks.waves import answers, free_port
from core.settings import CHECKOUT
from ingestion.engine.loading import load
from ingestion.engine.reports import LoadReport
from ingestion.platforms import PLATFORMS
from sandbox.app import addresses
from sandbox.places import PARIS

#: Read at an address; `operations` at a file of the home.
OVER_HTTP = tuple(platform.name for platform in PLATFORMS if platform.cron and platform.name != "operations")

AIM_SECONDS = 5


@contextmanager
def _sandbox(now: date) -> Generator[str]:
    """Serve the stand-ins in a process of their own, and give their address."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--now", now.isoformat()]
    origin = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=CHECKOUT) as server:
        try:
            while not answers(f"{origin}/health"):
                time.sleep(0.2)
            yield origin
        finally:
            server.terminate()


def _timed(name: str) -> tuple[float, float, LoadReport]:
    """Load a platform, and return elapsed and processor seconds, and what was loaded."""
    elapsed, processor = time.perf_counter(), time.process_time()
    report = load(name)
    return time.perf_counter() - elapsed, time.process_time() - processor, report


def _report(names: Sequence[str], now: date) -> None:
    print(f"sandbox up to {now}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; aim: {AIM_SECONDS} s")
    print(f"{'platform':22} {'first':>8} {'records':>9} | {'second':>8} {'processor':>9} {'read':>7} {'changed':>7}")
    for name in names:
        first, _, report = _timed(name)
        second, processor, nothing = _timed(name)
        changed = nothing.total("rows_new") + nothing.total("rows_updated")
        print(
            f"{name:22} {first:6.1f} s {report.total('rows_read'):9} | {second:6.2f} s {processor:7.2f} s"
            f" {nothing.total('rows_read'):7} {changed:7}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loads", description=__doc__)
    parser.add_argument("platforms", nargs="*", default=OVER_HTTP, help="all over HTTP when none is given")
    yesterday = datetime.now(PARIS).date() - timedelta(days=1)
    parser.add_argument("--now", type=date.fromisoformat, default=yesterday, help="a day that is over has no news")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _sandbox(options.now) as origin:
        example = dotenv_values(CHECKOUT / ".env.example")
        keys = {name: "sandbox" for name, value in example.items() if value == "sandbox"}
        os.environ |= {**keys, **addresses(origin), "CYBERIMPACT_HOME": folder, "CYBERIMPACT_PSEUDONYM_KEY": "measured"}
        _report(options.platforms, options.now)


if __name__ == "__main__":
    main()
