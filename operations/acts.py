"""Records who did what, and lets a form act once."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.errors import ExpectedFailure
from operations import database
from operations.models import Act
from privacy import redact

AGAIN = "Rien d'autre n'a été enregistré. Vérifiez votre saisie, puis envoyez-la de nouveau si elle doit s'y ajouter."


@dataclass(frozen=True)
class Author:
    """Who acts.

    Attributes:
        role: As in Superset, or as a subscription says; never a person.
        account: Pseudonym of the account (`privacy.pseudonymise_account`), None for a shell or the link of a mail.
    """

    role: str
    account: str | None = None


class UsedFormError(ExpectedFailure):
    """A form was sent that has acted already, and now says something else."""


@contextmanager
def once(
    author: Author,
    kind: str,
    form_id: UUID | None,
    *turns: str,
    target: str | None = None,
    content: object = None,
) -> Generator[Act | None]:
    """Begin a transaction, and give the act that the form has done already: who gets one writes nothing.

    Args:
        author: Who acts.
        kind: What the form does.
        form_id: Made when the form was shown; None for what is no form.
        turns: See `operations.database.turn`.
        target: Identifier of what it is done to, or of the row that it writes anew; None where it makes one.
        content: What the form says; equal contents have the same `repr`.

    Raises:
        UsedFormError: the form has done something else, to something else, with another content, or for somebody else.
    """
    digest = hashlib.sha256(redact(repr(content)).encode()).hexdigest()
    with database.turn(*turns, *([f"form {form_id}"] if form_id else [])):
        done = Act.objects.filter(form_id=form_id).first() if form_id else None
        if done and (
            (done.role, done.account, done.kind) != (author.role, author.account, kind)
            or target not in (None, done.object_id, done.result_id)
        ):
            raise UsedFormError("Ce formulaire a déjà servi à autre chose.", AGAIN)
        if done and done.form_digest not in (None, digest):
            raise UsedFormError("Ce formulaire a déjà servi, avec un autre contenu, qui est enregistré.", AGAIN)
        yield done
        if form_id:
            Act.objects.filter(form_id=form_id, form_digest=None).update(form_digest=digest)


def record(
    author: Author,
    kind: str,
    concerns: tuple[str, str],
    detail: str | None = None,
    *,
    result_id: str | None = None,
    form_id: UUID | None = None,
) -> Act:
    """Record an act, in the transaction of what it does.

    Args:
        author: Who acts.
        kind: What was done, in French: `verdict`, `crise ouverte`.
        concerns: Kind and identifier of what it was done to: `("crise", "5f2d7c1e")`.
        detail: What else is worth knowing; redacted here.
        result_id: Key of the row that it has written, which a second submit of the form is answered with.
        form_id: As in `once`.
    """
    object_kind, object_id = concerns
    return Act.objects.create(
        role=author.role,
        account=author.account,
        kind=kind,
        object_kind=object_kind,
        object_id=object_id,
        detail=redact(detail) if detail else None,
        result_id=result_id,
        form_id=form_id,
    )


def on(object_kind: str, object_id: str) -> list[Act]:
    """Return what was done to something, the oldest first."""
    return list(Act.objects.filter(object_kind=object_kind, object_id=object_id))


def since(moment: datetime, account: str | None = None) -> list[Act]:
    """Return what was done since an instant, the oldest first: by one account, or by everybody."""
    found = Act.objects.filter(done_at__gte=moment)
    return list(found.filter(account=account) if account else found)
