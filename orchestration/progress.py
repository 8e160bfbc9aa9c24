"""Shows a person how far a run has come: dbt's lines as one bar, what went wrong as lines. It decides nothing."""

import io
import re

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ANSI = re.compile(r"\x1b\[[0-9;]*m")
STEP = re.compile(
    r"^\s*(?:\d\d:\d\d:\d\d\s+)?\d+ of (?P<total>\d+) (?P<status>[A-Z]+) (?!hook:)(?P<what>.+?)\s*\.*\s*\["
)
FINISHED = {"OK", "PASS", "WARN", "FAIL", "ERROR", "SKIP"}
SHOWN = {"WARN", "FAIL", "ERROR", "SKIP"}


class DbtProgress(io.TextIOBase):
    """A stream for dbt's output: counts the nodes that are done and keeps only the lines of those that went wrong."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._bar.add_task("dbt", total=None, visible=False)
        self._done = 0
        self._rest = ""

    def __enter__(self) -> "DbtProgress":
        self._bar.start()
        return self

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
                self._bar.update(self._task, total=int(step["total"]), completed=self._done, visible=True)
            if step and step["status"] in SHOWN:
                self._bar.console.print(f"{step['status']} {step['what']}", markup=False, highlight=False)
        return len(text)
