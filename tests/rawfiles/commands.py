"""Runs verbs of the command line one after the other in one process, which saves the start of each.

Reads the verbs as JSON from stdin, a list of lists of arguments, and writes a line of JSON for each: code, out, err.
"""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence

from core import settings
from tests.e2e.line import Done, Line


def run(line: Line, verbs: Sequence[Sequence[str]]) -> list[Done]:
    """Run verbs on a home, and return what each left."""
    process = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(verbs),
        env=line.environment(),
        cwd=settings.CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Done(**json.loads(done)) for done in process.stdout.splitlines()]


def main() -> None:
    """Run each verb as `cyberimpact` does, and write what it left."""
    from cli import main

    answers = sys.stdout
    for arguments in json.load(sys.stdin):
        out, err, code = io.StringIO(), io.StringIO(), 0
        sys.argv = ["cyberimpact", *arguments]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main.main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        print(json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
