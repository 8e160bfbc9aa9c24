"""Starts and stops the supervised processes of one machine, and runs the main job the first time."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from cli.output import progress
from core import logs, service_manager, settings, superset
from core.errors import ExpectedFailure
from ingestion.platforms import PLATFORMS
from operations.bus import broker
from operations.health import FREE_BYTES
from warehouse import dbt_project, published
from warehouse.engine import engine

BIN = Path(sys.executable).parent
WEBSERVER = [BIN / "python", "-m", "orchestration.webserver"]
START_SECONDS = 180
STOP_SECONDS = 60
DETACH_SECONDS = 20
LONGEST_SOCKET_PATH = 107  # bytes; Linux, unix(7)
#: The supervisors of a home: of the platform, and of the engine's own processes, which `make cluster` starts alone.
PLATFORM, CLUSTER = "supervisord", "cluster"


@dataclass(frozen=True)
class Program:
    """A supervised process.

    Attributes:
        name: Its name in messages and of its log file.
        command: What is run, from the checkout.
        port: The loopback port it listens on, None for one that listens on none.
        health: Path that answers 200 once it serves.
        socket: The file it listens on, of one that has no port and is for this user's own processes.
        setting: The service that names the port in the settings, where its own name does not.
        supervisor: Who runs it.
    """

    name: str
    command: Sequence[str | Path]
    port: int | None = None
    health: str | None = None
    socket: Path | None = None
    setting: str | None = None
    supervisor: str = PLATFORM

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """What it listens on, in words."""
        return str(self.socket) if self.socket else self.url if self.port else "no port"

    @property
    def is_asked(self) -> bool:
        """Whether it can be asked if it serves."""
        return self.port is not None or self.socket is not None

    @property
    def variable(self) -> str:
        """The setting of its port."""
        return f"CYBERIMPACT_{(self.setting or self.name.partition('-')[0]).upper()}_PORT"


def programs() -> list[Program]:
    """Return what the platform runs on one machine."""
    dagster_port, superset_port, sandbox_port, web_port = (
        settings.port(name) for name in ("dagster", "superset", "sandbox", "web")
    )
    workspace, code = workspace_file(), code_socket()
    definitions = ["-m", "orchestration.definitions", "--location-name", "cyberimpact"]
    lines = ["--log-format", logs.JSON] if logs.form() == logs.JSON else []
    return [
        Program("sandbox", [BIN / "cyberimpact", "sandbox"], sandbox_port, "/health"),
        Program("superset", [superset.PYTHON, superset.SERVER, "serve"], superset_port, "/health"),
        Program(
            "dagster-code", [BIN / "python", "-m", "orchestration.code_server", code, *lines, *definitions], socket=code
        ),
        Program("dagster-webserver", [*WEBSERVER, workspace], dagster_port, "/health"),
        Program("web", [BIN / "python", "-m", "web"], web_port, "/healthz"),
        Program("watch", [BIN / "cyberimpact", "watch"]),
        *([Program("bus", [BIN / "cyberimpact", "bus", "consume"])] if broker.url() else []),
        Program(
            "dagster-daemon",
            [BIN / "python", "-m", "orchestration.daemon", "--log-level", "warning", *lines, "-w", workspace],
        ),
    ]


def engine_programs() -> list[Program]:
    """Return what the engine runs on this machine, in the order of their start; nothing where it needs nothing."""
    return [
        Program(name, command, port, setting=setting, supervisor=CLUSTER)
        for name, command, port, setting in engine().processes(settings.home())
    ]


def code_socket() -> Path:
    return settings.home().run / "code.sock"


def workspace_file() -> Path:
    return settings.home().run / "workspace.yaml"


def workspace() -> str:
    """Return the workspace of the supervised processes, which names the code server.

    Left to themselves, the daemon and the webserver each load the graph in a process of their own, the daemon in a new
    one every minute: a third of a core with this graph, for ever.
    """
    server = {"socket": str(code_socket()), "host": "localhost", "location_name": "cyberimpact"}
    return yaml.safe_dump({"load_from": [{"grpc_server": server}]}, allow_unicode=True)


def write_workspace() -> None:
    settings.make_folder(settings.home().run)
    workspace_file().write_text(workspace())


def environment() -> dict[str, str]:
    """Return the environment of the supervised processes."""
    home = settings.home()
    return {
        **os.environ,
        **dbt_project.environment(),
        "DAGSTER_HOME": str(home.dagster),
        **superset.environment(),
        "PYTHONUNBUFFERED": "1",
    }


def up() -> None:
    """Bring the whole platform up. A second call finds it up and changes nothing."""
    prepare()
    cluster()
    started = supervisor_pid() is None
    if started:
        start()
    for program in programs():
        wait_until_healthy(program, fresh=started)
    if not main_job_is_done():
        run_main_job()


def cluster() -> None:
    """Start what the engine runs on this machine, where it is not running; DuckDB needs nothing.

    Raises:
        ExpectedFailure: a port is taken by another process, or a process does not start.
    """
    shown = engine_programs()
    if not shown:
        return
    settings.make_folder(settings.home().run)
    settings.make_folder(settings.home().logs)
    started = supervisor_pid(CLUSTER) is None
    if started:
        refuse_taken_ports(shown)
        configuration_file(CLUSTER).write_text(configuration(shown, name=CLUSTER))
        detach(CLUSTER)
    for program in shown:
        wait_until_healthy(program, fresh=started)


def prepare() -> None:
    """Check what can be checked before anything is started.

    Raises:
        ExpectedFailure: the disk is full, the path of the home is too long, a port is taken by a process that is
            not ours, or machines that share the home have databases in files.
    """
    from orchestration import instance

    home = settings.home()
    settings.make_folder(home.run)
    settings.make_folder(home.logs)
    if home.node:
        refuse_files_of_one_machine(home.node)
    else:
        close_to_others(home.root)  # files come and go where another machine is at work
    for entry in PLATFORMS:
        if entry.drops:
            settings.make_folder(home.drop / entry.name)
    free = shutil.disk_usage(home.root).free
    if free < FREE_BYTES:
        raise ExpectedFailure(
            f"{home.root} has {free / 1024**3:.1f} GB free; the platform needs {FREE_BYTES / 1024**3:.0f} GB.",
            "Free some space, or set CYBERIMPACT_HOME to a larger disk.",
        )
    if len(os.fsencode(code_socket())) > LONGEST_SOCKET_PATH:
        raise ExpectedFailure(
            f"{code_socket()} is too long a path for a socket, which may have {LONGEST_SOCKET_PATH} bytes.",
            "Set CYBERIMPACT_HOME to a shorter path.",
        )
    instance.prepare()
    if supervisor_pid() is None:
        refuse_taken_ports(programs())


def refuse_files_of_one_machine(node: str) -> None:
    """Check that the databases that two machines write are on a server.

    Raises:
        ExpectedFailure: one is a SQLite file.
    """
    needed = (settings.OPERATIONS_SETTING, settings.DAGSTER_SETTING, superset.METADATA_SETTING)
    if absent := [name for name in needed if settings.get(name) is None]:
        raise ExpectedFailure(
            f"{node} shares its home with another machine, and {', '.join(absent)} is not set.",
            "Two machines damage SQLite files that they share: name PostgreSQL databases.",
        )


def close_to_others(root: Path) -> None:
    """Make a home that an earlier version wrote readable for its own account only.

    Raises:
        ExpectedFailure: a file belongs to another account.
    """
    done = subprocess.run(["chmod", "-R", "go-rwx", root], capture_output=True, text=True, check=False)
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["chmod did not say why"])[0]
        raise ExpectedFailure(
            f"The files of {root} cannot be closed to other accounts: {first}.",
            "Give them to the account that runs the platform: `chown -R`.",
        )


def refuse_taken_ports(shown: Sequence[Program]) -> None:
    """Check that every program gets a port of its own, and the sandbox one for mails.

    Raises:
        ExpectedFailure: a port is taken by another process, or given to two programs.
    """
    given: dict[int, str] = {}
    mailbox = Program("mailbox", [], settings.port("mailbox"))
    for program in [*shown, *([mailbox] if any(program.name == "sandbox" for program in shown) else [])]:
        port = program.port
        if port is None:
            continue
        if port in given:
            raise ExpectedFailure(
                f"Port {port} is given to both {given[port]} and {program.name}.",
                f"Set {program.variable} in .env to another port.",
            )
        if not is_free(port):
            raise ExpectedFailure(
                f"Port {port}, which {program.name} needs, is in use by another process.",
                f"Stop that process, or set {program.variable} in .env to a free port.",
            )
        given[port] = program.name


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT can be taken again
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def supervisor_pid(name: str = PLATFORM) -> int | None:
    """Return the process id of a supervisor of this home, or None when it does not run."""
    pid_file = settings.home().run / f"{name}.pid"
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(configuration_file(name)).encode() in command else None


def configuration_file(name: str = PLATFORM) -> Path:
    return settings.home().run / f"{name}.conf"


def configuration(shown: Sequence[Program] | None = None, *, name: str = PLATFORM, in_front: bool = False) -> str:
    """Return the supervisor's configuration.

    Children die with the supervisor (`setpriv --pdeathsig`), so that nothing is left behind if it is killed. It opens
    no control socket: a process id and signals are all that `down` needs.

    Args:
        shown: What it runs; all programs of the platform by default.
        name: Which supervisor it is.
        in_front: Whether it stays in the terminal, with the output of all; else it detaches itself and writes logs.
    """
    home = settings.home()
    supervisor = f"""[supervisord]
pidfile={home.run / name}.pid
logfile={home.logs / name}.log
logfile_maxbytes=5MB
logfile_backups=2
umask={settings.UMASK:03o}
nodaemon={str(in_front).lower()}
directory={settings.CODE}
"""
    return "\n".join([supervisor, *(section(program, in_front=in_front) for program in shown or programs())]).replace(
        "%", "%%"
    )


def section(program: Program, *, in_front: bool = False) -> str:
    """Return the part of the configuration that runs one process."""
    log = "/dev/stdout" if in_front else f"{settings.home().logs / program.name}.log"
    command = " ".join(shlex.quote(str(part)) for part in program.command)
    return f"""[program:{program.name}]
command=setpriv --pdeathsig TERM -- {command}
stdout_logfile={log}
redirect_stderr=true
stdout_logfile_maxbytes={"0" if in_front else "10MB"}
stdout_logfile_backups=2
autorestart=true
startsecs=3
startretries=100
stopasgroup=true
killasgroup=true
stopwaitsecs=20
"""


def start() -> None:
    """Create what Superset needs once, then start the supervisor, which detaches itself.

    Raises:
        ExpectedFailure: Superset or the supervisor cannot start.
    """
    prepare_superset()
    write_workspace()
    configuration_file().write_text(configuration())
    detach(PLATFORM)
    progress().print("Supervisor: started")


def detach(name: str) -> None:
    """Start a supervisor by its configuration, and wait until it is known to run: it detaches itself before.

    Raises:
        ExpectedFailure: it cannot start.
    """
    run_logged([BIN / "supervisord", "-c", configuration_file(name)], f"{name}-start")
    deadline = time.monotonic() + DETACH_SECONDS
    while supervisor_pid(name) is None and time.monotonic() < deadline:
        time.sleep(0.1)


def prepare_superset() -> None:
    """Bring Superset's own database to what this version needs.

    Raises:
        ExpectedFailure: Superset cannot prepare it.
    """
    with progress().status("Superset: preparing its own database (a minute the first time)"):
        run_logged([superset.PYTHON, superset.SERVER, "init"], "superset-init")
    progress().print("Superset: database ready")


def dev() -> None:
    """Become a supervisor in the terminal of Dagster, which reloads changed code, of Superset and of the pages.

    Raises:
        ExpectedFailure: the platform of this home runs, a port is taken, or Superset cannot be prepared.
    """
    if supervisor_pid() is not None:
        raise ExpectedFailure("The platform of this home runs already.", "`make down` first, or set CYBERIMPACT_HOME.")
    prepare()
    prepare_superset()
    workspace = settings.CODE / "workspace.yaml"
    named = {program.name: program for program in programs()}
    shown = [
        named["superset"],
        named["web"],
        replace(named["dagster-webserver"], command=[*WEBSERVER, workspace]),
        replace(named["dagster-daemon"], command=[BIN / "dagster-daemon", "run", "-w", workspace]),
    ]
    configuration_file().write_text(configuration(shown, in_front=True))
    supervisor = str(BIN / "supervisord")
    os.chdir(settings.CODE)
    os.execve(supervisor, [supervisor, "-c", str(configuration_file())], environment())  # noqa: S606


def run_logged(command: Sequence[str | Path], name: str) -> None:
    """Run a command with its output in a log.

    Raises:
        ExpectedFailure: it failed.
    """
    log = settings.home().logs / f"{name}.log"
    with log.open("w") as output:
        done = subprocess.run(
            command, env=environment(), cwd=settings.CODE, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        last = log.read_text().strip().splitlines()[-1:] or ["it printed nothing"]
        raise ExpectedFailure(f"{name} failed: {last[0]}.", f"Read {log}.")


def wait_until_healthy(program: Program, *, fresh: bool) -> None:
    """Wait until a process answers.

    Raises:
        ExpectedFailure: it does not answer in time.
    """
    if not program.is_asked:
        return
    began = time.monotonic()
    with progress().status(f"{program.name}: starting, {program.address}"):
        while not answers(program):
            if supervisor_pid(program.supervisor) is None or time.monotonic() - began > START_SECONDS:
                raise ExpectedFailure(
                    f"{program.name} does not answer on {program.address}.",
                    f"Read {settings.home().logs / program.name}.log, then `make down` and `make up`.",
                )
            time.sleep(0.5)
    progress().print(f"{program.name}: {'started' if fresh else 'running'}, {program.address}")


def answers(program: Program) -> bool:
    """Return whether a process serves."""
    if program.socket:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(program.socket)) == 0
    if program.health is None:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", program.port)) == 0
    return service_manager.answers(f"{program.url}{program.health}", seconds=5)


def runs(program: Program) -> bool:
    """Return whether the supervisor has a process with the command of a program."""
    command = b"\0".join(os.fsencode(part) for part in program.command)
    supervisor = supervisor_pid(program.supervisor)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = process.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == supervisor and command in process.joinpath("cmdline").read_bytes():
                return True
        except OSError:
            continue  # it ended while we looked
    return False


def main_job_mark() -> Path:
    return settings.home().run / "main_job.sha256"


def main_job_is_done() -> bool:
    """Return whether the published copy was made by the code that is checked out."""
    mark, home = main_job_mark(), settings.home()
    copy = published.current(home, published.DAILY)
    return copy is not None and mark.exists() and mark.read_text() == dbt_project.fingerprint()


def run_main_job() -> None:
    """Load every platform, then build, check, publish and show; a platform that fails does not stop the others."""
    steps = {
        "Platforms: load": ["load", *(entry.name for entry in PLATFORMS)],
        "Build and checks": ["build"],
        "Publication": ["publish", "--daily"],  # the build has published what is live: from it the warehouse archives
        "Dashboards": ["superset", "apply"],
    }
    for title, arguments in steps.items():
        began = time.monotonic()
        progress().rule(title, align="left")
        try:
            verb(*arguments)
        except ExpectedFailure:
            if arguments[0] != "load":
                raise
            progress().print(
                "The build goes on with what was loaded; a failed load is tried again three times. "
                "In the demonstration, that of Ma Sécurité fails on purpose."
            )
        progress().print(f"{title}: {time.monotonic() - began:.0f} s")
    main_job_mark().write_text(dbt_project.fingerprint())


def verb(*arguments: str) -> None:
    """Run a verb of the command line in a process of its own, as a person would.

    Raises:
        ExpectedFailure: it failed; it has said why on stderr.
    """
    done = subprocess.run([BIN / "cyberimpact", *arguments], env=environment(), stdout=sys.stderr, check=False)
    if done.returncode:
        line = " ".join(("cyberimpact", *arguments))
        raise ExpectedFailure(f"`{line}` failed, as said above.", f"Correct it, then run `{line}` or `make up` again.")


def addresses() -> str:
    """Return where the platform is, with the account and what to open first."""
    dagster = settings.dagster_url()
    superset_url = settings.superset_url()
    return f"""
cyberimpact is up.

  Pages     {settings.web_url()}/
            signals, crises, figures with their origin, what is to be decided; log in as
            admin, password: SUPERSET_ADMIN_PASSWORD in {settings.CODE / ".env"}
  Superset  {superset_url}/superset/dashboard/vue-densemble/
            the whole, visibility, perception, actors, one territory; by month and by département; the same account
  Dagster   {dagster}/asset-groups
            the graph from platform to dashboard; runs, checks and what is late; the same account
  Sandbox   http://127.0.0.1:{settings.port("sandbox")}
            simulates the platforms with invented data; Ma Sécurité is down for six hours
  Mailbox   http://127.0.0.1:{settings.port("sandbox")}/courriels
            what the demonstration has mailed; begin a crisis and watch it arrive:
            .venv/bin/cyberimpact sandbox crisis inondation --territory FR-62

Next: `.venv/bin/cyberimpact doctor`, `.venv/bin/cyberimpact kpi list`; stop with `make down`."""


def down() -> None:
    """Stop what `up` and `cluster` have started, and nothing else.

    Raises:
        ExpectedFailure: it does not stop in time.
    """
    running = [name for name in (PLATFORM, CLUSTER) if supervisor_pid(name) is not None]
    if not running:
        progress().print("Nothing runs in this home.")
        return
    for name in running:
        stop(name)
    progress().print("Stopped.")


def stop(name: str) -> None:
    """Stop a supervisor with all that it runs.

    Raises:
        ExpectedFailure: it does not stop in time.
    """
    pid = supervisor_pid(name)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while supervisor_pid(name) is not None:
        if time.monotonic() > deadline:
            raise ExpectedFailure(f"The supervisor (process {pid}) does not stop.", f"Run `kill -9 {pid}`.")
        time.sleep(0.2)
