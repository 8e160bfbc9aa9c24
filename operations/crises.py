"""Opens, annotates and closes crises, and keeps what is shown beside them: pinned series and screens on a wall."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max

from core.clock import now
from core.errors import ExpectedFailure
from operations import acts, places
from operations import topics as watched
from operations.acts import Author
from operations.events import kinds, recording
from operations.models import Crisis, CrisisEvent, Pin, WallAccess
from operations.subscriptions import KINDS
from privacy import redact

EVENT_KINDS = ("fait", "dit", "mené")
PIN_KINDS = ("indicateur", "thème")

#: How long a screen says that its crisis is closed, before its access is worth nothing.
WALL_OUTLASTS = timedelta(days=1)

#: A token of a wall is 256 bits of chance: one round of SHA-256 keeps it as well as many would.
_TOKEN_BYTES = 32


class ClosedCrisisError(ExpectedFailure):
    """The crisis is closed: its journal takes no entry, and it is not closed again.

    Attributes:
        crisis: The crisis.
    """

    def __init__(self, crisis: Crisis) -> None:
        self.crisis = crisis
        super().__init__(
            f"La crise {crisis.crisis_id} est déjà close.",
            f"Son rapport : `cyberimpact crisis report {crisis.crisis_id}` ; si elle reprend, en ouvrir une autre.",
        )


def open_crisis(
    *,
    topics: Sequence[str],
    territories: Sequence[str],
    title: str,
    kind: str | None,
    owner: str,
    author: Author,
    form_id: UUID | None = None,
) -> Crisis:
    """Declare a crisis; its title is redacted.

    Raises:
        ExpectedFailure: it has no topic, one that is not watched, a territory without series, an unknown kind, or it is
            open already.
    """
    act = "crise ouverte"
    content = [title, sorted(topics), sorted(territories), kind]
    with acts.once(author, act, form_id, "crises", content=content) as done:
        if done:
            return find(done.object_id)
        kind = _checked(topics, territories, kind)
        made = Crisis.objects.create(
            title=redact(title),
            kind=kind,
            territories=tuple(sorted(set(territories))),
            topics=tuple(sorted(set(topics))),
            owner=owner,
        )
        made.was_redacted = made.title != title
        _record(author, act, made, made.title, form_id=form_id)
        recording.crisis(kinds.CRISIS_OPENED, made)
        return made


def _checked(topics: Sequence[str], territories: Sequence[str], kind: str | None) -> str:
    """Return the kind of a crisis that may be opened."""
    if not topics:
        raise ExpectedFailure("Une crise porte sur au moins un thème.", "Le donner par --topic.")
    known = [watched.find(code) for code in topics]
    kind = kind or known[0].kind
    for code in sorted(set(territories) - places.names().keys()):
        raise ExpectedFailure(
            f"Aucune série n'est tenue pour le territoire {code!r}.",
            "Donnez FR, une région (FR-NAQ) ou un département (FR-33).",
        )
    if kind not in KINDS:
        raise ExpectedFailure(f"{kind!r} n'est pas un genre de crise.", f"Choisissez parmi : {', '.join(KINDS)}.")
    for other in Crisis.objects.filter(closed_at=None):
        if set(other.topics) == set(topics) and set(other.territories) == set(territories):
            raise ExpectedFailure(
                f"La crise {other.crisis_id} porte déjà sur ces thèmes et territoires.",
                f"Y noter ce qui se passe : `cyberimpact crisis log {other.crisis_id} …`.",
            )
    return kind


def note(
    crisis_id: str, text: str, *, kind: str, author: Author, at: datetime | None = None, form_id: UUID | None = None
) -> CrisisEvent:
    """Add an entry to the journal of an open crisis; its text is redacted.

    Args:
        crisis_id: As in `find`.
        text: What it says.
        kind: One of `EVENT_KINDS`.
        author: Who writes it.
        at: When it happened, now by default.
        form_id: A second submit of the same form returns the first entry.

    Raises:
        ClosedCrisisError: the crisis was closed, perhaps meanwhile; nothing is written.
        ExpectedFailure: there is no such crisis, or the entry is empty or of no known kind.
    """
    act = "entrée au journal"
    crisis = find(crisis_id)
    with acts.once(author, act, form_id, _turn(crisis), target=crisis.crisis_id, content=[text, kind, at]) as done:
        if done:
            return CrisisEvent.objects.get(pk=done.result_id)
        _refuse_closed(crisis)
        if kind not in EVENT_KINDS:
            known = ", ".join(EVENT_KINDS)
            raise ExpectedFailure(f"{kind!r} n'est pas un genre d'entrée.", f"Choisissez parmi : {known}.")
        said = text.strip()
        if not said:
            raise ExpectedFailure("L'entrée est vide.", "Dites en une phrase ce qui s'est passé.")
        number = 1 + (crisis.events.aggregate(last=Max("number"))["last"] or 0)
        written = CrisisEvent.objects.create(
            crisis=crisis,
            number=number,
            kind=kind,
            note=redact(said),
            author_role=author.role,
            happened_at=at or now(),
        )
        written.was_redacted = written.note != said
        _record(author, act, crisis, f"{kind} : {written.note}", result_id=written.event_id, form_id=form_id)
        recording.crisis(kinds.CRISIS_WRITTEN, crisis, written)
        return written


def close(crisis_id: str, author: Author, form_id: UUID | None = None) -> Crisis:
    """Declare a crisis ended.

    Raises:
        ClosedCrisisError: it was closed before.
        ExpectedFailure: there is no such crisis.
    """
    act = "crise close"
    crisis = find(crisis_id)
    with acts.once(author, act, form_id, _turn(crisis), target=crisis.crisis_id) as done:
        if not done:
            _refuse_closed(crisis)
            crisis.status, crisis.closed_at = "close", now()
            crisis.save(update_fields=["status", "closed_at"])
            _record(author, act, crisis, form_id=form_id)
            recording.crisis(kinds.CRISIS_CLOSED, crisis)
        return crisis


def listed() -> list[Crisis]:
    """Return the crises, those that last first, then the latest."""
    return list(Crisis.objects.all())


def find(crisis_id: str) -> Crisis:
    """Return one crisis; the beginning of its identifier is enough.

    Raises:
        ExpectedFailure: none, or more than one, has an identifier that begins so.
    """
    found = list(Crisis.objects.filter(crisis_id__startswith=crisis_id)[:2]) if crisis_id else []
    if len(found) != 1:
        raise ExpectedFailure(f"Aucune crise ne s'appelle {crisis_id!r}.", "Voir `cyberimpact crisis list`.")
    return found[0]


def events(crisis: Crisis, *, since: int = 0) -> list[CrisisEvent]:
    """Return the journal of a crisis in the order in which things happened.

    Args:
        crisis: The crisis.
        since: Only entries that were written after the one of this number.
    """
    return list(CrisisEvent.objects.filter(crisis_id=crisis.crisis_id, number__gt=since))


def any_open() -> bool:
    """Return whether a crisis lasts."""
    return Crisis.objects.filter(closed_at=None).exists()


def state() -> tuple:
    """Return what is another once a crisis was opened, written down or closed: first how many there are."""
    counted = Crisis.objects.aggregate(crises=Count("crisis_id"), closed=Count("closed_at"))
    return (*counted.values(), CrisisEvent.objects.count())


# ---- what is shown beside a crisis


def pin(crisis: Crisis, kind: str, code: str, territory_code: str, author: Author) -> Pin:
    """Pin a series to the page of a crisis; one that is pinned stays as it is.

    Args:
        crisis: The crisis.
        kind: One of `PIN_KINDS`.
        code: Code of the KPI or of the topic; the caller has checked it.
        territory_code: Its territory; the caller has checked it.
        author: Who pins it.

    Raises:
        ClosedCrisisError: the crisis is closed.
        ExpectedFailure: the kind is unknown.
    """
    if kind not in PIN_KINDS:
        raise ExpectedFailure(f"{kind!r} ne s'épingle pas.", f"Choisissez parmi : {', '.join(PIN_KINDS)}.")
    with acts.once(author, "série épinglée", None, _turn(crisis)):
        _refuse_closed(crisis)
        pinned, is_new = crisis.pins.get_or_create(kind=kind, code=code, territory_code=territory_code)
        if is_new:
            _record(author, "série épinglée", crisis, f"{kind} {code}, {territory_code}")
        return pinned


def unpin(crisis: Crisis, pin_id: int, author: Author) -> None:
    """Take a series off the page of a crisis; one that is not there is no fault.

    Raises:
        ClosedCrisisError: the crisis is closed.
    """
    with acts.once(author, "série retirée", None, _turn(crisis)):
        _refuse_closed(crisis)
        for pinned in crisis.pins.filter(pk=pin_id):
            _record(author, "série retirée", crisis, f"{pinned.kind} {pinned.code}, {pinned.territory_code}")
            pinned.delete()


def pins(crisis: Crisis) -> list[Pin]:
    """Return the series that are pinned to a crisis, in the order in which they were."""
    return list(crisis.pins.all())


def admit_wall(crisis: Crisis, label: str, author: Author, form_id: UUID | None = None) -> tuple[WallAccess, str]:
    """Make the read-only access of a screen, and return it with its token, which is kept nowhere.

    A second submit of the same form gives the access another token: who sees that answer did not see the first.

    Raises:
        ClosedCrisisError: the crisis was closed, perhaps meanwhile.
        ExpectedFailure: the screen has no label.
    """
    act = "écran ajouté"
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with acts.once(author, act, form_id, _turn(crisis), target=crisis.crisis_id) as done:
        if done:
            access = WallAccess.objects.get(pk=done.result_id)
            access.sha256 = _hash(token)
            access.save(update_fields=["sha256"])
            return access, token
        _refuse_closed(crisis)
        if not label.strip():
            raise ExpectedFailure("L'écran n'a pas de nom.", "Dites où il est : « Salle d'opérations, mur nord ».")
        access = crisis.walls.create(sha256=_hash(token), label=redact(label.strip()))
        _record(author, act, crisis, access.label, result_id=access.access_id, form_id=form_id)
    return access, token


def revoke_wall(access_id: str, author: Author) -> None:
    """Make the access of a screen worthless from now on; one that was revoked stays so.

    Raises:
        ExpectedFailure: there is none of this identifier.
    """
    with acts.once(author, "écran révoqué", None, f"wall {access_id}"):
        access = WallAccess.objects.filter(pk=access_id).select_related("crisis").first()
        if access is None:
            raise ExpectedFailure("Cet écran n'existe pas.", "Voir ceux de la crise sur sa page.")
        if access.revoked_at is None:
            access.revoked_at = now()
            access.save(update_fields=["revoked_at"])
            _record(author, "écran révoqué", access.crisis, access.label, result_id=access_id)


def walls(crisis: Crisis) -> list[WallAccess]:
    """Return the accesses of screens to a crisis, revoked ones too."""
    return list(crisis.walls.all())


def wall_of(token: str) -> WallAccess | None:
    """Return the access that a token gives, with its crisis; None for one that is unknown, revoked or over."""
    lasting = WallAccess.objects.exclude(crisis__closed_at__lte=now() - WALL_OUTLASTS)
    return lasting.filter(sha256=_hash(token), revoked_at=None).select_related("crisis").first()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _turn(crisis: Crisis) -> str:
    return f"crisis {crisis.crisis_id}"


def _refuse_closed(crisis: Crisis) -> None:
    """Check that a crisis lasts, in the transaction that writes to it."""
    crisis.refresh_from_db()
    if not crisis.is_open:
        raise ClosedCrisisError(crisis)


def _record(
    author: Author,
    kind: str,
    crisis: Crisis,
    detail: str | None = None,
    *,
    result_id: str | None = None,
    form_id: UUID | None = None,
) -> None:
    acts.record(author, kind, ("crise", crisis.crisis_id), detail, result_id=result_id, form_id=form_id)
