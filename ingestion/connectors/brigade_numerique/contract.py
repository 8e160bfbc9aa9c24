"""Contract of the chat's exports."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from itertools import chain, zip_longest

from core.normalize_text import fold, words
from ingestion.configuration import known_chat_labels as known_labels
from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Derived, Dropped, Field, NotAfterLoad, Table
from ingestion.engine.parsers import PARIS, clock_time, paris_time, pseudonym, term

#: Columns of the export, in the order that the tool is set to write [certain].
LABELS = ("reference", "date", "canal", "motif_parent", "motif", "element_de_qualification")

_DAMAGED = re.compile("\ufffd+")


def repaired(known: Callable[[], Iterable[str]] = known_labels) -> Callable[[str], str]:
    """Return a parser that replaces a label by the known one that it spells, or that it must have been before damage.

    A run of n replacement characters stands for one to n characters that are not ASCII, or for an apostrophe, which
    many programs make typographic. A label that could be several known ones, or none, stays as it is: the tool has a
    list, which an administrator changes, and an unknown label is to be read.

    Args:
        known: Returns the labels without damage: those of the defaults and of the installation.
    """

    def parse(value: str) -> str:
        by_spelling = _by_spelling(tuple(known()))
        if "\ufffd" not in value:
            return by_spelling.get(fold(value)) or term(value)
        shape = _shape(value)
        candidates = [label for label in by_spelling.values() if shape.fullmatch(label)]
        return candidates[0] if len(candidates) == 1 else term(value)

    return parse


@lru_cache(maxsize=8)
def _by_spelling(labels: tuple[str, ...]) -> dict[str, str]:
    return {fold(label): label for label in labels}


def _shape(damaged: str) -> re.Pattern[str]:
    """Return a pattern of the labels that a damaged one can have been."""
    pieces = (re.escape(piece) for piece in _DAMAGED.split(damaged))
    runs = (f"(?:[^\\x00-\\x7f]|'){{1,{len(run)}}}" for run in _DAMAGED.findall(damaged))
    return re.compile("".join(chain.from_iterable(zip_longest(pieces, runs, fillvalue=""))), re.IGNORECASE)


def _instant(written: str) -> tuple[datetime, bool]:
    """Return the instant of a local time, and whether its hour does not exist and was moved on."""
    return paris_time(written), _is_moved(written[:13])


@lru_cache(maxsize=1 << 16)
def _is_moved(hour: str) -> bool:
    return paris_time(hour).astimezone(PARIS).replace(tzinfo=None) != datetime.fromisoformat(hour)


def _is_pnav(*motives: str | None) -> tuple[bool]:
    return (any("pnav" in words(motive or "") for motive in motives),)


CONTACTS = Table(
    name="contacts",
    key="contact_key",
    key_parts=("reference", "date", "motif_parent", "motif"),
    description="One motive of one conversation of the chat; without its text and without the person.",
    fields=(
        Field(
            "contact_key",
            "Pseudonym, local time and motives: a row that two overlapping files give is one row.",
            nullable=False,
            filled_by_load=True,
        ),
        Field("reference", "Keyed pseudonym of the conversation.", (), pseudonym, required=True, nullable=False),
        Field(
            "date",
            "Local time of Paris as written, ISO 8601 [certain].",
            (),
            clock_time,
            required=True,
            nullable=False,
        ),
        Field(
            "contacted_at",
            "Instant of the contact, UTC; the first of the two where the hour comes twice in October.",
            type="timestamp",
            nullable=False,
            filled_by_load=True,
        ),
        Field(
            "heure_reparee",
            "Whether the written hour does not exist (change of March) and was moved on by one.",
            type="boolean",
            nullable=False,
            filled_by_load=True,
        ),
        Field("motif_parent", "Parent motive; empty in some rows [certain].", (), repaired(), required=True),
        Field(
            "motif",
            "Motive; empty in some rows [certain].",
            (),
            repaired(),
            required=True,
        ),
        Field(
            "pnav",
            "Whether a motive says PNAV: such rows are kept, and counted apart from contacts.",
            type="boolean",
            nullable=False,
            filled_by_load=True,
        ),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    dated_by="contacted_at",
    not_after_load=NotAfterLoad(("date",)),
    archived_in="visibility.int_chat_contact_archive",
    derived=(
        Derived(("contacted_at", "heure_reparee"), ("date",), _instant),
        Derived(("pnav",), ("motif_parent", "motif"), _is_pnav),
    ),
    dropped=(
        Dropped(("canal",), "the same for the whole chat, and no figure needs it"),
        Dropped(("element_de_qualification",), "free remark of the agent on the case, which may describe a person"),
    ),
)

CONTRACT = (CONTACTS,)
