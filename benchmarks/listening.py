"""Measures the columnar path of listening: speed against DuckDB's own, redaction, memory.

Run it as `python -m benchmarks.listening [--rows N] [--redacted-rows N]`; each step has its own process and home.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb

#: Mentions of seven networks, each with a text of its own of about 110 characters, one in twenty with identifiers.
_MENTIONS = """
copy (
    select
        md5('mention' || i) as mention_id,
        ['x', 'x', 'x', 'facebook', 'facebook', 'press', 'forum', 'telegram', 'tiktok', 'web'][1 + i % 10]
            as source_platform,
        timestamptz '2025-01-01 00:00:00+00' + to_seconds(i * 13 % 5000000) as published_at,
        timestamptz '2025-01-01 00:05:00+00' + to_seconds(i * 13 % 5000000) as collected_at,
        ['https://x.com/compte', 'https://x.com/compte', 'https://x.com/compte', 'https://www.facebook.com/compte',
         'https://www.facebook.com/compte', 'https://www.journal.example/articles', 'https://forum.example/sujet',
         'https://t.me/compte', 'https://www.tiktok.com/@compte', 'https://blog.example/billet'][1 + i % 10]
            || i % 300000 || '/status/' || i as url,
        'fr' as lang,
        'Vague d''hameçonnage n° ' || i || ' signalée à la mairie : ne cliquez pas, prévenez un proche,'
            || if(i % 20 = 0, ' appelez Marie Dupont au 06 12 34 56 ' || 10 + i % 89, ' et gardez le message') as text,
        'compte ' || hash(i) % 400000 as author_id,
        i * 7 % 5000 as author_followers,
        i % 50 = 0 as author_verified,
        i % 3 = 0 as is_share,
        i % 10 as likes, i % 5 as shares, i % 4 as "comments", i % 1000 as views, i % 20 as engagement,
        i * 7 % 5000 as impressions_potential,
        i % 11 - 5 as sentiment,
        'crues' as topics, 'FR' as country, '33' as department_code, 'visibrain' as vendor, 'eau' as vendor_query
    from range({rows}) as t(i)
) to '{file}' (format parquet)
"""


class _Memory(threading.Thread):
    """Watches what this process and its children hold together: `ru_maxrss` of a child counts its parent's pages."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mebibytes = 0

    def run(self) -> None:
        while True:
            self.peak_mebibytes = max(self.peak_mebibytes, sum(map(_mebibytes, ["self", *_children()])))
            time.sleep(0.2)


def _children() -> list[str]:
    return [child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()]


def _mebibytes(process: str) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:  # it has just ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def _generate(file: Path, rows: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(_MENTIONS.format(rows=rows, file=file))


def _create_table(file: Path) -> None:
    """Time DuckDB's own `create table as`, into a file, checkpoint included."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/own.duckdb") as connection:
        start = time.perf_counter()
        connection.execute(f"create table mentions as select * from read_parquet('{file}')")  # noqa: S608
        connection.execute("checkpoint")
        print(json.dumps({"seconds": time.perf_counter() - start}))


def _load(file: Path, *, redacted: bool) -> None:
    """Time a load into an empty home, whose tables exist."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CYBERIMPACT_HOME": folder, "CYBERIMPACT_PSEUDONYM_KEY": "measured"}
        from ingestion.engine.columnar import PROTECTION, Protection, load_parquet
        from ingestion.engine.loading import ensure_tables
        from ingestion.platforms import platform

        ensure_tables("listening")
        protection = PROTECTION if redacted else Protection(_same, _same, in_processes=False)
        memory = _Memory()
        memory.start()
        start = time.perf_counter()
        report = load_parquet(platform("listening"), file, lambda _: None, protection)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "new": report.total("rows_new"), "mebibytes": memory.peak_mebibytes}))


def _same(values: object) -> object:
    return values


def _measured(step: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.listening", "--step", step, "--file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _report(rows: int, redacted_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, few = Path(folder) / "mentions.parquet", Path(folder) / "few.parquet"
        _generate(file, rows)
        _generate(few, redacted_rows)
        own, loaded, redacted = _measured("own", file), _measured("identity", file), _measured("redacted", few)
    print(f"{rows} mentions, {redacted_rows} with redaction, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"DuckDB's own create table: {own['seconds']:.1f} s")
    print(
        f"load without redaction: {loaded['seconds']:.1f} s, {rows / loaded['seconds']:.0f} mentions/s,"
        f" ratio {own['seconds'] / loaded['seconds']:.3f} (aim 0.25), {loaded['mebibytes']:.0f} MiB (aim 2048)"
    )
    print(
        f"load with redaction: {redacted['seconds']:.1f} s, {redacted_rows / redacted['seconds']:.0f} mentions/s"
        f" (aim 8000), {redacted['mebibytes']:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listening", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--redacted-rows", type=int, default=200_000)
    parser.add_argument("--step", choices=["own", "identity", "redacted"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step is None:
        _report(options.rows, options.redacted_rows)
    elif options.step == "own":
        _create_table(options.file)
    else:
        _load(options.file, redacted=options.step == "redacted")


if __name__ == "__main__":
    main()
