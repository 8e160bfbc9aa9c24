"""Sends a prevention action that somebody wrote on a page into the register, by the way that a file takes."""

import secrets
import string
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.errors import ExpectedFailure
from ingestion.connectors.prevention_actions import line
from ingestion.connectors.prevention_actions.contract import WITHDRAWALS
from ingestion.engine import drop_folder
from ingestion.platforms import platform
from operations import acts, drafts
from operations.acts import Author
from operations.models import ActionDraft
from operations.places import NATION

#: The key of an action in the register: an action that is sent again with the same one is corrected.
IDENTIFIER = "identifiant"
WITHDRAWN = "retrait"


def as_line(content: Mapping[str, Any]) -> dict[str, str]:
    """Return what a form holds as a line of the register, where no département stands for the whole country."""
    line = {name: "; ".join(value) if isinstance(value, list) else value for name, value in content.items()}
    return {name: "" if value == NATION else value for name, value in line.items()}


def send(
    author: Author, content: Mapping[str, Any], *, draft_id: str | None = None, form_id: UUID | None = None
) -> ActionDraft:
    """Put an action into the drop folder of the register, and keep what was sent so that it can be corrected.

    Args:
        author: Who sends it; the account keeps it.
        content: The fields of the form.
        draft_id: What the author has kept of it, a draft or what was sent before.
        form_id: Of the form; a form sends once.

    Raises:
        ExpectedFailure: the contract refuses it, or the draft is none of the author's.
    """
    return _write(author, "action de prévention envoyée", content, draft_id=draft_id, form_id=form_id)


def withdraw(author: Author, draft_id: str, form_id: UUID | None = None) -> ActionDraft:
    """Withdraw an action that the author has sent: it counts no more, until it is sent again.

    Raises:
        ExpectedFailure: the author has sent none of that identifier.
    """
    content = {**drafts.find(author, draft_id).content, WITHDRAWN: WITHDRAWALS[1]}
    return _write(author, "action de prévention retirée", content, draft_id=draft_id, form_id=form_id)


def _write(
    author: Author, act: str, content: Mapping[str, Any], *, draft_id: str | None, form_id: UUID | None
) -> ActionDraft:
    with acts.once(author, act, form_id, f"account {author.account}", target=draft_id, content=content) as done:
        if done:
            return drafts.find(author, str(done.result_id))
        before = drafts.find(author, draft_id).content if draft_id else {}
        sent = {**content, IDENTIFIER: before.get(IDENTIFIER) or _new_identifier()}
        if wrong := line.problems(as_line(sent)):
            name, reason = next(iter(wrong.items()))
            raise ExpectedFailure(f"Le champ « {name} » {reason}.", "Corrigez-le, puis envoyez de nouveau.")
        kept = drafts.save(author, sent, draft_id=draft_id)
        acts.record(author, act, ("action", sent[IDENTIFIER]), result_id=kept.draft_id, form_id=form_id)
        # The last: should it fail, nothing was written. A correction takes the place of a file that still waits.
        drop_folder.put(platform("prevention_actions"), f"{sent[IDENTIFIER]}.csv", line.as_file(as_line(kept.content)))
    return kept


def _new_identifier() -> str:
    """Return an identifier without digits, of which a run could be taken for a phone number and redacted."""
    return "page-" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
