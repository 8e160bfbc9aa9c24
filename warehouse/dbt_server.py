"""A server that has dbt imported and the live target parsed, and forks for each call.

A dbt process of its own takes ten seconds of processor time before its first model. `cyberimpact-dbt` is called like
`dbt`: it hands its arguments, environment and output to the server that `CYBERIMPACT_DBT_SOCKET` names, and waits for
the child that runs them. Each child is a process: its memory, its locks and its open files end with it. No dagster.
"""

import json
import os
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

SOCKET_SETTING = "CYBERIMPACT_DBT_SOCKET"

#: What a request may take; the environment is most of it.
_LARGEST = 1 << 20


def ask() -> NoReturn:
    """Run the arguments of this process by the server, and end as dbt ended."""
    request = json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": str(Path.cwd())})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(os.environ[SOCKET_SETTING])
        socket.send_fds(connection, [b"\n"], [1, 2])
        connection.sendall(request.encode() + b"\n")
        # A signal for us is one for dbt: so the process id of the child comes first.
        answers = connection.makefile("r")
        child = int(answers.readline() or 0)
        for asked in (signal.SIGINT, signal.SIGTERM):
            signal.signal(asked, lambda number, _: os.kill(child, number))
        code = answers.readline().strip()
    sys.exit(int(code) if code else 2)


def is_ready(path: Path) -> bool:
    """Return whether a server answers at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True


def serve(path: Path) -> None:
    """Serve until killed; the first answer comes once dbt is imported and the project parsed.

    Args:
        path: The socket, recreated and open to its owner only.
    """
    from core import settings

    settings.keep_private()
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        manifest = _warm()
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection:
                _answer(connection, manifest)


def _warm() -> Any:
    """Import what a build needs, and return the parsed live target.

    Raises:
        ExpectedFailure: dbt cannot parse the project.
    """
    from core.errors import ExpectedFailure
    from warehouse import dbt_project
    from warehouse.engine import engine

    dbt_project.manifest()  # parses what has changed, and leaves it where the next line finds it
    os.environ.update(dbt_project.environment() | {"DBT_TARGET_PATH": str(dbt_project.parse_folder(dbt_project.LIVE))})

    import dbt.task.build  # noqa: F401

    import_module(f"dbt.adapters.{engine().adapter}")
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse", "--target", dbt_project.LIVE])
    if not parsed.success:
        raise ExpectedFailure(f"dbt cannot parse {dbt_project.PROJECT_DIR.name}/: {parsed.exception}", "Correct it.")
    return parsed.result


def _answer(connection: socket.socket, manifest: Any) -> None:
    """Fork a child that runs a request, and report its exit code; a caller that disappears ends its child."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
    if not descriptors:
        return  # somebody has looked whether we are here
    line = connection.makefile("rb").readline(_LARGEST)
    if not line.endswith(b"\n"):
        return  # the caller was killed before it had asked
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        _become(request, descriptors, manifest)
    for descriptor in descriptors:
        os.close(descriptor)
    try:
        connection.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        connection.sendall(f"{os.waitstatus_to_exitcode(status) & 0xFF}\n".encode())
    except BrokenPipeError:
        pass  # the caller was killed; dbt has ended, and `audit.build_status` holds its outcome


def _become(request: dict[str, Any], descriptors: list[int], manifest: Any) -> NoReturn:
    """Run the requested dbt command in this forked process."""
    code = 2
    try:
        for descriptor, standard in zip(descriptors, (1, 2), strict=True):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        from dbt.cli.main import dbtRunner

        result = dbtRunner(manifest=manifest).invoke(request["arguments"])
        if result.exception is not None:
            print(result.exception, flush=True)
        code = 0 if result.success else 1 if result.exception is None else 2
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
