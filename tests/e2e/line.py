"""A home driven through the real command line, and an export to put into it. No fixture, no test."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest

from core.settings import Home
from orchestration import instance
from warehouse import published

T = TypeVar("T")

CYBERIMPACT = Path(sys.executable).with_name("cyberimpact")
PLATFORM = "services_publics_plus"

HEADER = (
    "ID expérience", "Etat expérience", "Statut de l'expérience", "Date de publication", "Titre", "Description",
    "Posté comme", "Ressenti usager", "Code INSEE Département usager", "Intitulé département usager",
    "Intitulé région usager", "Code INSEE Région usager", "Pays", "Intitulé Typologie 1", "Hors structure",
    "ID structure 1", "Intitulé structure 1", "Accessibilité",
)  # fmt: skip


def write_export(path: Path, rows: int = 60) -> Path:
    """Write an export of invented experiences with the headers of 2023: one in five answered, the feelings in turn."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(HEADER)
        for number in range(rows):
            answered = number % 5 == 0
            writer.writerow(
                (
                    str(100_000 + number),
                    "Traitées" if answered else "A traiter",
                    "Expérience avec réponse" if answered else "Expérience en attente de réponse",
                    f"{1 + number % 28:02}/{1 + number % 12:02}/2022 09:30",
                    "Un titre inventé",
                    "Un texte inventé.",
                    "La personne concernée",
                    ("Positif", "Neutre", "Négatif")[number % 3],
                    "33.0" if number % 2 else "",
                    "Gironde" if number % 2 else "",
                    "Nouvelle-Aquitaine" if number % 2 else "",
                    "75.0" if number % 2 else "",
                    "France" if number % 4 else "Belgique",
                    "Mairie",
                    "Oui",
                    "",
                    "",
                    ("Positif", "", "Négatif")[number % 3],
                )
            )
    return path


@dataclass(frozen=True)
class Done:
    """What a verb left: its exit code and both streams."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Line:
    """One home and the command line on it.

    Attributes:
        home: The home.
        export: The export that was, or is to be, loaded.
        desk: Where the commands are run, and the user's own folder: nothing is to be written there.
    """

    home: Home
    export: Path
    desk: Path

    def environment(self) -> dict[str, str]:
        return os.environ | {"CYBERIMPACT_HOME": str(self.home.root), "HOME": str(self.desk), "COLUMNS": "200"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a verb as the leader of a session of its own, so that it can be killed with all that it started."""
        return subprocess.Popen(
            [CYBERIMPACT, *arguments],
            env=self.environment(),
            cwd=self.desk,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Done:
        """Run a verb to its end."""
        with ended(self.start(*arguments)) as process:
            output, errors = process.communicate(timeout=1200)
        assert "Traceback" not in errors, errors
        assert "BetaWarning" not in errors, errors
        return Done(process.returncode, output, errors)

    def succeed(self, *arguments: str) -> str:
        """Run a verb that is expected to succeed and return its result."""
        done = self.run(*arguments)
        assert done.code == 0, done.err
        return done.out

    def refuse(self, *arguments: str) -> str:
        """Run a verb that is expected to fail and return the sentence that says why."""
        done = self.run(*arguments)
        assert done.code == 1, done.err
        assert done.out == ""
        return done.err

    def rows(self, sql: str) -> list[tuple]:
        """Read the published copy."""
        with published.connect(self.home) as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def history(self) -> Iterator[dg.DagsterInstance]:
        """Open what Dagster has recorded in this home."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("CYBERIMPACT_HOME", str(self.home.root))
            environment.setenv("DAGSTER_HOME", str(self.home.dagster))
            with instance.get() as opened:
                yield opened

    def counts(self) -> dict[str, int]:
        """Return what must not change however often a line is run: rows and sums of the published tables."""
        sums = {
            "experiences": "select count(experience_id) from perception.fct_experience",
            "themes": "select count(experience_id) from perception.fct_experience_theme",
            "structures": "select count(experience_id) from perception.fct_experience_structure",
            "values": "select count(kpi_code) from kpi.kpi_value",
            "sum": "select sum(value) from kpi.kpi_value",
            "territories": "select count(territory_code) from reference.dim_territory",
        }
        return {name: self.rows(sql)[0][0] for name, sql in sums.items()}

    def publication(self) -> str:
        return self.rows("select publication_id from audit.publication")[0][0]


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Leave no process of a session behind."""
    with process:
        try:
            yield process
        finally:
            kill_session(process.pid)


def members(session: int) -> list[tuple[int, str]]:
    """Return process id and command line of every living process of a session (proc_pid_stat(5))."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, owner, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(owner) == session and state not in "ZX":
                found.append((int(folder.name), (folder / "cmdline").read_text().replace("\0", " ")))
        except OSError:  # it ended meanwhile
            continue
    return found


def kill_session(session: int) -> None:
    """Kill every process of a session at once, as a machine that loses its power does."""
    while living := members(session):
        for pid, _ in living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def dbt_build(session: int) -> int | None:
    """Return the process id of the dbt that builds for a session, None while there is none."""
    return next((pid for pid, command in members(session) if "bin/dbt" in command and " build" in command), None)


def wait_for(look: Callable[[], T | None], seconds: float) -> T:
    """Look until something is found."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"nothing within {seconds} s")
