"""Loads the assets and checks of this folder, once per process."""

from functools import cache
from pathlib import Path

import dagster as dg


@cache
def graph() -> dg.Definitions:
    """Return every asset and check; loading them takes seconds."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
