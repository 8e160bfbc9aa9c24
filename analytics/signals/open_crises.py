"""The open crises of the live file: one row per topic and territory."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any

from analytics.anomaly.baseline import FRANCE

Row = Mapping[str, Any]


def rows(crises: Iterable[Row], events: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield the crises that last, by topic and territory; the nation where a crisis names no territory.

    Args:
        crises: Rows of the operations database, times as ISO 8601 texts.
        events: What was written down of crises, rows of the operations database in the order of their keys.
    """
    logs: dict[str, list[Row]] = {}
    for event in events:
        logs.setdefault(event["crisis_id"], []).append(event)
    for crisis in crises:
        if crisis["closed_at"] is None:
            log = sorted(logs.get(crisis["crisis_id"], []), key=lambda event: _instant(event["happened_at"]))
            for topic, territory in product(_words(crisis["topics"]), _words(crisis["territories"]) or [FRANCE]):
                yield {
                    "crisis_id": crisis["crisis_id"],
                    "title": crisis["title"],
                    "crisis_kind": crisis["kind"],
                    "opened_at": _instant(crisis["opened_at"]),
                    "owner": crisis["owner"],
                    "topic_code": topic,
                    "territory_code": territory,
                    "log_entries": len(log),
                    "last_entry_at": _instant(log[-1]["happened_at"]) if log else None,
                    "last_entry": log[-1]["note"] if log else None,
                }


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
