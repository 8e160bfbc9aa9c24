"""The command line as people and programs meet it: results on stdout, all else on stderr, and no bare stack trace."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cli import loads
from core.settings import Home
from orchestration import execution
from tests.cli.verbs import CYBERIMPACT, QUERY, Done, Run


def test_the_real_command_keeps_its_streams_apart(published_home: Home, tmp_path: Path) -> None:
    environment = os.environ | {"CYBERIMPACT_HOME": str(published_home.root)}

    def real(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [CYBERIMPACT, *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = real("query", QUERY, "--format", "json")
    assert (good.returncode, good.stderr) == (0, "")
    assert len(json.loads(good.stdout)) == 2
    bad = real("query", "x")
    Done(bad.returncode, bad.stdout, bad.stderr).refused()
    assert not list(tmp_path.glob("*.tmp")), "nothing is written where the command is run"


class TestEmptyHome:
    def test_a_query_says_what_to_do(self, run: Run) -> None:
        assert "cyberimpact publish" in run("query", QUERY).refused()

    def test_an_unknown_platform_lists_the_known_ones(self, run: Run) -> None:
        assert "services_publics_plus" in run("load", "percevel").refused()

    @pytest.mark.parametrize("file", ["absent.csv", "."])
    def test_a_file_that_is_none_is_named(self, run: Run, file: str) -> None:
        assert file in run("load", "services_publics_plus", "--file", file).refused()

    def test_a_file_belongs_to_one_platform(self, run: Run) -> None:
        assert "several are named" in run("load", "jdma", "partoo", "export.csv").refused()

    def test_each_file_has_its_own_outcome_and_those_that_are_good_load(
        self, run: Run, home: Home, tmp_path: Path, copy_manifests: Callable[[Home], None]
    ) -> None:
        copy_manifests(home)
        header = ("stats_id", "debut", "fin", "dpt_unite", "pers_physique", "pers_morale")
        labels = ",".join(name if name == "stats_id" else f"stats_{name}" for name in header)
        labels = labels.replace("debut", "debut_declaration").replace("fin", "fin_declaration")
        rows = {
            "a": "1,2025-01-02 10:00:00,2025-01-02 10:05:00,33,1,0",
            "b": "1,2025-02-31 10:00:00,,33,1,0",
            "c": "1,2025-01-02 10:00:00,2025-01-02 10:09:00,33,1,0",
        }
        for name, row in rows.items():
            (tmp_path / f"{name}.csv").write_text(f"{labels}\n{row}\n")
        files = [str(tmp_path / f"{name}.csv") for name in ("a", "b", "absent", "c")]
        done = run("load", "pre_plainte", *files)
        assert done.code == 1
        assert done.out.splitlines()[0].startswith("a.csv: pre_plainte: 1 read, 1 new")
        assert "1 rows changed by line 2" in done.out.splitlines()[1]
        assert "every record was refused (1 of 1)" in " ".join(done.err.split())
        assert "absent.csv is neither a platform nor a file" in " ".join(done.err.split())
        assert "2 of 4 loads failed" in " ".join(done.err.split())

    @pytest.mark.parametrize("verb", [("query", "select 1"), ("load", "services_publics_plus")])
    def test_a_home_that_is_no_folder_is_said(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: Sequence[str]
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "file"))
        assert str(tmp_path / "file") in run(*verb).refused()

    @pytest.mark.parametrize("verb", [(), ("kpi",), ("superset",), ("quarantine",)])
    def test_without_a_verb_help_is_shown(self, run: Run, verb: Sequence[str]) -> None:
        done = run(*verb, "--help")
        assert done.code == 0
        assert "Usage" in done.out

    def test_help_lists_the_verbs(self, run: Run) -> None:
        shown = run("--help").out
        for verb in ("load", "build", "publish", "query", "kpi", "superset", "doctor"):
            assert verb in shown


def test_one_bad_file_of_an_inbox_stops_no_other_and_fails_the_load(tmp_path, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path))
    drop_folder = tmp_path / "drop" / "pre_plainte"
    drop_folder.mkdir(parents=True)
    for name in ("a_bad.csv", "b_good.csv"):
        (drop_folder / name).write_text("x")
    (drop_folder / "c_link.csv").symlink_to(drop_folder / "b_good.csv")

    def run_job(_, config):
        file = Path(config["ops"]["pre_plainte"]["config"]["file"])
        failures = ["pre_plainte, file a_bad.csv: the header is not recognised."] if file.name == "a_bad.csv" else []
        summaries = [] if failures else ["pre_plainte: 1 new"]
        return execution.Outcome("run", not failures, {}, failures, summaries)

    monkeypatch.setattr(loads, "run_job", run_job)
    link, bad, good = loads.load_all(loads.wanted(["pre_plainte"], []))
    assert "c_link.csv is a symbolic link" in str(link)
    assert "a_bad.csv: the header" in str(bad)
    assert good == "b_good.csv: pre_plainte: 1 new"
