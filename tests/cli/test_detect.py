"""`cyberimpact detect`, through the real command line."""

import csv
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.settings import Home

START = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Done:
    """What the verb left: its exit code and both streams."""

    returncode: int
    stdout: str
    stderr: str


Detect = Callable[..., Done]


@pytest.fixture
def detect(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Detect:  # noqa: ARG001
    """Run the verb in this process, through the entry point."""
    from cli.main import main

    def run(*arguments: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["cyberimpact", "detect", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as left:
            main()
        streams = capsys.readouterr()
        return Done(int(left.value.code or 0), streams.out, streams.err)

    return run


def series(spike_at: int = 300) -> list[tuple[str, str]]:
    return [
        (str(START + index * timedelta(minutes=5)), "900" if index == spike_at else str(20 + index * 7 % 11))
        for index in range(400)
    ]


def text(rows: list[tuple[str, str]], header: str = "timestamp,value") -> str:
    return "\n".join([header, *map(",".join, rows)]) + "\n"


def test_each_row_comes_back_scored_in_its_order(detect: Detect, tmp_path: Path) -> None:
    rows = series()
    rows[50], rows[60] = (rows[50][0], ""), (rows[60][0], "NaN")
    file, out = tmp_path / "posts.csv", tmp_path / "scored.csv"
    file.write_text(text(rows, "at,posts"), encoding="utf-8")
    to_file = detect(str(file), "--timestamp", "at", "--value", "posts", "--out", str(out))
    assert (to_file.returncode, to_file.stdout) == (0, "")
    assert to_file.stderr == "400 rows, 398 scored; 1 would have alerted.\n"
    piped = detect("-", "--timestamp", "at", "--value", "posts", typed=file.read_text())
    assert piped.stdout == out.read_text()
    scored = list(csv.DictReader(io.StringIO(piped.stdout)))
    assert list(scored[0]) == ["timestamp", "value", "expected", "upper", "score", "alert"]
    assert [(row["timestamp"], row["value"]) for row in scored] == rows
    assert [index for index, row in enumerate(scored) if row["alert"] == "true"] == [300]
    assert [index for index, row in enumerate(scored) if row["score"] == ""] == [50, 60]
    assert float(scored[300]["expected"]) < 40 < float(scored[300]["upper"]) < 900


def test_an_empty_series_gives_a_header(detect: Detect) -> None:
    done = detect("-", typed="timestamp,value\n")
    assert (done.returncode, done.stdout) == (0, "timestamp,value,expected,upper,score,alert\n")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("timestamp,count\n2026-01-01,1\n", "line 1: there is no column 'value'; there are: timestamp, count."),
        ("", "line 1: there is no column 'timestamp'; there are: none."),
        (
            "timestamp,value\n2026-01-01,1\n01/02/2026,1\n",
            "line 3, column 'timestamp': '01/02/2026' is not a timestamp.",
        ),
        ("timestamp,value\n2026-01-01,douze\n", "line 2, column 'value': 'douze' is not a number."),
        ("timestamp,value\n2026-01-01,inf\n", "line 2, column 'value': 'inf' is not a number."),
    ],
)
def test_what_cannot_be_scored_is_said_with_its_place(detect: Detect, typed: str, said: str) -> None:
    done = detect("-", typed=typed)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"standard input, {said}" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_cannot_be_read_or_written_are_named(detect: Detect, tmp_path: Path) -> None:
    absent = detect(str(tmp_path / "absent.csv"))
    assert f"{tmp_path / 'absent.csv'} cannot be read: No such file or directory." in absent.stderr
    nowhere = detect("-", "--out", str(tmp_path / "no/where.csv"), typed="timestamp,value\n")
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "cannot be written" in nowhere.stderr
    latin = tmp_path / "latin.csv"
    latin.write_bytes("timestamp,value,é\n".encode("latin-1"))
    assert "UTF-8" in detect(str(latin)).stderr
