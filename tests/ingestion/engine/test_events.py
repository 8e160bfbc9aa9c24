"""No secret in what Dagster remembers of a load that fails: its events, and what its steps have printed and logged."""

from datetime import date

import dagster as dg
import pytest

from assets.raw.loads import loads
from orchestration import instance
from tests.ingestion import every_connector
from tests.ingestion.every_connector import SECRET

PLATFORM = "listening"


@pytest.mark.parametrize(("fault", "said"), [("forbidden", "status 403"), ("broken", "breaks off")])
@pytest.mark.parametrize("name", ["listening", "audience"])  # the key travels in an address, and in a body
def test_dagster_remembers_the_failure_and_no_secret(sandbox, home, monkeypatch, caplog, capsys, name, fault, said):  # noqa: PLR0917
    every_connector.use_secrets(monkeypatch)
    sandbox.today = date(2025, 1, 9)
    sandbox.fault(fault)
    (load,) = (asset for asset in loads if asset.op.name == name)
    with instance.get() as home_instance:
        assert not dg.materialize([load], instance=home_instance, raise_on_error=False).success
    events = list(every_connector.remains(home.dagster))
    assert any(f"{name}, address http://127.0.0.1" in text and said in text for _, text in events)
    printed = ("printed and logged", "\n".join([caplog.text, *capsys.readouterr()]).lower())
    assert every_connector.leaks([printed, *events, *every_connector.remains(home.root)], [SECRET]) == []
