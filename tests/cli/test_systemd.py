"""Units of systemd: systemd itself reads them, and what they start is what `make up` runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cli import supervisor, systemd
from core import service_manager
from core.errors import ExpectedFailure
from core.settings import Home

#: systemd's own measure of what a service could still do: 0 is nothing, 10 is everything.
MOST_EXPOSED = {"web": 2.0, "superset": 2.0, "dagster-webserver": 2.0, "dagster-code": 4.2, "watch": 4.2}


@pytest.fixture
def folder(home: Home, tmp_path: Path) -> Path:
    home.root.mkdir()
    written = tmp_path / "units"
    written.mkdir()
    systemd.write(written)
    return written


@pytest.fixture
def analyze() -> str:
    return shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not here")


def test_each_program_but_the_sandbox_has_a_unit_that_the_target_keeps_up(folder):
    names = {f"cyberimpact-{program.name}.service" for program in supervisor.programs()} - {
        "cyberimpact-sandbox.service"
    }
    assert {file.name for file in folder.iterdir()} == names | {"cyberimpact.target", "cyberimpact-prepare.service"}
    upholds = re.search(r"^Upholds=(.*)$", (folder / "cyberimpact.target").read_text(), re.MULTILINE)
    assert upholds
    assert set(upholds[1].split()) == names


def test_the_preparation_is_tried_again(folder):
    lines = (folder / "cyberimpact-prepare.service").read_text().splitlines()
    assert lines.count("Restart=on-failure") == lines.count("RestartSec=10") == 1


def test_what_reads_the_graph_starts_after_the_code_server(folder):
    after = "After=cyberimpact-prepare.service cyberimpact-dagster-code.service\n"
    readers = {file.stem for file in folder.iterdir() if after in file.read_text()}
    assert readers == {"cyberimpact-dagster-daemon", "cyberimpact-dagster-webserver"}


def test_a_service_that_takes_too_much_memory_loses_its_largest_process_only(folder):
    for name in systemd.programs().keys() & {program.name for program in supervisor.programs()}:
        lines = (folder / f"cyberimpact-{name}.service").read_text().splitlines()
        assert [line for line in lines if line.startswith(("MemoryMax", "OOMPolicy"))] == [
            f"MemoryMax={'80%' if name in systemd.BUILDING else '50%'}",
            "OOMPolicy=continue",
        ]


def test_a_process_that_is_silent_is_started_again_without_its_memory_being_written_down(folder):
    for name in systemd.programs().keys() & {program.name for program in supervisor.programs()}:
        lines = set((folder / f"cyberimpact-{name}.service").read_text().splitlines())
        assert lines >= {"Type=notify", "WatchdogSec=2min", "Restart=always", "TasksMax=2048", "LimitCORE=0"}


def test_what_the_engine_runs_reports_nothing_and_is_not_waited_for(folder, monkeypatch):
    monkeypatch.setattr(supervisor, "engine_programs", lambda: [supervisor.Program("spark-master", ["true"], 7077)])
    systemd.write(folder)
    text = (folder / "cyberimpact-spark-master.service").read_text()
    assert "Type=exec\nRestart=always\n" in text
    assert "WatchdogSec" not in text


@pytest.mark.parametrize(
    ("name", "socket", "asked"),
    [
        ("web", "/run/systemd/notify", ["http://127.0.0.1:8091/healthz"]),
        ("web", None, []),
        ("watch", "/run/systemd/notify", []),
    ],
)
def test_a_server_that_reports_nothing_is_launched_where_systemd_listens(home, monkeypatch, name, socket, asked):
    home.root.mkdir()
    monkeypatch.chdir(home.root)
    monkeypatch.setenv("CYBERIMPACT_WEB_PORT", "8091")
    monkeypatch.delenv(service_manager.SOCKET, raising=False)
    if socket:
        monkeypatch.setenv(service_manager.SOCKET, socket)
    become = []
    monkeypatch.setattr(os, "execvpe", lambda _, command, __: become.append(command))
    monkeypatch.setattr(supervisor, "environment", dict)
    systemd.run(name)
    launcher = [str(supervisor.BIN / "python"), "-m", "cli.launcher"] if asked else []
    assert become == [[*launcher, *asked, *map(str, systemd.programs()[name].command)]]


def test_units_hold_no_secret(folder, monkeypatch):
    monkeypatch.setenv("SUPERSET_SECRET_KEY", "a-secret-of-superset")
    monkeypatch.setenv("SUPERSET_ADMIN_PASSWORD", "a-password")
    secrets = (os.environ["CYBERIMPACT_PSEUDONYM_KEY"], "a-secret-of-superset", "a-password")
    systemd.write(folder)
    assert not [file for file in folder.iterdir() for secret in secrets if secret in file.read_text()]


def test_what_builds_may_write_backups_and_nothing_else_outside(folder, monkeypatch):
    monkeypatch.setenv("CYBERIMPACT_BACKUP_ADDRESS", "file:///mnt/backups")
    systemd.write(folder)
    may = {file.stem for file in folder.iterdir() if "ReadWritePaths=-/mnt/backups\n" in file.read_text()}
    assert may == {f"cyberimpact-{name}" for name in systemd.BUILDING}
    monkeypatch.setenv("CYBERIMPACT_BACKUP_ADDRESS", "sftp://host/backups")
    systemd.write(folder)
    assert not [file for file in folder.iterdir() if "backups" in file.read_text()]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_services_trust_the_authorities_of_who_asks(folder, monkeypatch, name):
    line = f"Environment={name}=/etc/ssl/ministry.pem\n"
    for value, expected in (("/etc/ssl/ministry.pem", True), ("", False)):
        monkeypatch.setenv(name, value)
        systemd.write(folder)
        assert {line in file.read_text() for file in folder.glob("*.service")} == {expected}


def test_systemd_reads_them(folder, analyze):
    done = subprocess.run([analyze, "verify", *folder.iterdir()], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_services_are_hardened(folder, analyze):
    for name, most in MOST_EXPOSED.items():
        unit = folder / f"cyberimpact-{name}.service"
        asked = [analyze, "security", "--offline=true", f"--threshold={int(most * 10)}", unit]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout.splitlines()[-1:]


def test_a_folder_that_is_not_there_is_named(home, tmp_path):
    home.root.mkdir()
    with pytest.raises(ExpectedFailure, match="No such file or directory"):
        systemd.write(tmp_path / "nowhere")


def test_an_unknown_process_is_refused(home):
    home.root.mkdir()
    with pytest.raises(ExpectedFailure) as refused:
        systemd.run("sandbox")
    assert "web" in refused.value.remedy


@pytest.mark.parametrize("name", ["of gendarmerie", "100%h", "a\nExecStartPre=/bin/false", 'a"b', "$HOME"])
def test_a_path_that_systemd_reads_as_something_else_is_refused(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / name))
    with pytest.raises(ExpectedFailure, match="as something else"):
        systemd.write(tmp_path)
    assert list(tmp_path.glob("*.service")) == []
