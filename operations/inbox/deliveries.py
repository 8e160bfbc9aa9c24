"""Keeps what was sent, once per idempotency key, until a load has taken it."""

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum

from core import settings
from core.errors import ExpectedFailure
from ingestion.engine.sent import Body
from ingestion.platforms import PLATFORMS
from operations import database
from operations.inbox import sealing
from operations.models import Delivery

State = Delivery.State

#: What one delivery may hold, not compressed. More is for a drop folder.
MOST_BYTES = 16 << 20
#: What may wait, of all senders and of each; and what must stay free on the disk beside it.
MOST_WAITING_BYTES, MOST_OF_A_SENDER_BYTES = 1 << 30, 1 << 28
FREE_BYTES = 1 << 30
#: Deliveries that are loaded, and rows that are changed, together.
MOST_TOGETHER, _AT_ONCE = 20_000, 500
#: Records that are loaded together, unless one delivery has more: a small one takes a hundred times its bytes.
MOST_RECORDS_TOGETHER = 200_000
#: How long the outcome of a delivery can be asked, and its idempotency key is known.
REMEMBERED = timedelta(days=30)


class FullError(ExpectedFailure):
    """Nothing more is taken for the moment: senders wait and send again."""


class UsedKeyError(ExpectedFailure):
    """The idempotency key came before, with other records."""


@dataclass(frozen=True)
class Sent:
    """What somebody has sent, and was read.

    Attributes:
        sender: Name of a token, or `bus`.
        platform: Name of the platform.
        entity: Its table.
        body: The records.
        original: What was sent, not compressed: its size and SHA-256 are kept.
        key: The same for the same delivery, None where the sender gives none.
    """

    sender: str
    platform: str
    entity: str
    body: Body
    original: bytes
    key: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.original).hexdigest()


def targets() -> set[tuple[str, str]]:
    """Return the tables, with their platforms, to which records may be sent."""
    return {(platform.name, entity) for platform in PLATFORMS if platform.is_sendable for entity in platform.entities}


def refuse_full(sender: str) -> None:
    """Refuse more of a sender than the load or the disk can take, or than leaves room for others.

    Raises:
        FullError: too much waits, or the disk is nearly full.
    """
    waiting = Delivery.objects.filter(state=State.WAITING).order_by().values_list("sender")
    sizes = dict(waiting.annotate(size=Sum("size_bytes")))
    of_it, of_all = sizes.get(sender, 0), sum(sizes.values())
    if of_it > MOST_OF_A_SENDER_BYTES or of_all > MOST_WAITING_BYTES:
        raise FullError(
            f"{of_all >> 20} MiB wait to be loaded already, {of_it >> 20} MiB of this sender.",
            "Send it again later; it is taken once loads catch up.",
        )
    settings.make_folder(settings.home().root)
    if shutil.disk_usage(settings.home().root).free < FREE_BYTES:
        raise FullError("The disk of the platform is nearly full.", "Send it again once there is room.")


def keep(sent: Sequence[Sent]) -> list[Delivery]:
    """Write deliveries in one transaction, and return them in their order; one that is known stays as it was.

    They are durable once this returns.

    Raises:
        UsedKeyError: an idempotency key came before with other records; nothing of the call is written.
    """
    with database.turn("inbox"):
        known = _known(sent)
        fresh: dict[Any, Delivery] = {}
        for rank, one in enumerate(sent):
            place = (one.sender, one.key) if one.key else rank
            found = known.get(place) or fresh.get(place)
            if found is None:
                fresh[place] = _new(one)
            elif (found.sha256, found.platform, found.entity) != (one.sha256, one.platform, one.entity):
                raise UsedKeyError(
                    "This idempotency key came before, with other records.",
                    "Give each delivery a key of its own, and repeat it only with the same records.",
                )
        Delivery.objects.bulk_create(fresh.values())
    found = known | fresh
    return [found[(one.sender, one.key) if one.key else rank] for rank, one in enumerate(sent)]


def _known(sent: Iterable[Sent]) -> dict[Any, Delivery]:
    keys = {one.key for one in sent if one.key}
    found = Delivery.objects.filter(idempotency_key__in=keys).defer("body") if keys else ()
    return {(delivery.sender, delivery.idempotency_key): delivery for delivery in found}


def _new(one: Sent) -> Delivery:
    delivery = Delivery(
        sender=one.sender,
        idempotency_key=one.key,
        platform=one.platform,
        entity=one.entity,
        sha256=one.sha256,
        size_bytes=len(one.original),
        records=len(one.body.records),
    )
    delivery.body = sealing.seal(one.body.as_lines(), delivery.delivery_id)
    return delivery


def note_unreadable(sender: str, target: tuple[str, str], original: bytes, reason: str, at: datetime) -> None:
    """Note a message that could not be read, the same one once; the original is with the dead letters."""
    sha256 = hashlib.sha256(original).hexdigest()
    facts = {
        "platform": target[0],
        "entity": target[1],
        "sha256": sha256,
        "size_bytes": len(original),
        "records": 0,
        "state": State.UNREADABLE,
        "settled_at": at,
        "outcome": {"reasons": [reason]},
    }
    key = f"unreadable {'.'.join(target)} {sha256}"
    Delivery.objects.update_or_create(sender=sender, idempotency_key=key, defaults=facts)


def find(delivery_id: str, sender: str) -> Delivery | None:
    """Return a delivery of a sender; None where there is none."""
    return Delivery.objects.filter(delivery_id=delivery_id, sender=sender).defer("body").first()


def waiting(platforms: Collection[str] = ()) -> dict[str, tuple[int, int]]:
    """Return the platforms for which something waits, each with the numbers of its oldest and newest delivery."""
    rows = Delivery.objects.filter(state=State.WAITING).order_by().values("platform")
    if platforms:
        rows = rows.filter(platform__in=platforms)
    counted = rows.annotate(oldest=Min("number"), newest=Max("number"))
    return {row["platform"]: (row["oldest"], row["newest"]) for row in counted}


def first_waiting(platform: str, most_bytes: int) -> list[Delivery]:
    """Return what waits for a platform, the oldest first, up to a size; at least one where any waits."""
    taken, size, records = [], 0, 0
    sizes = Delivery.objects.filter(state=State.WAITING, platform=platform)
    for number, bytes_of_it, records_of_it in sizes.values_list("number", "size_bytes", "records"):
        size, records = size + bytes_of_it, records + records_of_it
        if taken and (size > most_bytes or records > MOST_RECORDS_TOGETHER or len(taken) >= MOST_TOGETHER):
            break
        taken.append(number)
    if not taken:
        return []
    between = Delivery.objects.filter(number__gte=taken[0], number__lte=taken[-1])
    return list(between.filter(state=State.WAITING, platform=platform))


def settle(outcomes: Iterable[tuple[Delivery, Delivery.State, dict[str, Any]]], at: datetime) -> None:
    """Write what has become of deliveries. The records of those that were loaded are removed."""
    alike: defaultdict[tuple[Delivery.State, str], list[int]] = defaultdict(list)
    for delivery, state, outcome in outcomes:
        alike[state, json.dumps(outcome)].append(delivery.number)
    with database.turn("inbox"):
        for (state, outcome), numbers in alike.items():
            gone = {"body": None} if state is State.LOADED else {}
            for first in range(0, len(numbers), _AT_ONCE):
                found = Delivery.objects.filter(number__in=numbers[first : first + _AT_ONCE])
                found.update(state=state, outcome=json.loads(outcome), settled_at=at, **gone)


def retry(platform: str) -> int:
    """Have the deliveries that no load could process wait again, and return how many."""
    refused = Delivery.objects.filter(platform=platform, state=State.REFUSED)
    return refused.update(state=State.WAITING, settled_at=None, outcome=None)


def forget(at: datetime) -> None:
    """Remove what is known of deliveries that were settled long ago."""
    Delivery.objects.filter(settled_at__lt=at - REMEMBERED).delete()


def counts() -> list[dict[str, Any]]:
    """Return for each table how many deliveries and records wait, were loaded, refused, or could not be read."""
    by_state = {state.value: Count("number", filter=Q(state=state)) for state in State}
    rows = Delivery.objects.order_by().values("platform", "entity")
    oldest = Min("received_at", filter=Q(state=State.WAITING))
    return list(rows.annotate(**by_state, all_records=Sum("records"), oldest=oldest).order_by("platform", "entity"))
