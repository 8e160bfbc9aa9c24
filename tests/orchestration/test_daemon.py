"""When Dagster's daemon reports to systemd that it goes on."""

from datetime import timedelta

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from core.clock import now
from orchestration import daemon, monitoring


def test_a_daemon_of_which_one_part_is_silent_does_not_go_on() -> None:
    with dg.instance_for_test() as instance:
        long_ago, lately = now() - timedelta(hours=1), now() - monitoring.PATIENCE + timedelta(minutes=1)
        instance.add_daemon_heartbeat(DaemonHeartbeat(lately.timestamp(), "SCHEDULER", "1", []))
        assert daemon.goes_on(instance, long_ago)
        instance.add_daemon_heartbeat(DaemonHeartbeat(long_ago.timestamp(), "SENSOR", "1", []))
        assert not daemon.goes_on(instance, long_ago)
        assert daemon.goes_on(instance, now()), "it has just been started"


def test_a_database_that_is_away_is_no_reason_to_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_away(_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(dg.DagsterInstance, "get_daemon_heartbeats", is_away)
    with dg.instance_for_test() as instance:
        assert daemon.goes_on(instance, now())
