"""What is printed harms no terminal, and a reader that leaves early is no error."""

import errno
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cli import output
from cli.output import Format, print_rows, print_table, say
from core.errors import ExpectedFailure
from core.files import write_text
from core.settings import Home


def test_a_text_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile, harmless = "merci [red]\x1b[31m \x07bravo\u202e :warning: [NOM]", "merci [red][31m bravo :warning: [NOM]"
    say(f"{hostile}\tfin")
    assert capsys.readouterr().out == f"{harmless}\tfin\n"
    print_table(["text"], [(hostile,)])
    printed = capsys.readouterr().out
    assert harmless in printed
    assert "\x1b" not in printed


def test_a_table_is_not_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["code", "text"], [("a b", "x" * 150), (None, 1)], unbroken="code")
    assert "x" * 150 in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "expected"),
    [(Format.csv, "a,b\n0.5,\n"), (Format.json, '[\n  {\n    "a": 0.5,\n    "b": null\n  }\n]\n')],
)
def test_rows_are_printed_for_programs(capsys: pytest.CaptureFixture[str], form: Format, expected: str) -> None:
    print_rows(["a", "b"], [(Decimal("0.5"), None)], form)
    assert capsys.readouterr() == (expected, "")


def test_a_failure_is_one_line_on_stderr_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    def app() -> None:
        raise ExpectedFailure("The file\x1b[2J is not there.", "Give another [file].")

    with pytest.raises(SystemExit) as left:
        output.run(app)
    assert left.value.code == 1
    assert capsys.readouterr() == ("", "The file[2J is not there. Give another [file].\n")


def test_a_denied_access_is_a_sentence(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.root.mkdir()

    def app() -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(home.root))

    with pytest.raises(SystemExit):
        output.run(app)
    assert f"denied access to {home.root}" in capsys.readouterr().err


def test_an_error_of_programming_keeps_its_trace() -> None:
    def app() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        output.run(app)


@pytest.mark.parametrize("form", list(Format))
def test_a_reader_that_is_gone_gets_no_stack_trace(form: Format) -> None:
    program = (
        "import typer; from cli import output; app = typer.Typer()\n"
        f"@app.command()\ndef rows():\n    output.print_rows(['a'], [(1,)] * 3, output.Format('{form}'))\n"
        "output.run(app)"
    )
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = subprocess.run([sys.executable, "-c", program], stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExpectedFailure, match=r"absent/page\.html ne peut pas être écrit"):
        write_text(tmp_path / "absent" / "page.html", "")
