"""How a run waits for a slot of a pool."""

import time

from orchestration.dagster_internals import InstanceConcurrencyContext


def sleep_between_claims() -> None:
    """Have a run that waits for a pool sleep until it may ask again.

    Dagster 1.13 takes the least of these seconds and of zero, and so asks the clock without a pause: each run that
    waits takes a whole core from the run that it waits for.
    """
    InstanceConcurrencyContext.interval_to_next_pending_claim_check = _seconds_to_next_claim  # ty: ignore[invalid-assignment]


def _seconds_to_next_claim(context: InstanceConcurrencyContext) -> float:
    now = time.time()
    return max(min(context._pending_timeouts.values(), default=now) - now, 0.0)
