"""Shows the progress of a run on the terminal: records read, dbt nodes done, failures."""

import io
import re

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ANSI = re.compile(r"\x1b\[[0-9;]*m")
STEP = re.compile(
    r"^\s*(?:\d\d:\d\d:\d\d\s+)?\d+ of (?P<total>\d+) (?P<status>[A-Z]+) (?!hook:)(?P<what>.+?)\s*\.*\s*\["
)
FINISHED = {"OK", "PASS", "WARN", "FAIL", "ERROR", "SKIP"}
#: A check that warns has a sentence of its own, with its rows.
SHOWN = {"FAIL", "ERROR", "SKIP"}
WARNING = "Warning: "


READ = re.compile(r"^\w+: \d+ records read, \d+ pages, \d+ records/s$")


class RunProgress(io.TextIOBase):
    """A stream for what steps print: draws one bar from it, and keeps only the lines of dbt nodes that went wrong."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._bar.add_task("", total=None, start=False)
        self._done = 0
        self._rest = ""

    def close(self) -> None:
        """Stop drawing; the end of a `with` block closes the stream."""
        self._bar.stop()
        super().close()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + ANSI.sub("", text)).split("\n")
        for line in lines:
            step = STEP.match(line)
            if step and step["status"] in FINISHED:
                self._done += 1
                self._draw("dbt", total=int(step["total"]), completed=self._done)
            if step and step["status"] in SHOWN:
                self._bar.console.print(f"{step['status']} {step['what']}", markup=False, highlight=False)
            if line.startswith(WARNING):
                self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            if READ.match(line):
                self._draw(line)
        return len(text)

    def _draw(self, description: str, total: int | None = None, completed: int = 0) -> None:
        """Draw from the first news on: a run that has none leaves no empty bar."""
        self._bar.start()
        self._bar.start_task(self._task)
        self._bar.update(self._task, description=description, total=total, completed=completed)
