"""Fixtures of the tests of the command line."""

import sys

import pytest

from core.settings import Home
from tests.cli.verbs import TABLES, Done, Run
from tests.handmade import write_copy


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001
    """Run a verb in this process, through the entry point."""
    from cli.main import main

    def verb(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["cyberimpact", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Done(code, *capsys.readouterr())

    return verb


@pytest.fixture
def published_home(home: Home) -> Home:
    write_copy(home, TABLES)
    return home
