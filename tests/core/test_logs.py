"""Lines of logs: text or JSON, with the run that they belong to."""

import json
import os
import subprocess
import sys

import pytest

from core import logs
from core.errors import ExpectedFailure
from core.settings import CHECKOUT

WRITING = """
import logging
from core import logs

logs.configure()
log = logging.getLogger("ours")
log.info("not written")
log.warning("before %s", "a «run»")
with logs.of_run("r-1"):
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("in\\nit")
log.error("after")
"""


def written(form: str) -> list[str]:
    own = os.environ | {logs.SETTING: form}
    done = subprocess.run(
        [sys.executable, "-c", WRITING], env=own, cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_line_of_json_has_its_run_and_its_exception() -> None:
    before, within, after = map(json.loads, written("json"))
    assert before.keys() == {"at", "level", "logger", "process", "run_id", "message"}
    assert (before["level"], before["logger"], before["message"]) == ("WARNING", "ours", "before a «run»")
    assert [line["run_id"] for line in (before, within, after)] == [None, "r-1", None]
    assert within["message"] == "in\nit"
    assert within["exception"].endswith("ZeroDivisionError: division by zero")
    assert before["at"] <= within["at"] <= after["at"]


def test_text_is_the_default() -> None:
    lines = written("")
    assert lines[0].endswith(" before a «run»")


def test_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.SETTING, "xml")
    with pytest.raises(ExpectedFailure, match="Set it to text or json"):
        logs.configure()
