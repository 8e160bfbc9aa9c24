"""A run that waits for a pool leaves the processor to the run that it waits for."""

import dagster as dg
import pytest

from core.settings import Home
from orchestration import instance, pools
from orchestration.dagster_internals import InstanceConcurrencyContext

WAITS = "interval_to_next_pending_claim_check"


@dg.op(pool="warehouse")
def build() -> None:
    """Take the pool."""


@dg.job(executor_def=dg.in_process_executor)
def builds() -> None:
    build()


def test_a_run_that_waits_for_a_pool_sleeps_until_it_asks_again(
    home: Home,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It finds the pool taken, and asks again after the second that Dagster says; without a pause it asks thousands."""
    monkeypatch.setattr(InstanceConcurrencyContext, WAITS, getattr(InstanceConcurrencyContext, WAITS))
    pools.sleep_between_claims()
    seconds_to_next_claim = getattr(InstanceConcurrencyContext, WAITS)
    with instance.get() as home_instance:
        storage = home_instance.event_log_storage
        storage.set_concurrency_slots("warehouse", 1)
        holder = home_instance.create_run_for_job(builds)
        assert storage.claim_concurrency_slot("warehouse", holder.run_id, "build").is_claimed
        waited: list[float] = []

        def count(context: InstanceConcurrencyContext) -> float:
            waited.append(seconds_to_next_claim(context))
            storage.free_concurrency_slots_for_run(holder.run_id)
            return waited[-1]

        monkeypatch.setattr(InstanceConcurrencyContext, WAITS, count)
        assert builds.execute_in_process(instance=home_instance).success
    assert 0.5 < waited[0] <= 1
    assert len(waited) < 10
