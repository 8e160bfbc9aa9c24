"""Shows on the terminal how a run proceeds: one bar, and lines above it."""

import os
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

#: The bar of the run that this process executes for a person; empty where nobody waits.
_bars: list[Progress] = []


@contextmanager
def on_terminal(console: Console) -> Generator[None]:
    """Show on a console what the steps of this process report, in place of what they print."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        redirect_stdout=False,
    )
    bar.add_task("", total=None, start=False)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        _bars.append(bar)
        try:
            yield
        finally:
            _bars.remove(bar)
            bar.stop()


def advance(description: str, completed: int = 0, total: int | None = None) -> None:
    """Move the bar, which is drawn from the first call on."""
    for bar in _bars:
        [task] = bar.task_ids
        bar.start()
        bar.start_task(task)
        bar.update(task, description=description, total=total, completed=completed)


def show(line: str) -> None:
    """Show a line above the bar; where there is none, Dagster keeps what a step prints."""
    print(line, flush=True)
    for bar in _bars:
        bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
