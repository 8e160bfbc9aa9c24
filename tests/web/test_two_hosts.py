"""Two machines that share a home answer alike: they read the same copies and the same operations."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import duckdb
import httpx
import pytest

from core.settings import NODE_SETTING, OPERATIONS_SETTING, Home
from operations import tokens
from tests import postgres
from tests.handmade import write_copy
from tests.operations.test_database import use_settings
from tests.web import process
from tests.web.test_api import COPY

pytestmark = pytest.mark.long


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The database that both machines write."""
    with postgres.serving() as served:
        monkeypatch.setenv(OPERATIONS_SETTING, served)
        use_settings()
        yield served
        monkeypatch.delenv(OPERATIONS_SETTING)
        use_settings()


def test_a_publication_and_a_revoked_token_hold_on_both(home: Home, address: str, tmp_path: Path) -> None:
    first = write_copy(home, COPY)
    headers = {"Authorization": f"Bearer {tokens.add('essai', 'national')}"}
    with ExitStack() as stack:
        hosts = []
        for name in ("srv-1", "srv-2"):
            variables = os.environ | {NODE_SETTING: name, OPERATIONS_SETTING: address}
            url = stack.enter_context(process.pages(home, tmp_path / f"{name}.log", variables))
            hosts.append(stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60)))

        def shown() -> list[str]:
            return [host.get("/api/kpi/victims").headers["X-Publication-Id"] for host in hosts]

        assert [host.get("/readyz").status_code for host in hosts] == [200, 200]
        assert shown() == ["p-1", "p-1"]
        publish_after(first)
        assert shown() == ["p-2", "p-2"]
        tokens.revoke("essai")
        assert [host.get("/api/kpi/victims").status_code for host in hosts] == [401, 401]
    assert {path.name for path in home.run.iterdir()} >= {"srv-1", "srv-2"}


def publish_after(former: Path) -> None:
    """Publish the same figures once more, as publication p-2."""
    folder = former.parent.with_name("20260102T000000Z-abcdef")
    folder.mkdir()
    shutil.copy(former, folder)
    with duckdb.connect(str(folder / former.name)) as connection:
        connection.execute("update audit.publication set publication_id = 'p-2'")
    link = folder.with_name("later")
    link.symlink_to(folder.name)
    link.replace(folder.with_name("current"))
