"""`cyberimpact doctor`: what is missing, late or broken is named with its remedy."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli import health_checks, supervisor
from core import installation
from core.settings import Home
from tests.cli.verbs import TABLES, Run
from tests.handmade import write_copy, write_warehouse
from tests.ports import free_port

LIVE_STATE = """
set TimeZone = 'UTC';
create schema signals;
create table signals.live_state as select * from (values
    ('listening', now()::timestamp - interval 10 minute),
    ('brigade_numerique', null)
) as rows(platform, last_loaded_at);
"""


class TestDoctor:
    def findings(self, run: Run) -> dict[str, dict[str, str]]:
        done = run("doctor", "--json")
        assert done.err == ""
        found = json.loads(done.out)
        assert isinstance(found, list)
        for finding in found:
            assert finding.keys() >= {"subject", "state", "detail", "remedy"}
            assert finding["state"] == "ok" or finding["remedy"], "each trouble has its remedy"
        assert done.code == int(any(finding["state"] == "broken" for finding in found))
        return {finding["subject"]: finding for finding in found}

    def test_an_empty_home(self, run: Run) -> None:
        found = self.findings(run)
        assert found["supervisor"]["state"] == "broken"
        assert "make up" in found["supervisor"]["remedy"]
        assert found["publication"]["state"] != "ok"

    def test_a_folder_elsewhere_that_cannot_be_read_is_named(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CYBERIMPACT_JDMA_DROP", str(tmp_path / "out"))
        finding = self.findings(run)["folder of jdma"]
        assert finding["state"] == "broken"
        assert finding["detail"] == f"There is no folder file://{tmp_path}/out."
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a.csv").write_text("a")
        finding = self.findings(run)["folder of jdma"]
        assert (finding["state"], finding["detail"]) == ("ok", "1 file(s) to fetch")

    def test_files_that_others_may_open_are_named_and_the_remedy_closes_them(self, run: Run, home: Home) -> None:
        home.root.mkdir(mode=0o700)
        (home.root / "warehouse.duckdb").touch(mode=0o600)
        assert self.findings(run)["files"]["state"] == "ok"
        (home.root / "warehouse.duckdb").chmod(0o640)
        (home.root / "logs").mkdir()
        (home.root / "logs").chmod(0o755)
        finding = self.findings(run)["files"]
        assert (finding["state"], finding["detail"]) == (
            "broken",
            "2 are open to other accounts: home/logs, home/warehouse.duckdb",
        )
        subprocess.run(finding["remedy"], shell=True, check=True)
        assert self.findings(run)["files"]["state"] == "ok"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_files_of_another_account_are_named_and_the_remedy_gives_them_back(self, run: Run, home: Home) -> None:
        home.root.mkdir(mode=0o700)
        (home.root / "warehouse.duckdb").touch(mode=0o600)
        os.chown(home.root / "warehouse.duckdb", 65534, 65534)
        finding = self.findings(run)["files"]
        assert (finding["state"], finding["detail"]) == (
            "broken",
            "1 belong to another account than the data: home/warehouse.duckdb",
        )
        subprocess.run(finding["remedy"], shell=True, check=True)
        assert self.findings(run)["files"]["state"] == "ok"

    def test_a_publication_in_the_future_names_the_clock(self, run: Run, home: Home) -> None:
        file = write_copy(home, TABLES)
        assert "clock" not in self.findings(run)
        later = time.time() + 3600
        os.utime(file, (later, later))
        finding = self.findings(run)["clock"]
        assert (finding["state"], "which lies in the future" in finding["detail"]) == ("late", True)

    def test_a_wrong_file_of_the_configuration_is_named(self, run: Run, home: Home) -> None:
        home.config.mkdir(parents=True)
        (home.config / "accounts.yml").write_text("accounts:\n- {network: minitel, account: x}\n")
        finding = self.findings(run)["config/accounts.yml"]
        assert (finding["state"], "accounts.yml" in finding["detail"]) == ("broken", True)

    def test_lines_for_people_say_the_same(self, run: Run) -> None:
        shown = run("doctor").out
        for subject, finding in self.findings(run).items():
            (line,) = [line for line in shown.splitlines() if f" {subject} " in f"{line} "]
            assert finding["state"] in line
            assert finding["remedy"] in line

    @pytest.mark.parametrize(("value", "state"), [("", "late"), ("a secret", "broken"), ("A" * 43, "ok")])
    def test_the_key_that_signs(self, run: Run, monkeypatch: pytest.MonkeyPatch, value: str, state: str) -> None:
        monkeypatch.setenv("CYBERIMPACT_LEDGER_SIGNING_KEY", value)
        finding = self.findings(run)["CYBERIMPACT_LEDGER_SIGNING_KEY"]
        assert finding["state"] == state
        assert "a secret" not in finding["detail"]

    @pytest.mark.usefixtures("published_home")
    def test_a_published_home(self, run: Run) -> None:
        found = self.findings(run)
        assert found["publication"]["state"] == "ok"
        assert "2026-01-02" in found["publication"]["detail"]
        assert found["services_publics_plus"]["state"] == "ok"

    def test_a_platform_that_is_late(self, run: Run, home: Home) -> None:
        write_copy(home, TABLES.replace("interval 1 hour", "interval 10 day"))
        found = self.findings(run)["services_publics_plus"]
        assert found["state"] == "late"
        assert "cyberimpact load services_publics_plus" in found["remedy"]

    def test_a_file_that_waits_in_the_inbox(self, run: Run, home: Home) -> None:
        inbox = home.drop / "services_publics_plus"
        inbox.mkdir(parents=True)
        (inbox / "export.csv").touch()
        found = self.findings(run)
        assert "export.csv" in found["drop/services_publics_plus"]["detail"]

    def test_a_build_that_was_interrupted(self, run: Run, home: Home) -> None:
        write_warehouse(home, nodes={"kpi_value": "running"})
        found = self.findings(run)["build"]
        assert found["state"] == "broken"
        assert "cyberimpact build" in found["remedy"]

    def test_a_warehouse_that_cannot_be_read(self, run: Run, home: Home) -> None:
        home.root.mkdir()
        home.warehouse.write_bytes(b"this is no database" * 1000)
        assert self.findings(run)["build"]["state"] == "broken"

    def test_a_published_copy_that_cannot_be_read(self, run: Run, published_home: Home) -> None:
        copy = published_home.published / "daily" / "current" / "serving.duckdb"
        copy.resolve().write_bytes(b"this is no database" * 1000)
        assert self.findings(run)["publication"]["state"] == "broken"

    def test_a_warehouse_that_somebody_has_open(self, run: Run, home: Home) -> None:
        """By hand, without the lock: DuckDB lets nobody else in."""
        write_warehouse(home)
        program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", program, str(home.warehouse)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "open\n"
                assert str(process.pid) in self.findings(run)["build"]["detail"]
            finally:
                process.kill()

    def test_a_port_that_is_no_number(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(supervisor, "supervisor_pid", lambda _=None: os.getpid())
        monkeypatch.setenv("CYBERIMPACT_SANDBOX_PORT", "eighty")
        done = run("doctor", "--json")
        assert done.code == 1
        assert "CYBERIMPACT_SANDBOX_PORT" in done.out + done.err

    @pytest.mark.usefixtures("published_home")
    def test_a_live_platform_is_as_late_as_its_last_micro_batch(self, run: Run, home: Home) -> None:
        """The daily copy knows its loads of the last daily build only."""
        assert "never loaded" in self.findings(run)["listening"]["detail"]
        write_copy(home, LIVE_STATE, target="live", file_name="live_serving.duckdb")
        found = self.findings(run)
        assert found["listening"]["state"] == "ok"
        assert found["brigade_numerique"]["detail"] == "never loaded"

    @pytest.mark.usefixtures("published_home")
    def test_a_live_copy_of_an_older_version_is_no_trouble(self, run: Run, home: Home) -> None:
        older = "create schema signals; create table signals.live_state as select 'listening' as platform"
        write_copy(home, older, target="live", file_name="live_serving.duckdb")
        found = self.findings(run)
        assert found["listening"]["detail"] == "never loaded"
        assert found["services_publics_plus"]["state"] == "ok"

    @pytest.mark.usefixtures("published_home")
    @pytest.mark.parametrize("zone", ["UTC", "ABC-3", "ABC+3"])
    def test_a_load_is_as_old_wherever_the_machine_stands(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, zone: str
    ) -> None:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", zone)
            time.tzset()
            detail = self.findings(run)["services_publics_plus"]["detail"]
        time.tzset()
        assert detail == "loaded 1 h ago"

    def test_every_program_is_told_of(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """The scheduler answers on no port; whether it runs matters most of all."""
        monkeypatch.setattr(supervisor, "supervisor_pid", lambda _=None: os.getpid())
        assert self.findings(run).keys() >= {program.name for program in supervisor.programs()}


@pytest.mark.usefixtures("home")
def test_of_an_installation_each_process_is_asked_and_systemd_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(installation.SETTING, str(tmp_path / "cyberimpact.toml"))
    for name in ("SUPERSET", "DAGSTER", "WEB"):
        monkeypatch.setenv(f"CYBERIMPACT_{name}_PORT", str(free_port()))
    found = {finding.subject: finding.remedy for finding in health_checks.processes()}
    assert found == {
        name: f"systemctl status cyberimpact-{name}"
        for name in ("superset", "dagster-code", "dagster-webserver", "web")
    }
