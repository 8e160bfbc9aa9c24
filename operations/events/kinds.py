"""The kinds of events, and the JSON Schema of what each says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CODE = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_CODES = {"type": "array", "items": _CODE}
_SIGNAL = {
    "signal_id": _CODE,
    "topic_code": _CODE,
    "crisis_kind": _CODE,
    "territory_code": _CODE,
    "severity": {"type": "integer", "minimum": 1, "maximum": 4},
    "opened_at": _TIME,
}
_CRISIS = {"crisis_id": _CODE, "crisis_kind": _CODE, "territories": _CODES, "topics": _CODES, "opened_at": _TIME}
_SOURCE = {"platform": _CODE, "found_at": _TIME}


@dataclass(frozen=True)
class Kind:
    """A kind of event: its CloudEvents type, what it means, and the fields of its data, which are all there."""

    type: str
    meaning: str
    fields: Mapping[str, Mapping[str, Any]]


SIGNAL_OPENED = Kind("cyberimpact.signal.opened", "A signal was found.", _SIGNAL)
SIGNAL_ESCALATED = Kind("cyberimpact.signal.escalated", "An open signal is more serious than before.", _SIGNAL)
SIGNAL_CLOSED = Kind("cyberimpact.signal.closed", "A signal is over.", {**_SIGNAL, "closed_at": _TIME})
SIGNAL_JUDGED = Kind(
    "cyberimpact.signal.judged",
    "An operator has given a verdict: vu (seen), confirmé (confirmed) or écarté (dismissed).",
    {**_SIGNAL, "verdict": {"enum": ["vu", "confirmé", "écarté"]}, "role": _CODE},
)
CRISIS_OPENED = Kind("cyberimpact.crisis.opened", "A crisis was declared; no territory means the nation.", _CRISIS)
CRISIS_WRITTEN = Kind(
    "cyberimpact.crisis.written",
    "The journal of a crisis has a new entry; its text stays here.",
    {**_CRISIS, "entry": {"type": "integer", "minimum": 1}, "entry_kind": _CODE, "happened_at": _TIME},
)
CRISIS_CLOSED = Kind("cyberimpact.crisis.closed", "A crisis is over.", {**_CRISIS, "closed_at": _TIME})
PUBLICATION_MADE = Kind("cyberimpact.publication.made", "New daily figures can be read.", {"build": _CODE})
SOURCE_LATE = Kind("cyberimpact.source.late", "Nothing was loaded of a platform for too long.", _SOURCE)
SOURCE_BACK = Kind("cyberimpact.source.back", "A late platform was loaded again.", {**_SOURCE, "ended_at": _TIME})

KINDS = (
    SIGNAL_OPENED,
    SIGNAL_ESCALATED,
    SIGNAL_CLOSED,
    SIGNAL_JUDGED,
    CRISIS_OPENED,
    CRISIS_WRITTEN,
    CRISIS_CLOSED,
    PUBLICATION_MADE,
    SOURCE_LATE,
    SOURCE_BACK,
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of every event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of cyberimpact, CloudEvents 1.0",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "description": "The same whenever the same event is sent again."},
            "source": {"type": "string", "format": "uri"},
            "subject": {"type": "string", "description": "What it concerns; events of one subject come in order."},
            "time": _TIME,
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"type": "string", "format": "uri"},
            "sequence": {"type": "string", "description": "Greater for a later event; the CloudEvents extension."},
        },
        "oneOf": [
            {
                "title": kind.meaning,
                "properties": {
                    "type": {"const": kind.type},
                    "data": {
                        "type": "object",
                        "properties": kind.fields,
                        "required": list(kind.fields),
                        "additionalProperties": False,
                    },
                },
            }
            for kind in KINDS
        ],
    }
