"""Contract of the operations database: topics, verdicts, crises, alerts, acts."""

from ingestion.engine.contract import GENERATION, UNKNOWN_COLUMNS, Field, RejectedError, Row, Table
from ingestion.engine.parsers import (
    choice,
    count,
    flag,
    free_text,
    identifier,
    pseudonym,
    redacted_text,
    term,
    utc_time,
)

#: Kinds of crisis, as the brief and the topics name them.
kind = choice(
    {
        "climatique": (),
        "écologique": (),
        "sanitaire": (),
        "sécuritaire": (),
        "cyber": (),
        "rumeur": (),
        "institution": (),
    }
)

#: What an operator says of a signal; the older words are accepted and mean the same.
verdict = choice({"vu": ("à suivre",), "confirmé": ("vrai",), "écarté": ("faux",)})

#: Kinds of entries in the log of a crisis.
event_kind = choice({"fait": (), "dit": (), "mené": ("mene",)})


def _time(name: str, description: str, *, nullable: bool = False) -> Field:
    return Field(name, description, (), utc_time, "timestamp", required=True, nullable=nullable)


def _text(name: str, description: str, parse=term, *, nullable: bool = False) -> Field:  # noqa: ANN001
    return Field(name, description, (), parse, required=True, nullable=nullable)


TOPICS = Table(
    name="topics",
    key="code",
    description="A subject that is watched on the platforms.",
    versioned_by="updated_at",
    fields=(
        _text("code", "Identifier of the topic."),
        _text("label", "French label, redacted.", redacted_text),
        _text("query", "Words, phrases, hashtags and exclusions that find it."),
        _text("kind", "Kind of crisis that it announces.", kind),
        _text("platforms", "Platforms on which it is watched, separated by commas; empty for all.", nullable=True),
        _text("owner", "Team that answers for it."),
        Field("active", "Whether it is watched now.", (), flag, "boolean", required=True, nullable=False),
        _time("created_at", "When it was written down."),
        _time("updated_at", "When it was last changed."),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)


def _reasoned(row: Row) -> Row:
    """Reject a dismissed signal without a stated reason.

    Raises:
        RejectedError: the reason is absent.
    """
    if row.get("verdict") == "écarté" and row.get("note") is None:
        raise RejectedError("note", "is empty, and a signal that is 'écarté' needs its reason")
    return row


#: What a signal was at its verdict or alert: the signal itself is deleted sooner.
_SIGNAL = (
    _text("signal_id", "Signal of the alert.", identifier, nullable=True),
    _text("topic_code", "Its topic.", nullable=True),
    _text("crisis_kind", "Kind of crisis that its topic announces.", kind, nullable=True),
    _text("territory_code", "Where it was seen, ISO 3166-2 or region.", nullable=True),
    Field("severity", "Its severity, from 1 to 4.", (), count, "bigint", required=True),
    _time("signal_opened_at", "When it was opened.", nullable=True),
)

VERDICTS = Table(
    name="verdicts",
    key="verdict_id",
    description="What an operator said of a signal.",
    dated_by="decided_at",
    fields=(
        _text("verdict_id", "Identifier of the verdict.", identifier),
        _text("signal_id", "Signal that it is about.", identifier),
        _text("verdict", "'vu', 'confirmé' or 'écarté'.", verdict),
        _text("author_role", "Role of who said so; never a person."),
        _text("note", "Reason or remark, redacted.", free_text, nullable=True),
        _time("decided_at", "When it was said."),
        *_SIGNAL[1:],
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    rule=_reasoned,
)


def _in_order(row: Row) -> Row:
    """Refuse a crisis whose end contradicts its beginning or its status.

    Raises:
        RejectedError: it was closed before it was opened, or is closed without an end.
    """
    closed_at = row.get("closed_at")
    if closed_at is not None and closed_at < row["opened_at"]:
        raise RejectedError("closed_at", "lies before opened_at", closed_at.isoformat())
    if (closed_at is None) != (row["status"] == "ouverte"):
        raise RejectedError("status", "contradicts closed_at", row["status"])
    return row


CRISES = Table(
    name="crises",
    key="crisis_id",
    description="A crisis that was declared, and its end.",
    dated_by="closed_at",
    fields=(
        _text("crisis_id", "Identifier of the crisis.", identifier),
        _text("title", "What it is about, redacted.", free_text),
        _text("kind", "Kind of crisis.", kind),
        _text("status", "'ouverte' or 'close'.", choice({"ouverte": ("open",), "close": ("fermée", "closed")})),
        _time("opened_at", "When it was declared."),
        _time("closed_at", "When it ended; empty while it lasts.", nullable=True),
        _text("territories", "ISO 3166-2 codes, separated by commas; empty for the nation.", nullable=True),
        _text("topics", "Codes of its topics, separated by commas.", nullable=True),
        _text("owner", "Team that leads it."),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
    rule=_in_order,
)

CRISIS_EVENTS = Table(
    name="crisis_events",
    key="event_id",
    description="What was written down of a crisis while it lasted.",
    dated_by="happened_at",
    fields=(
        _text("event_id", "Identifier of the entry.", identifier),
        _text("crisis_id", "Crisis that it is about.", identifier),
        _text("kind", "'fait', 'dit' or 'mené': what happened, what was said, what was done.", event_kind),
        _text("note", "What it says, redacted.", free_text),
        _text("author_role", "Role of who wrote it; never a person."),
        _time("happened_at", "When it happened."),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

OUTBOX = Table(
    name="outbox",
    key="alert_id",
    description="An alert that was to be sent, and what became of it.",
    dated_by="created_at",
    fields=(
        _text("alert_id", "Identifier of the alert, derived from the opening of the signal.", identifier),
        _text("channel", "How it goes out, such as 'mail' or 'webhook'."),
        _text("recipient", "Pseudonym of who gets it.", pseudonym),
        _text("subject", "Its first line, redacted.", free_text),
        _time("created_at", "When it was written, before it was sent."),
        _time("sent_at", "When the server acknowledged it.", nullable=True),
        Field("attempts", "Times that it was sent.", (), count, "bigint", required=True, nullable=False),
        _text("last_error", "Why the last attempt failed, redacted.", free_text, nullable=True),
        *_SIGNAL,
        _text(
            "message_id", "Message in which it left; alerts that leave together share it.", identifier, nullable=True
        ),
        _time("attempted_at", "When it was last tried.", nullable=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

ACTS = Table(
    name="acts",
    key="act_id",
    description="What somebody did on a page or by a command.",
    dated_by="done_at",
    fields=(
        _text("act_id", "Identifier of the act.", identifier),
        _time("done_at", "When it was done."),
        _text("role", "Role of who did it; never a person."),
        _text("account", "Pseudonym of the account that did it; empty for a command or a link.", nullable=True),
        _text("kind", "What was done, in French, such as 'verdict' or 'crise ouverte'."),
        _text("object_kind", "Kind of what it was done to, in French, such as 'signal' or 'crise'."),
        _text("object_id", "Identifier of what it was done to."),
        _text("detail", "What else is worth knowing, redacted.", free_text, nullable=True),
        GENERATION,
        UNKNOWN_COLUMNS,
    ),
)

CONTRACT = (TOPICS, VERDICTS, CRISES, CRISIS_EVENTS, OUTBOX, ACTS)
