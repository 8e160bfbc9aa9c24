"""Records the verdicts that operators give on signals."""

from collections.abc import Mapping
from typing import Any
from unicodedata import normalize
from uuid import UUID

from core.errors import ExpectedFailure
from core.french import moment
from operations import acts, database, roles
from operations.acts import Author
from operations.alerts import outbox
from operations.alerts.links import Link, RefusedLinkError
from operations.alerts.outbox import derived
from operations.alerts.signals import Signal
from operations.events import recording
from operations.models import UsedLink, Verdict
from privacy import redact

VERDICTS = ("vu", "confirmé", "écarté")
LONGEST_NOTE = 1000
#: Letters of Hangul that are shown as a space.
_BLANK = "\u115f\u1160"
_FACTS = ("topic_code", "crisis_kind", "territory_code", "severity")
_ACT = "verdict"


class DecidedMeanwhile(ExpectedFailure):
    """Somebody else has judged the signal since the person looked at it.

    Attributes:
        last: The verdict that was given.
    """

    def __init__(self, last: Verdict) -> None:
        self.last = last
        note = f" ({last.note})" if last.note else ""
        super().__init__(
            f"Entre-temps, le rôle « {roles.title(last.author_role)} » a rendu le verdict « {last.verdict} »{note},"
            f" le {moment(last.decided_at)}.",
            "Rien n'a été enregistré : prenez-en connaissance, puis confirmez ou changez votre verdict.",
        )


def record(
    signal: Signal,
    verdict: str,
    author: Author,
    note: str | None = None,
    *,
    after: str | None = None,
    form_id: UUID | None = None,
) -> Verdict:
    """Record the verdict of an operator on a signal.

    Args:
        signal: The signal.
        verdict: One of `VERDICTS`.
        author: Who gives it.
        note: Its reason; redacted here.
        after: `verdict_id` of the last verdict that the author has seen on it, None where there was none.
        form_id: A second submit of the same form returns the first verdict.

    Raises:
        DecidedMeanwhile: the last verdict is another one; nothing is recorded.
        ExpectedFailure: the verdict is unknown, or a signal is put aside without a reason.
    """
    with acts.once(author, _ACT, form_id, _turn(signal.signal_id), target=signal.signal_id) as done:
        if done:
            return Verdict.objects.get(pk=done.result_id)
        kept = _checked(verdict, note)
        latest = last(signal.signal_id)
        if latest is not None and latest.verdict_id != after:
            raise DecidedMeanwhile(latest)
        facts = {name: getattr(signal, name) for name in _FACTS} | {"signal_opened_at": signal.opened_at}
        given = _write(signal.signal_id, verdict, kept, facts, author=author, form_id=form_id)
        given.was_redacted = kept is not None and kept != (note or "").strip()
        return given


def answer(link: Link, note: str | None = None) -> Verdict:
    """Write the verdict that a link gives; the links of an alert give one verdict together.

    Raises:
        RefusedLinkError: the alert has its verdict, or was never written.
        ExpectedFailure: a signal is put aside without a reason.
    """
    alert = outbox.find(link.alert_id)
    if alert is None:
        raise RefusedLinkError("L'alerte de ce lien n'existe plus.")
    with database.turn(f"alert {link.alert_id}", _turn(str(alert.signal_id))):
        refuse_used(link)
        kept = _checked(link.verdict, note)
        UsedLink.objects.create(link_id=link.link_id)
        facts = {name: getattr(alert, name) for name in (*_FACTS, "signal_opened_at")}
        return _write(str(alert.signal_id), link.verdict, kept, facts, author=Author(link.role))


def refuse_used(link: Link) -> None:
    """Check that no link of an alert has given its verdict yet.

    Raises:
        RefusedLinkError: one has.
    """
    links = {derived(link.alert_id, verdict): verdict for verdict in VERDICTS}
    used = UsedLink.objects.filter(link_id__in=links).first()
    if used:
        said = f"« {links[used.link_id]} », le {moment(used.used_at)}"
        raise RefusedLinkError(f"Cette alerte a déjà reçu un verdict : {said}.")


def given(signal_id: str | None = None) -> list[Verdict]:
    """Return the verdicts that were given, the oldest first: of one signal, or of all."""
    found = Verdict.objects.all()
    return list(found if signal_id is None else found.filter(signal_id=signal_id))


def last(signal_id: str) -> Verdict | None:
    """Return the last verdict on a signal."""
    return Verdict.objects.filter(signal_id=signal_id).last()


def last_of_topic(topic_code: str) -> dict[str, str]:
    """Return the last verdict on each signal of a topic, in the order in which they were given."""
    said: dict[str, str] = {}
    for verdict in Verdict.objects.filter(topic_code=topic_code):
        said.pop(verdict.signal_id, None)
        said[verdict.signal_id] = verdict.verdict
    return said


def _turn(signal_id: str) -> str:
    return f"signal {signal_id}"


def _checked(verdict: str, note: str | None) -> str | None:
    """Return the note redacted, None where it is empty."""
    if verdict not in VERDICTS:
        raise ExpectedFailure(f"{verdict!r} n'est pas un verdict.", f"Choisissez parmi : {', '.join(VERDICTS)}.")
    kept = (note or "").strip()
    if not any(mark.isalnum() and mark not in _BLANK for mark in normalize("NFKC", kept)):
        kept = ""  # nothing that anybody could read
    if verdict == "écarté" and not kept:
        raise ExpectedFailure("Un signal écarté demande un motif.", "Dites en une phrase pourquoi il est écarté.")
    if len(kept) > LONGEST_NOTE:
        raise ExpectedFailure(f"Le motif dépasse {LONGEST_NOTE} caractères.", "Le raccourcir.")
    return redact(kept) if kept else None


def _write(
    signal_id: str,
    verdict: str,
    note: str | None,
    facts: Mapping[str, Any],
    *,
    author: Author,
    form_id: UUID | None = None,
) -> Verdict:
    written = Verdict.objects.create(signal_id=signal_id, verdict=verdict, author_role=author.role, note=note, **facts)
    detail = f"{verdict} : {note}" if note else verdict
    acts.record(author, _ACT, ("signal", signal_id), detail, result_id=written.verdict_id, form_id=form_id)
    recording.verdict(written)
    return written
