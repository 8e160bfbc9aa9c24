"""Keeps prevention actions that somebody has not finished to write."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.clock import now
from core.errors import ExpectedFailure
from operations import acts
from operations.acts import Author
from operations.models import ActionDraft
from privacy import redact

_ACT = "brouillon d'action enregistré"


def save(
    author: Author, content: Mapping[str, Any], *, draft_id: str | None = None, form_id: UUID | None = None
) -> ActionDraft:
    """Keep the fields of a form, redacted, as a new draft or in the place of what a draft held.

    Raises:
        ExpectedFailure: the author has no account, or the draft is none of the author's.
    """
    with acts.once(author, _ACT, form_id, f"account {_account(author)}", target=draft_id, content=content) as done:
        if done:
            return find(author, done.object_id)
        draft = find(author, draft_id) if draft_id else ActionDraft(account=_account(author))
        draft.role, draft.updated_at = author.role, now()
        draft.content = {name: redact(value) if isinstance(value, str) else value for name, value in content.items()}
        draft.save()
        acts.record(author, _ACT, ("brouillon d'action", draft.draft_id), form_id=form_id)
        return draft


def of_account(author: Author) -> list[ActionDraft]:
    """Return the drafts of the author's account, the last changed first."""
    return list(ActionDraft.objects.filter(account=_account(author)))


def find(author: Author, draft_id: str) -> ActionDraft:
    """Return a draft of the author's account.

    Raises:
        ExpectedFailure: it is none.
    """
    draft = ActionDraft.objects.filter(pk=draft_id, account=_account(author)).first()
    if draft is None:
        raise ExpectedFailure("Ce brouillon n'existe pas, ou plus.", "Voir la liste de vos brouillons.")
    return draft


def delete(author: Author, draft_id: str) -> None:
    """Delete a draft of the author's; one that is gone is no fault."""
    ActionDraft.objects.filter(pk=draft_id, account=_account(author)).delete()


def _account(author: Author) -> str:
    if author.account is None:
        raise ExpectedFailure("Un brouillon est celui d'un compte.", "Ouvrez une session.")
    return author.account
