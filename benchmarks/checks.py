"""Measures what a build of everything costs, and its checks: as one query per model, and as dbt runs them by hand.

.venv/bin/python -m benchmarks.checks HOME

HOME is a loaded home, which is built: copy it first. Processor time is that of all processes; it asserts nothing.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.processor import measured

BIN = Path(sys.executable).parent

#: The checks alone, as a build runs them.
CHECKS = """
from core import settings
from warehouse import checks, dbt_compiled, dbt_project, held_back
graph, file = held_back.Graph.of(dbt_project.read_manifest()), settings.home().warehouse
known, nodes = held_back.states(file), dbt_compiled.load(dbt_project.DAILY)["nodes"]
checks.run(graph, [node for uid, node in nodes.items() if uid in known and node["resource_type"] == "test"], file)
"""


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
