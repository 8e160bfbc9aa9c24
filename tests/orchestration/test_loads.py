"""A load runs without the rest of the graph."""

import subprocess
import sys

from core import settings


def test_a_load_reads_nothing_of_dbt():
    code = (
        "import sys; from orchestration.execution import definitions_of;"
        " definitions_of('load_pre_plainte').resolve_job_def('load_pre_plainte');"
        " print({'dagster_dbt', 'dbt'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.CHECKOUT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")
