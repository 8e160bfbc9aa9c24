"""What is wrong with the platform itself: recorded once per cause, reported to subscribers of `operations`."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from ingestion.platforms import PLATFORMS
from operations import database
from operations.events import recording
from operations.models import Trouble
from privacy import mask_identifiers

REMEMBERED = timedelta(days=30)
#: Begins the cause of a platform whose data are late; its name follows.
LATE = "fresh "
#: An end is reported to a recipient who was unreachable for at most so long.
REPORTED_FOR = timedelta(days=7)

_MOST_CHARACTERS = 400
#: A path of this machine; the path of a web address follows a host.
_PATH = re.compile(r"(?<![\w:/.\]-])/(?:[^\s/:,;'\"»)]+/)*[^\s/:,;'\"»)]*[^\s/:,;'\"».)]")
#: A value of somebody's data, as DuckDB quotes it.
_VALUE = re.compile(r"(string|value) '.*?'")


@dataclass(frozen=True)
class Cause:
    """Something that is wrong now.

    Attributes:
        key: What it is recognised by when it is found again.
        subject: What is wrong, in French.
        detail: What happened, as the failed program says it.
        remedy: What to do: a command where there is one.
        address: The page of Dagster that shows it.
    """

    key: str
    subject: str
    detail: str
    remedy: str
    address: str


def record(causes: Collection[Cause], undecided: Collection[str], now: datetime) -> None:
    """Note what is wrong now: a new cause begins a trouble, one that is gone ends it.

    Args:
        causes: All that is wrong.
        undecided: Keys of causes of which it is not known now: what was noted of them stays.
        now: The present.
    """
    with database.turn("troubles"):
        noted = set(Trouble.objects.filter(ended_at=None).values_list("cause", flat=True))
        for cause in causes:
            if cause.key not in noted:
                trouble = Trouble.objects.create(
                    cause=cause.key,
                    subject=said(cause.subject),
                    detail=said(cause.detail),
                    remedy=said(cause.remedy),
                    address=cause.address,
                    found_at=now,
                )
                _record_event(trouble)
        over = noted - {cause.key for cause in causes} - set(undecided)
        for ended in Trouble.objects.filter(ended_at=None, cause__in=over):
            ended.ended_at = now
            ended.save(update_fields=["ended_at"])
            _record_event(ended)
        Trouble.objects.filter(ended_at__lt=now - REMEMBERED).delete()


def _record_event(trouble: Trouble) -> None:
    """Write the event of a platform that is late, or no longer; other troubles have none."""
    for platform in PLATFORMS:
        if trouble.cause == f"{LATE}{platform.name}":
            recording.source(trouble, platform.name)


def to_report(now: datetime) -> list[Trouble]:
    """Return the troubles that last, and those that ended of late."""
    return list(Trouble.objects.filter(Q(ended_at=None) | Q(ended_at__gt=now - REPORTED_FOR)))


def said(text: str) -> str:
    """Return a sentence for a message: one line, without identifiers, values of data or paths of this machine."""
    line = " ".join(_PATH.sub("…", _VALUE.sub(r"\1 …", text)).split())
    return mask_identifiers(line)[:_MOST_CHARACTERS]
