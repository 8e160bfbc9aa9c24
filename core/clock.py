"""The current time, and the time zones of French territories."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

#: Zones of the overseas territories by INSEE code. Of `97` and `98`, which name none, the zone furthest to the east.
OVERSEAS: Mapping[str, ZoneInfo] = {
    code: ZoneInfo(name)
    for code, name in {
        "97": "Indian/Reunion",
        "971": "America/Guadeloupe",
        "972": "America/Martinique",
        "973": "America/Cayenne",
        "974": "Indian/Reunion",
        "975": "America/Miquelon",
        "976": "Indian/Mayotte",
        "977": "America/St_Barthelemy",
        "978": "America/Marigot",
        "98": "Pacific/Wallis",
        "984": "Indian/Kerguelen",
        "986": "Pacific/Wallis",
        "987": "Pacific/Tahiti",
        "988": "Pacific/Noumea",
    }.items()
}


def now() -> datetime:
    """Return the instant, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Return the day in Europe/Paris."""
    return now().astimezone(PARIS).date()


def zone_of(departement: str | None) -> ZoneInfo:
    """Return the zone of a département, given by its INSEE code: Europe/Paris but for the overseas territories."""
    return OVERSEAS.get(departement or "", PARIS)
