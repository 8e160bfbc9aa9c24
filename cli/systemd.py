"""Units of systemd for the processes of an installation: the programs that `make up` runs, each a service of its own.

A unit holds no secret: `cyberimpact run NAME` reads the settings itself, and becomes the program.
"""

import getpass
import os
import re
from pathlib import Path
from typing import NoReturn

from cli import supervisor
from cli.supervisor import BIN, Program
from core import installation, service_manager, settings
from core.errors import ExpectedFailure
from ingestion.engine import raw_lake
from warehouse import offsite

PREFIX = "cyberimpact"
PREPARATION = f"{PREFIX}-prepare"
#: Name a file of authorities for clients of HTTPS, the second for those on `requests` and botocore.
AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
#: The stand-in platforms are for the demonstration.
LEFT_OUT = frozenset({"sandbox"})
#: They build, or draw digests with a browser: its own sandbox needs namespaces.
BUILDING = frozenset({"dagster-code", "dagster-daemon", "watch"})

#: Shares of the machine's memory, above which the kernel ends the largest process of a unit and no other.
_BUILDING_MEMORY, _ANSWERING_MEMORY = "80%", "50%"

#: Servers that report nothing to systemd: the launcher asks them, and reports. The other processes of the platform
#: report themselves; what the engine runs cannot say whether it goes on.
LAUNCHED = frozenset({"superset", "web"})

#: They read the graph from it as they start, and log an error of a page for each time that it is not there yet.
READ_FROM_CODE = frozenset({"dagster-daemon", "dagster-webserver"})

#: A process that is silent for so long is killed, with all that it has started, and started again. Python then writes
#: to the journal where it hung. Superset needs two minutes to start, the graph as long on a busy machine.
_REPORTING = """\
Type=notify
TimeoutStartSec=10min
WatchdogSec=2min
Environment=PYTHONFAULTHANDLER=1"""

#: Processes and threads of a unit: what podman allows a container by default.
_TASKS = 2048

#: In a path, systemd would read them as ends of words, specifiers, quotes or variables.
_UNSAFE = re.compile(r"[\s%\"'\\$;]")

#: No core files, among the rest: the memory of a process holds secrets and what people wrote.
_HARDENED = f"""\
UMask={settings.UMASK:04o}
LimitCORE=0
CapabilityBoundingSet=
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
"""
#: What a process that only answers can do without.
_ANSWERING = "RestrictNamespaces=yes\nSystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n"


def programs() -> dict[str, Program]:
    """Return what an installation runs, by name, in the order of its start."""
    shown = [*supervisor.engine_programs(), *supervisor.programs()]
    return {program.name: program for program in shown if program.name not in LEFT_OUT}


def units() -> dict[str, str]:
    """Return the units by the name of their files, for the account that asks."""
    reporting = {program.name for program in supervisor.programs()}
    services = {
        f"{PREFIX}-{name}.service": _service(name, _REPORTING if name in reporting else "Type=exec")
        for name in programs()
    }
    return {f"{PREFIX}.target": _target([*services]), f"{PREPARATION}.service": _preparation(), **services}


def write(folder: Path) -> list[Path]:
    """Write the units into a folder, and return their files.

    Raises:
        ExpectedFailure: the folder cannot be written, or a path means something else to systemd.
    """
    named = (installation.file() or BIN, *(os.environ.get(name, BIN) for name in AUTHORITIES))
    for path in (settings.home().root, BIN, *named, *offsite.folders()):
        if _UNSAFE.search(str(path)):
            raise ExpectedFailure(
                f"systemd would read the path {str(path)!r} as something else.",
                "Use one without spaces, quotes, %, $, ; and backslashes.",
            )
    written = []
    try:
        for name, content in units().items():
            file = folder / name
            file.write_text(content)
            file.chmod(0o644)
            written.append(file)
    except OSError as problem:
        raise ExpectedFailure(
            f"The units cannot be written to {folder}: {problem.strerror}.",
            "Write them to a folder of your own, and have root copy them to /etc/systemd/system.",
        ) from None
    return written


def prepare() -> None:
    """Make what the processes need to start.

    Raises:
        ExpectedFailure: as `supervisor.prepare`, or Superset cannot prepare its database.
    """
    supervisor.prepare()
    supervisor.prepare_superset()
    supervisor.write_workspace()


def run(name: str) -> NoReturn:
    """Become a program, with the settings of the installation.

    Raises:
        ExpectedFailure: there is none of that name.
    """
    known = programs()
    if name not in known:
        raise ExpectedFailure(f"{name!r} is no process of the platform.", f"Choose from {', '.join(known)}.")
    command = [str(part) for part in known[name].command]
    if name in LAUNCHED and service_manager.SOCKET in os.environ:
        command = [str(BIN / "python"), "-m", "cli.launcher", f"{known[name].url}{known[name].health}", *command]
    os.chdir(settings.home().root)
    os.execvpe(command[0], command, supervisor.environment())  # noqa: S606 - a command of our own making


def _target(services: list[str]) -> str:
    # Not `Wants`: services that were not tried because the preparation failed are started once it succeeds.
    return f"""\
[Unit]
Description=The data platform cyberimpact
Upholds={" ".join(services)}

[Install]
WantedBy=multi-user.target
"""


def _preparation() -> str:
    return f"""\
[Unit]
Description=cyberimpact: folders, databases and workspace
After=network-online.target postgresql.service
Wants=network-online.target
PartOf={PREFIX}.target

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=10min
Restart=on-failure
RestartSec=10
{_common("prepare")}"""


def _service(name: str, start: str) -> str:
    return f"""\
[Unit]
Description=cyberimpact: {name}
After={PREPARATION}.service{f" {PREFIX}-dagster-code.service" if name in READ_FROM_CODE else ""}
Requires={PREPARATION}.service
PartOf={PREFIX}.target
StartLimitIntervalSec=0

[Service]
{start}
Restart=always
RestartSec=5
TimeoutStopSec=30
MemoryMax={_BUILDING_MEMORY if name in BUILDING else _ANSWERING_MEMORY}
OOMPolicy=continue
TasksMax={_TASKS}
{_common(f"run {name}")}{_elsewhere() if name in BUILDING else _ANSWERING}"""


def _place() -> str:
    """Return the variable that names the installation to a process, or the home where there is none."""
    file = installation.file()
    return f"{installation.SETTING}={file}" if file else f"CYBERIMPACT_HOME={settings.home().root}"


def _authorities() -> str:
    """Give services the authorities of the account that writes the units."""
    return "".join(f"Environment={name}={file}\n" for name in AUTHORITIES if (file := os.environ.get(name)))


def _elsewhere() -> str:
    """Let what builds write backups to a folder, and raw tables to a lake outside the home."""
    lake = raw_lake.address()
    folders = [*offsite.folders(), *([lake] if lake.startswith("/") else [])]
    return "".join(f"ReadWritePaths=-{folder}\n" for folder in folders)


def _common(command: str) -> str:
    home = settings.home().root
    return f"""\
User={getpass.getuser()}
WorkingDirectory={home}
Environment={_place()}
{_authorities()}ExecStart={BIN / "cyberimpact"} {command}
ReadWritePaths={home}
{_HARDENED}"""
