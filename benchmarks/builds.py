"""Measures what a build costs: all of it, news of three platforms, no news; in a home of its own.

Run it as `python -m benchmarks.builds --load PLATFORM FILE [--load PLATFORM FILE …]`. The first file fills the home;
three of the platforms, those of the first three `--load`, are then given a row as news. Processor seconds are those of
all processes that a command starts.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

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


def measured(label: str, command: Sequence[str | Path], home: Path) -> None:
    """Run a command, and print its processor seconds and those that passed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command, env=os.environ | {"CYBERIMPACT_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{label:<34} {spent:7.1f} s of processor time, {time.monotonic() - began:7.1f} s elapsed", flush=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", nargs=2, action="append", required=True, metavar=("PLATFORM", "FILE"))
    parser.add_argument("--home", type=Path, help="An empty folder; a temporary one by default.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or Path(folder)
        for platform, file in arguments.load:
            measured(f"load {platform}", [CYBERIMPACT, "load", platform, "--file", file], home)
        measured("build, the first", [CYBERIMPACT, "build", "--daily"], home)
        measured("build --full", [CYBERIMPACT, "build", "--daily", "--full"], home)
        measured("build, no news", [CYBERIMPACT, "build", "--daily"], home)
        measured("daily in Dagster, first publication", [sys.executable, "-c", RUN.format("daily")], home)
        measured("daily in Dagster, no news", [sys.executable, "-c", RUN.format("daily")], home)
        platforms = list(dict.fromkeys(platform for platform, _ in arguments.load))[:3]
        for platform in platforms:
            subprocess.run(
                [sys.executable, "-c", NEWS.format(platform=platform)],
                env=os.environ | {"CYBERIMPACT_HOME": str(home)},
                check=True,
            )
        measured(f"build, news of {len(platforms)}", [CYBERIMPACT, "build", "--daily"], home)


if __name__ == "__main__":
    main()
