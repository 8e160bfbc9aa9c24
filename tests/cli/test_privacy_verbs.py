"""The verbs that redact and erase, through the real command line. What they find is tested in `ingestion`."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from core.settings import Home
from orchestration import maintenance

CYBERIMPACT = Path(sys.executable).with_name("cyberimpact")


def verb(home: Home, *arguments: str, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"CYBERIMPACT_HOME": str(home.root)}
    return subprocess.run([CYBERIMPACT, *arguments], env=environment, input=typed, capture_output=True, check=False)


def test_lines_come_back_redacted_with_their_ends(home: Home) -> None:
    typed = "Appelez Mme Martin au 06 12 34 56 78\r\nMerci à la brigade de Pau\n".encode()
    done = verb(home, "redact", typed=typed)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "Appelez Mme [NOM] au [TÉLÉPHONE]\r\nMerci à la brigade de Pau\n"


def test_an_empty_home_has_nothing_to_purge(home: Home) -> None:
    done = verb(home, "purge")
    assert (done.returncode, done.stdout) == (0, b"0 rows removed; 0 files written anew.\n")


def test_what_is_no_pseudonym_is_refused(home: Home) -> None:
    done = verb(home, "purge", "--pseudonym", "Jean Martin")
    assert done.returncode == 1
    assert b"This is no pseudonym." in done.stderr
    assert b"Martin" not in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.usefixtures("home")
def test_the_nightly_job_runs() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert maintenance.purge.execute_in_process(instance=instance).success
