"""Loads what waits in the inbox, and writes what has become of each delivery."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dlt.pipeline.exceptions import PipelineStepFailed

from core.clock import now
from ingestion.engine.loading import Refusal, load_sent
from ingestion.engine.reports import LoadReport
from ingestion.engine.sent import records_of
from ingestion.engine.validation import ProgressCallback
from operations.inbox import deliveries, sealing
from operations.models import Delivery

log = logging.getLogger(__name__)

#: What is loaded together.
BATCH_BYTES = 64 << 20
#: Reasons that the outcome of a delivery repeats; of more, it gives the number.
MOST_REASONS = 20


def load_waiting(platform: str, progress: ProgressCallback | None = None) -> list[LoadReport]:
    """Load what waits for a platform, up to `BATCH_BYTES`, in the order in which it came.

    A process that dies between the load and its note loads the same again, which changes nothing. A delivery on which
    the load breaks is set aside with its records, so that it does not hold up the others.

    Returns:
        One report for each load: none where nothing waits, more than one where a delivery was set aside.

    Raises:
        ExpectedFailure: the database cannot be written; everything waits on.
    """
    waiting = _opened(deliveries.first_waiting(platform, BATCH_BYTES))
    reports = list(_load(platform, waiting, progress)) if waiting else []
    deliveries.forget(now())
    return reports


def _opened(waiting: Sequence[Delivery]) -> list[tuple[Delivery, list[dict[str, Any]]]]:
    """Return deliveries with their records; one that cannot be opened is set aside, unless none can.

    Raises:
        ExpectedFailure: none can, or the key of pseudonyms is absent. Everything waits for the key.
    """
    found, failures = [], []
    for delivery in waiting:
        try:
            found.append((delivery, list(records_of(sealing.opened(bytes(delivery.body), delivery.delivery_id)))))
        except sealing.UnopenedError as failure:
            failures.append((delivery, failure))
    for delivery, failure in failures:
        if not found:
            raise failure
        log.error("%s", failure)
        deliveries.settle([(delivery, deliveries.State.REFUSED, {"reasons": [failure.what]})], now())
    return found


def _load(
    platform: str, batch: Sequence[tuple[Delivery, list[dict[str, Any]]]], progress: ProgressCallback | None
) -> list[LoadReport]:
    sent: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    owners: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery, found in batch:
        sent[delivery.entity] += found
        owners[delivery.entity] += [delivery] * len(found)
    together = hashlib.sha256("".join(delivery.sha256 for delivery, _ in batch).encode()).hexdigest()
    size_bytes = sum(delivery.size_bytes for delivery, _ in batch)
    try:
        report, refusals = load_sent(platform, sent, sha256=together, size_bytes=size_bytes, progress=progress)
    except PipelineStepFailed as failure:
        if len(batch) > 1:
            middle = len(batch) // 2
            return [*_load(platform, batch[:middle], progress), *_load(platform, batch[middle:], progress)]
        [(delivery, _)] = batch
        log.exception("%s: delivery %s breaks the load and is set aside", platform, delivery.delivery_id)
        reason = f"The load breaks on it ({type(failure.exception).__name__})."
        deliveries.settle([(delivery, deliveries.State.REFUSED, {"reasons": [reason]})], now())
        return []
    of_each: defaultdict[str, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        of_each[owners[refusal.entity][refusal.rank - 1].delivery_id].append(refusal)
    firsts = {name: {d.delivery_id: rank for rank, d in reversed([*enumerate(owners[name])])} for name in owners}
    outcomes = [
        (d, deliveries.State.LOADED, _outcome(d, of_each[d.delivery_id], firsts[d.entity][d.delivery_id]))
        for d, _ in batch
    ]
    deliveries.settle(outcomes, now())
    return [report]


def _outcome(delivery: Delivery, refused: Sequence[Refusal], before: int) -> dict[str, Any]:
    """Return how many records of a delivery were accepted, and why the others are in quarantine; no value of them."""
    return {
        "accepted": delivery.records - len(refused),
        "quarantined": len(refused),
        "reasons": [
            f"record {refusal.rank - before}: {refusal.reason}".replace("\0", "\ufffd")  # PostgreSQL keeps no zero byte
            for refusal in refused[:MOST_REASONS]
        ],
    }
