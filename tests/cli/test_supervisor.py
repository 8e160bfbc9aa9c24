"""What runs on one machine: refused with a sentence where it cannot, brought back where it dies, stopped when asked."""

import configparser
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
import pytest
import yaml

from cli import health_checks, supervisor
from cli.supervisor import Program
from core import settings, superset
from core.errors import ExpectedFailure
from core.settings import Home
from tests.ports import free_port

T = TypeVar("T")

pytestmark = pytest.mark.usefixtures("set_up")

SECRETS = {"SUPERSET_SECRET_KEY": "a-secret-key-of-the-test", "SUPERSET_ADMIN_PASSWORD": "a-password-of-the-test"}

SERVE = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def wait_for(check: Callable[[], T | None], seconds: float) -> T:
    """Look until something is found."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found is not None and found is not False:
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} s: {check}")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def set_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home with its secrets, ports that are free, and the umask that the command line sets."""
    former = os.umask(settings.UMASK)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for service in ("DAGSTER", "SUPERSET", "SANDBOX", "API", "MAILBOX"):
        monkeypatch.setenv(f"CYBERIMPACT_{service}_PORT", str(free_port()))
    yield home
    os.umask(former)


class Server(NamedTuple):
    """A trivial program: a web server that answers its process id."""

    program: Program

    def pid(self) -> int | None:
        try:
            return int(httpx.get(self.program.url, timeout=1).text)
        except httpx.HTTPError:
            return None

    def other_than(self, pid: int) -> int | None:
        """Return the process id that answers, unless it is this one."""
        found = self.pid()
        return found if found != pid else None


@contextmanager
def supervised(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Server]:
    """Start a real supervisor, in the current home, with one trivial program in the place of the platform's own."""
    script = folder / "serve.py"
    script.write_text(SERVE)
    port = free_port()
    server = Server(Program("trivial", [sys.executable, script, str(port)], port, "/"))
    monkeypatch.setattr(supervisor, "programs", lambda: [server.program])
    monkeypatch.setattr(superset, "PYTHON", Path("/bin/true"))
    supervisor.prepare()
    supervisor.start()
    pid = wait_for(supervisor.supervisor_pid, 10)
    try:
        supervisor.wait_until_healthy(server.program, fresh=True)
        yield server
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not is_alive(pid), 30)


def sections(text: str) -> dict[str, dict[str, str]]:
    """Read a configuration as supervisord does: `%` is doubled."""
    parser = configparser.ConfigParser(interpolation=configparser.BasicInterpolation(), strict=True)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


class TestConfiguration:
    def test_every_program_is_brought_back_and_ends_with_its_supervisor(self, set_up: Home) -> None:
        found = sections(supervisor.configuration())
        programs = {name.partition(":")[2]: section for name, section in found.items() if name.startswith("program:")}
        assert programs.keys() == {program.name for program in supervisor.programs()}
        for section in programs.values():
            assert section["autorestart"] == "true"
            assert section["stopasgroup"] == section["killasgroup"] == "true"
            assert "--pdeathsig" in section["command"]
            assert section["stdout_logfile"].startswith(str(set_up.logs))
        assert found["supervisord"]["pidfile"].startswith(str(set_up.root))
        assert found["supervisord"]["logfile"].startswith(str(set_up.root))
        assert found["supervisord"]["umask"] == "077"

    def test_dagsters_pages_are_served_behind_the_gate(self) -> None:
        commands = [" ".join(map(str, program.command)) for program in supervisor.programs()]
        assert not [command for command in commands if "bin/dagster-webserver" in command or "dagster dev" in command]
        assert [command for command in commands if "-m orchestration.webserver" in command]

    def test_the_pages_are_served_and_named_first(self) -> None:
        assert "web" in {program.name for program in supervisor.programs() if program.health == "/healthz"}
        named = [line.split()[0] for line in supervisor.addresses().splitlines() if "http://" in line]
        assert named == ["Pages", "Superset", "Dagster", "Sandbox", "Mailbox"]

    def test_a_port_for_mails_that_is_taken_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            monkeypatch.setenv("CYBERIMPACT_MAILBOX_PORT", str(taken.getsockname()[1]))
            with pytest.raises(ExpectedFailure, match=r"mailbox needs.*CYBERIMPACT_MAILBOX_PORT"):
                supervisor.refuse_taken_ports(supervisor.programs())

    def test_dev_runs_dagster_and_the_superset_that_lets_into_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        become: list[tuple[str, list[str], dict[str, str]]] = []
        monkeypatch.setattr(superset, "PYTHON", Path("/bin/true"))
        monkeypatch.setattr(os, "execve", lambda *call: become.append(call))
        supervisor.dev()
        [(program, arguments, environment)] = become
        assert (program, arguments[1:]) == (
            str(supervisor.BIN / "supervisord"),
            ["-c", str(supervisor.configuration_file())],
        )
        assert environment["SUPERSET_SECRET_KEY"] == SECRETS["SUPERSET_SECRET_KEY"]
        found = sections(supervisor.configuration_file().read_text())
        assert found["supervisord"]["nodaemon"] == "true"
        assert found.keys() == {
            "supervisord", "program:superset", "program:web", "program:dagster-webserver", "program:dagster-daemon"
        }  # fmt: skip
        for name in ("program:dagster-webserver", "program:dagster-daemon"):
            assert str(settings.CHECKOUT / "workspace.yaml") in found[name]["command"]
            assert found[name]["stdout_logfile"] == "/dev/stdout"

    def test_it_opens_no_control_socket_and_holds_no_secret(self) -> None:
        text = supervisor.configuration()
        assert not [name for name in sections(text) if "http_server" in name or "rpcinterface" in name]
        assert not [value for value in SECRETS.values() if value in text]

    def test_everything_listens_on_the_loopback_only(self) -> None:
        assert "0.0.0.0" not in supervisor.configuration()
        assert all(program.url.startswith("http://127.0.0.1:") for program in supervisor.programs() if program.port)

    def test_a_checkout_may_have_any_name(
        self,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        command = ["/opt/my checkout/bin/run", "--share", "100%"]
        monkeypatch.setattr(supervisor, "programs", lambda: [Program("odd", command)])
        words = shlex.split(sections(supervisor.configuration())["program:odd"]["command"])
        assert words[-len(command) :] == command

    def test_a_home_may_have_any_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "100 % gendarmerie"))
        found = sections(supervisor.configuration())
        assert found["supervisord"]["pidfile"] == str(tmp_path / "100 % gendarmerie" / "run" / "supervisord.pid")

    def test_every_process_gets_the_home_and_the_secrets(self, set_up: Home) -> None:
        environment = supervisor.environment()
        assert environment["CYBERIMPACT_HOME"] == str(set_up.root)
        assert environment["DAGSTER_HOME"] == str(set_up.dagster)
        assert environment["SUPERSET_HOME"] == str(set_up.superset)
        assert environment["SUPERSET_SECRET_KEY"] == SECRETS["SUPERSET_SECRET_KEY"]


class TestPreparation:
    def test_what_is_needed_is_there_afterwards(self, set_up: Home) -> None:
        supervisor.prepare()
        supervisor.prepare()
        assert (set_up.drop / "services_publics_plus").is_dir()
        assert (set_up.dagster / "dagster.yaml").is_symlink()

    def test_two_machines_do_not_share_databases_in_files(self, set_up: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(settings.NODE_SETTING, "srv-1")
        with pytest.raises(ExpectedFailure) as refused:
            supervisor.prepare()
        needed = (settings.OPERATIONS_SETTING, settings.DAGSTER_SETTING, superset.METADATA_SETTING)
        assert all(name in refused.value.what for name in needed)
        for name in needed:
            monkeypatch.setenv(name, "postgresql://server/database")
        supervisor.prepare()
        assert supervisor.code_socket() == set_up.root / "run" / "srv-1" / "code.sock"

    def test_a_home_of_an_earlier_version_is_closed_to_others(self, set_up: Home) -> None:
        (set_up.root / "superset").mkdir(parents=True)
        (set_up.root / "superset" / "superset.db").touch()
        (set_up.root / "superset" / "superset.db").chmod(0o644)
        assert health_checks.modes(set_up).state == "broken"
        supervisor.prepare()
        assert health_checks.modes(set_up).state == "ok"

    @pytest.mark.parametrize("service", ["dagster", "superset", "sandbox"])
    @pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
    def test_a_port_in_use_is_said_in_a_sentence_with_its_setting(
        self,
        monkeypatch: pytest.MonkeyPatch,
        service: str,
        address: str,
    ) -> None:
        with socket.socket() as taken:
            taken.bind((address, 0))
            taken.listen()
            port = taken.getsockname()[1]
            monkeypatch.setenv(f"CYBERIMPACT_{service.upper()}_PORT", str(port))
            with pytest.raises(ExpectedFailure) as refused:
                supervisor.prepare()
        sentence = str(refused.value)
        assert str(port) in sentence
        assert f"CYBERIMPACT_{service.upper()}_PORT" in sentence
        assert "\n" not in sentence

    def test_two_services_with_one_port_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        port = str(free_port())
        monkeypatch.setenv("CYBERIMPACT_DAGSTER_PORT", port)
        monkeypatch.setenv("CYBERIMPACT_SUPERSET_PORT", port)
        with pytest.raises(ExpectedFailure, match=port):
            supervisor.prepare()

    def test_a_port_that_is_no_number_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CYBERIMPACT_SANDBOX_PORT", "eighty")
        with pytest.raises(ExpectedFailure, match="CYBERIMPACT_SANDBOX_PORT"):
            supervisor.prepare()

    def test_a_full_disk_is_said_in_a_sentence(self, set_up: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = type(shutil.disk_usage("/"))(10**12, 10**12 - 300 * 1024**2, 300 * 1024**2)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(ExpectedFailure) as refused:
            supervisor.prepare()
        assert str(set_up.root) in refused.value.what
        assert "0.3 GB" in refused.value.what
        assert "CYBERIMPACT_HOME" in refused.value.remedy

    def test_a_home_too_deep_for_a_socket_is_said_in_a_sentence(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / ("d" * 100)))
        with pytest.raises(ExpectedFailure) as refused:
            supervisor.prepare()
        assert "107 bytes" in refused.value.what
        assert "CYBERIMPACT_HOME" in refused.value.remedy

    def test_a_home_that_cannot_be_made_is_said_in_a_sentence(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "file" / "home"))
        with pytest.raises(ExpectedFailure, match="CYBERIMPACT_HOME"):
            supervisor.prepare()

    def test_a_command_that_fails_is_said_with_its_last_line_and_its_log(self, set_up: Home) -> None:
        supervisor.prepare()
        with pytest.raises(ExpectedFailure) as refused:
            supervisor.run_logged(["sh", "-c", "echo first; echo the cause; exit 3"], "superset-init")
        assert "the cause" in refused.value.what
        assert str(set_up.logs / "superset-init.log") in refused.value.remedy

    def test_a_pid_file_of_a_supervisor_that_is_gone_counts_for_nothing(self, set_up: Home) -> None:
        set_up.run.mkdir(parents=True)
        for content in ("", "nonsense", str(os.getpid()), "999999999"):
            (set_up.run / "supervisord.pid").write_text(content)
            assert supervisor.supervisor_pid() is None

    def test_down_without_up_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        supervisor.down()
        assert "Nothing runs" in capsys.readouterr().err


class TestCodeServer:
    def test_the_workspace_names_the_socket_that_the_code_server_listens_on(self, set_up: Home) -> None:
        (code,) = [program for program in supervisor.programs() if program.socket]
        (location,) = yaml.safe_load(supervisor.workspace())["load_from"]
        assert location["grpc_server"]["socket"] == str(code.socket)
        assert code.socket in code.command
        assert set_up.run in code.socket.parents, "the folder of this user only"

    def test_a_socket_that_nobody_listens_on_does_not_answer(self, tmp_path: Path) -> None:
        file = tmp_path / "code.sock"
        program = Program("code", ["true"], socket=file)
        assert not supervisor.answers(program)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(file))
            server.listen()
            assert supervisor.answers(program)
        assert file.exists(), "as a killed server leaves it"
        assert not supervisor.answers(program)


class TestSupervision:
    def test_what_dies_is_back_within_five_seconds_and_down_stops_it_all(
        self, set_up: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]
    ) -> None:
        with supervised(monkeypatch, tmp_path) as server:
            first = wait_for(server.pid, 5)
            os.kill(first, signal.SIGKILL)
            second = wait_for(lambda: server.other_than(first), 5)
            supervisor.prepare()  # the ports are taken, by ourselves
            parent = supervisor.supervisor_pid()
            supervisor.down()
            wait_for(lambda: not is_alive(second), 5)
            wait_for(lambda: not is_alive(parent), 5)
            assert supervisor.supervisor_pid() is None
            assert sleeper.poll() is None, "what was not started by `up` lives on"
            assert (set_up.logs / "trivial.log").exists()

    def test_nothing_is_left_behind_by_a_supervisor_that_is_killed(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with supervised(monkeypatch, tmp_path) as server:
            pid = wait_for(server.pid, 5)
            parent = supervisor.supervisor_pid()
            os.kill(parent, signal.SIGKILL)
            wait_for(lambda: not is_alive(pid), 5)
            wait_for(lambda: supervisor.supervisor_pid() is None, 5)
            supervisor.start()  # the port is free again, what the dead one left does not hinder
            replacement = wait_for(server.pid, 10)
            assert replacement != pid
            supervisor.down()

    def test_what_the_supervisor_and_its_programs_write_is_for_this_account_only(
        self, set_up: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with supervised(monkeypatch, tmp_path) as server:
            assert "Umask:\t0077" in Path(f"/proc/{server.pid()}/status").read_text()
            assert health_checks.modes(set_up).state == "ok"

    def test_two_homes_do_not_touch(self, set_up: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with supervised(monkeypatch, tmp_path) as server:
            monkeypatch.setenv("CYBERIMPACT_HOME", str(tmp_path / "other"))
            assert supervisor.supervisor_pid() is None
            supervisor.down()
            assert server.pid() is not None
            monkeypatch.setenv("CYBERIMPACT_HOME", str(set_up.root))
            supervisor.down()
            assert server.pid() is None
