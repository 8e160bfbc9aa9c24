"""Measures a command: processor time of all its processes, and the time that passed."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def measured(title: str, command: Sequence[str | Path]) -> None:
    """Run a command and print what it and its children took; one that fails ends the benchmark with its output."""
    before, began = spent(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    took = f"{spent() - before:.1f} s of processor time, {time.perf_counter() - began:.1f} s elapsed"
    print(f"{title}: {took}, load {os.getloadavg()[0]:.1f}", flush=True)


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
