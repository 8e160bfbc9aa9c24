"""Measures what a build costs: all of it, news of three platforms, no news; in a home of its own.

Run it as `python -m benchmarks.builds --load PLATFORM FILE [--load PLATFORM FILE …]`. The first file fills the home;
three of the platforms, those of the first three `--load`, are then given a row as news. Processor seconds are those of
all processes that a command starts.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processor import measured

CYBERIMPACT = Path(sys.executable).with_name("cyberimpact")

#: Runs a job as Dagster's daemon has it run, in a process of its own.
RUN = "from orchestration.execution import run_job; run_job('{}').or_raise('')"

#: Gives a row another load, as a load that replaces it leaves it.
NEWS = """
import duckdb
from core import settings
from ingestion.platforms import platform
chosen = platform("{platform}")
table = chosen.connector.CONTRACT[0].name
with duckdb.connect(str(settings.home().warehouse)) as connection:
    connection.execute(f"update {{chosen.dataset}}.{{table}} set _dlt_load_id = _dlt_load_id || '0'"
        f" where _dlt_id = (select max(_dlt_id) from {{chosen.dataset}}.{{table}})")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", nargs=2, action="append", required=True, metavar=("PLATFORM", "FILE"))
    parser.add_argument("--home", type=Path, help="An empty folder; a temporary one by default.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CYBERIMPACT_HOME"] = str(arguments.home or folder)
        for platform, file in arguments.load:
            measured(f"load {platform}", [CYBERIMPACT, "load", platform, "--file", file])
        measured("build, the first", [CYBERIMPACT, "build", "--daily"])
        measured("build --full", [CYBERIMPACT, "build", "--daily", "--full"])
        measured("build, no news", [CYBERIMPACT, "build", "--daily"])
        measured("daily in Dagster, first publication", [sys.executable, "-c", RUN.format("daily")])
        measured("daily in Dagster, no news", [sys.executable, "-c", RUN.format("daily")])
        platforms = list(dict.fromkeys(platform for platform, _ in arguments.load))[:3]
        for platform in platforms:
            subprocess.run([sys.executable, "-c", NEWS.format(platform=platform)], check=True)
        measured(f"build, news of {len(platforms)}", [CYBERIMPACT, "build", "--daily"])


if __name__ == "__main__":
    main()
