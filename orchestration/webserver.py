"""Serves Dagster's pages on loopback, behind the gate: `python -m orchestration.webserver WORKSPACE`.

Dagster's own command opens a port without any login. Here its application runs in this process, and opens none.
"""

import sys

import dagster as dg
import uvicorn
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection

from core import logs, service_manager, settings
from orchestration import instance
from orchestration.dagster_internals import WorkspaceFileTarget, WorkspaceProcessContext, WorkspaceRequestContext
from orchestration.gate import HEALTH, READ_ONLY, Gate

#: As `dagster-webserver` has them.
STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW = 15_000, 3_600, 20
POLL_MS = 2_000


class _Workspace(WorkspaceProcessContext):
    """Dagster's, which refuses mutations to whom the gate lets in to read."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        """Return the context of one request, or of one open connection."""
        is_operator = isinstance(source, HTTPConnection) and source.scope.get(READ_ONLY) is False
        return WorkspaceRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=not is_operator,
        )


def serve(workspace: str) -> None:
    """Serve until killed.

    Args:
        workspace: Path of the file that names the code locations.
    """
    logs.configure()
    service_manager.report_answers(f"http://127.0.0.1:{settings.port('dagster')}{HEALTH}")
    with instance.get() as dagster:
        dagster.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW)
        target = WorkspaceFileTarget([workspace])
        with _Workspace(dagster, target, version=dg.__version__) as context:
            pages = create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_MS)
            hosts = settings.trusted_hosts(settings.dagster_url())
            uvicorn.run(
                TrustedHostMiddleware(Gate(pages), allowed_hosts=hosts, www_redirect=False),
                host="127.0.0.1",
                port=settings.port("dagster"),
                log_level="warning",
                log_config=None,
                timeout_graceful_shutdown=5,
            )


if __name__ == "__main__":
    serve(sys.argv[1])
