"""Dagster's pages are served from this process, and only an operator's request may change something."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from core.settings import Home
from orchestration import instance
from orchestration.dagster_internals import WorkspaceFileTarget
from orchestration.gate import READ_ONLY
from orchestration.webserver import _Workspace


@pytest.fixture
def workspace(home: Home) -> Iterator[_Workspace]:  # noqa: ARG001
    """A workspace without code locations."""
    with instance.get() as dagster, _Workspace(dagster, WorkspaceFileTarget([]), version=dg.__version__) as context:
        yield context


@pytest.mark.parametrize(
    ("scope", "is_read_only"), [({READ_ONLY: False}, False), ({READ_ONLY: True}, True), ({}, True)]
)
def test_who_is_no_operator_only_reads(workspace: _Workspace, scope: dict[str, bool], is_read_only: bool) -> None:
    source = HTTPConnection({"type": "http", **scope})
    assert workspace.create_request_context(source).read_only is is_read_only


def test_a_request_without_a_connection_only_reads(workspace: _Workspace) -> None:
    assert workspace.create_request_context().read_only


@pytest.mark.parametrize("is_operator", [True, False])
def test_the_pages_are_served_to_each_by_right(workspace: _Workspace, is_operator: bool) -> None:
    pages = create_app_from_workspace_process_context(workspace)

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        await pages({**scope, READ_ONLY: not is_operator}, receive, send)

    with TestClient(gate) as client:
        assert client.get("/server_info").json()["dagster_version"] == dg.__version__
        asked = client.post("/graphql", json={"query": "{ canBulkTerminate runsOrError { __typename } }"})
    assert asked.json()["data"] == {"canBulkTerminate": is_operator, "runsOrError": {"__typename": "Runs"}}
