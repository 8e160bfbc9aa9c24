"""What `cyberimpact build` does where nothing has news."""

import subprocess
import sys

from core.settings import Home

#: Builds a home in which nothing has news, and says whether Dagster or dbt was imported for it.
BUILD = """
import sys
from cli import builds
from warehouse import staleness

staleness.look = lambda home: staleness.News({}, {}, frozenset(), {}, 0.0)
print(*builds.build(["daily"]))
print(sorted({"dagster", "dbt"} & sys.modules.keys()))
"""


def test_a_build_without_news_says_so_and_starts_neither_dagster_nor_dbt(home: Home) -> None:  # noqa: ARG001
    done = subprocess.run([sys.executable, "-c", BUILD], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "daily: Nothing has changed since the last sound build: nothing was built.",
        "[]",
    ]
