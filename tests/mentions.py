"""Mentions as a sender writes them, by the contract of `listening.mentions`."""

from typing import Any


def mention(key: str, **fields: Any) -> dict[str, Any]:
    """Return a mention that keeps its contract, but for what is given otherwise; None leaves a field out."""
    written = {
        "mention_id": key,
        "source_platform": "x",
        "published_at": "2026-10-01T08:00:00Z",
        "collected_at": "2026-10-01T08:05:00Z",
        "text": "La brigade a bien répondu.",
        "department_code": "33",
        **fields,
    }
    return {name: value for name, value in written.items() if value is not None}
