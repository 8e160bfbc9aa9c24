"""Measures loads that find nothing new, over HTTP from a sandbox of its own; or loads of large files, with `--files`.

Run it as `python -m benchmarks.loads [PLATFORM ...] [--now YYYY-MM-DD]`, or with `--files 1000000`; the home is a
temporary one. Asserts nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dotenv import dotenv_values

from benchmarks.waves import answers, free_port
from core.settings import CHECKOUT
from ingestion.engine.loading import load
from ingestion.engine.reports import LoadReport
from ingestion.platforms import PLATFORMS
from sandbox.app import addresses
from sandbox.places import PARIS

#: Read at an address; `operations` at a file of the home.
OVER_HTTP = tuple(platform.name for platform in PLATFORMS if platform.cron and platform.name != "operations")

AIM_SECONDS = 5


@contextmanager
def _sandbox(now: date) -> Generator[str]:
    """Serve the stand-ins in a process of their own, and give their address."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--now", now.isoformat()]
    origin = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=CHECKOUT) as server:
        try:
            while not answers(f"{origin}/health"):
                time.sleep(0.2)
            yield origin
        finally:
            server.terminate()


def _timed(name: str, file: Path | None = None) -> tuple[float, float, LoadReport]:
    """Load a platform, and return elapsed and processor seconds, and what was loaded."""
    elapsed, processor = time.perf_counter(), time.process_time()
    report = load(name, file=file)
    return time.perf_counter() - elapsed, time.process_time() - processor, report


def _report(names: Sequence[str], now: date) -> None:
    print(f"sandbox up to {now}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; aim: {AIM_SECONDS} s")
    print(f"{'platform':22} {'first':>8} {'records':>9} | {'second':>8} {'processor':>9} {'read':>7} {'changed':>7}")
    for name in names:
        first, _, report = _timed(name)
        second, processor, nothing = _timed(name)
        changed = nothing.total("rows_new") + nothing.total("rows_updated")
        print(
            f"{name:22} {first:6.1f} s {report.total('rows_read'):9} | {second:6.2f} s {processor:7.2f} s"
            f" {nothing.total('rows_read'):7} {changed:7}",
            flush=True,
        )


PLACES = ("06", "6", "13", "2A", "973", "33.0", "75C", "")
MOTIVES = ("Je suis victime;Hameçonnage", "Je signale;Contenu illicite", "JE M'INFORME;", ";", "PNAV;PNAV", "Autre;x")

#: The first of the 1 000 days of a file, whose seconds its rows have in no order.
FIRST_DAY, SECONDS, STRIDE = datetime(2023, 1, 1, tzinfo=UTC), 1000 * 86_400, 15_485_863


def _moment(number: int) -> datetime:
    return FIRST_DAY + timedelta(seconds=number * STRIDE % SECONDS)


def _declarations(rows: int) -> Iterator[str]:
    """Yield the lines of a log of pré-plaintes; of four declarations three are sent."""
    columns = ("debut_declaration", "fin_declaration", "dpt_unite", "pers_physique", "pers_morale")
    yield ",".join(("stats_id", *(f"stats_{column}" for column in columns))) + "\n"
    for number in range(rows):
        begun = _moment(number)
        sent = f"{begun + timedelta(seconds=60 + number % 2400):%Y-%m-%d %H:%M:%S}" if number % 4 else ""
        place, person = PLACES[number % len(PLACES)], "1,0" if number % 3 else "0,1"
        yield f"{10_000 + number},{begun:%Y-%m-%d %H:%M:%S},{sent},{place},{person}\n"


def _contacts(rows: int) -> Iterator[str]:
    """Yield the lines of an export of the chat."""
    for number in range(rows):
        reference = f"{number * STRIDE % (1 << 32):08x}-{number:06}"
        yield f"{reference};{_moment(number):%d/%m/%Y %H:%M};chat;{MOTIVES[number % len(MOTIVES)]};néant\n"


def _report_files(folder: Path, rows: int) -> None:
    """Load a large file of each platform that has no free text, first and again."""
    print(f"files of {rows} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; processor seconds")
    for name, lines in {"pre_plainte": _declarations(rows), "brigade_numerique": _contacts(rows)}.items():
        file = folder / f"{name}.csv"
        with file.open("w", encoding="utf-8") as written:
            written.writelines(lines)
        for which in ("first", "again"):
            _, processor, report = _timed(name, file)
            print(
                f"{name:22} {which} {processor:6.1f} s {report.total('rows_read') / processor:8.0f} rows/s", flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loads", description=__doc__)
    parser.add_argument("platforms", nargs="*", default=OVER_HTTP, help="all over HTTP when none is given")
    yesterday = datetime.now(PARIS).date() - timedelta(days=1)
    parser.add_argument("--now", type=date.fromisoformat, default=yesterday, help="a day that is over has no news")
    parser.add_argument("--files", type=int, metavar="ROWS", help="load files of so many rows instead")
    options = parser.parse_args()
    if options.files:
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"CYBERIMPACT_HOME": f"{folder}/home", "CYBERIMPACT_PSEUDONYM_KEY": "measured"}
            _report_files(Path(folder), options.files)
        return
    with tempfile.TemporaryDirectory() as folder, _sandbox(options.now) as origin:
        example = dotenv_values(CHECKOUT / ".env.example")
        keys = {name: "sandbox" for name, value in example.items() if value == "sandbox"}
        os.environ |= {**keys, **addresses(origin), "CYBERIMPACT_HOME": folder, "CYBERIMPACT_PSEUDONYM_KEY": "measured"}
        _report(options.platforms, options.now)


if __name__ == "__main__":
    main()
