"""Loads of one process: its databases stay open."""

from contextlib import ExitStack

import pytest


@pytest.fixture(autouse=True)
def _open_databases(open_databases: ExitStack) -> None:
    pass
