"""How a run proceeds, on a terminal and where there is none."""

import io
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console

from core import run_progress


@pytest.fixture
def terminal() -> Iterator[io.StringIO]:
    """What a terminal receives from a run."""
    written = io.StringIO()
    with run_progress.on_terminal(Console(file=written, force_terminal=True, width=100, color_system=None)):
        yield written


def test_a_run_without_news_draws_nothing(terminal: io.StringIO) -> None:
    print("what a step prints")
    assert terminal.getvalue() == ""


def test_the_bar_moves_and_what_steps_print_does_not_disturb_it(terminal: io.StringIO) -> None:
    before = sys.stdout
    for done in (1, 2, 3):
        run_progress.advance("dbt", done, 3)
        assert sys.stdout is before
        print(f"{done} of 3 OK created sql table model")
    run_progress.show("ERROR [kpi_answer_rate]")
    [bar] = run_progress._bars
    bar.refresh()
    drawn = terminal.getvalue()
    assert "3/3" in drawn
    assert "OK created" not in drawn
    assert drawn.count("ERROR [kpi_answer_rate]\n") == 1


def test_a_line_is_printed_where_nobody_waits(capsys: pytest.CaptureFixture[str]) -> None:
    run_progress.advance("dbt", 1, 3)
    run_progress.show("Warning: late")
    assert capsys.readouterr().out == "Warning: late\n"


def test_the_bar_ends_with_the_run() -> None:
    written = io.StringIO()
    with run_progress.on_terminal(Console(file=written)):
        run_progress.advance("dbt", 1, 3)
    ended = written.getvalue()
    run_progress.advance("dbt", 2, 3)
    assert written.getvalue() == ended
