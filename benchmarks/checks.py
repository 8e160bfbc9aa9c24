"""Measures what a build of everything costs, and its checks: as one query per model, and as dbt runs them by hand.

.venv/bin/python -m benchmarks.checks HOME

HOME is a loaded home, which is built: copy it first. Processor time is that of all processes; it asserts nothing.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

BIN = Path(sys.executable).parent

#: The checks alone, as a build runs them.
CHECKS = """
from core import settings
from warehouse import checks, dbt_compiled, dbt_project, held_back
graph, file = held_back.Graph.of(dbt_project.read_manifest()), settings.home().warehouse
known, nodes = held_back.states(file), dbt_compiled.load(dbt_project.DAILY)["nodes"]
checks.run(graph, [node for uid, node in nodes.items() if uid in known and node["resource_type"] == "test"], file)
"""


def measured(title: str, command: Sequence[str | Path]) -> None:
    """Run a command and print what it and its children took.

    Raises:
        SystemExit: it failed; what it said is shown.
    """
    start, before = time.perf_counter(), processor()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    took = f"{processor() - before:.1f} s of processor time, {time.perf_counter() - start:.1f} s elapsed"
    print(f"{title}: {took}, load {os.getloadavg()[0]:.1f}", flush=True)


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checks", description=__doc__)
    parser.add_argument("home", type=Path)
    os.environ["CYBERIMPACT_HOME"] = str(parser.parse_args().home.resolve())
    for title in ("first build of this code", "build"):
        measured(title, [BIN / "cyberimpact", "build", "--daily"])
    measured("its checks alone, start of the process included", [sys.executable, "-c", CHECKS])
    measured("dbt test by hand", [BIN / "cyberimpact", "dbt", "test", "--exclude-resource-type", "unit_test"])


if __name__ == "__main__":
    main()
