"""What people subscribe to on pages: alerts by mail, within what their role may see."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import time
from email.message import EmailMessage
from uuid import UUID

from core import settings
from core.clock import now
from core.errors import ExpectedFailure
from operations import acts, mail
from operations.acts import Author
from operations.models import MailSubscription
from operations.subscriptions import KINDS, SEVERITIES, is_mail_address

DOMAINS_SETTING = "CYBERIMPACT_MAIL_DOMAINS"
DOMAINS = "gendarmerie.interieur.gouv.fr,interieur.gouv.fr"
MOST_PER_ACCOUNT = 20
_NAME = re.compile(r"[\w.+'-]+")


@dataclass(frozen=True)
class Wish:
    """What somebody asks for.

    Attributes:
        address: Where mail goes.
        territories: Codes of what concerns it; empty for everything.
        kinds: Kinds of crisis; empty for all.
        minimum_severity: From 1 to 4.
        quiet_hours: Begin and end of the hours, Europe/Paris, in which only the gravest is sent.
        cap_per_hour: Messages in an hour, None for any number.
    """

    address: str
    territories: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    minimum_severity: int = 1
    quiet_hours: tuple[time, time] | None = None
    cap_per_hour: int | None = None


@dataclass(frozen=True)
class Sight:
    """What the author of a subscription may do.

    Attributes:
        territories: Codes of the territories that the role may see, None for all.
        may_judge: Whether the role may give verdicts: else no mail carries links of verdicts.
    """

    territories: Collection[str] | None = None
    may_judge: bool = False


def domains() -> tuple[str, ...]:
    """Return the domains to which mail may go."""
    found = settings.get(DOMAINS_SETTING, DOMAINS).split(",")
    return tuple(filter(None, (domain.strip().lower() for domain in found)))


def subscribe(author: Author, wish: Wish, sight: Sight, form_id: UUID | None = None) -> MailSubscription:
    """Keep a new subscription.

    Raises:
        ExpectedFailure: the author has no account or too many subscriptions, or the wish goes beyond what is allowed.
    """
    act = "abonnement ajouté"
    account = _account(author)
    with acts.once(author, act, form_id, f"account {account}") as done:
        if done:
            return find(author, done.object_id)
        _check(wish, sight)
        if MailSubscription.objects.filter(account=account).count() >= MOST_PER_ACCOUNT:
            raise ExpectedFailure(f"Vous avez déjà {MOST_PER_ACCOUNT} abonnements.", "En supprimer un d'abord.")
        made = MailSubscription(account=account, role=author.role)
        return _save(made, wish, sight, author=author, act=act, form_id=form_id)


def change(
    subscription_id: str, author: Author, wish: Wish, sight: Sight, form_id: UUID | None = None
) -> MailSubscription:
    """Replace what a subscription asks for, and its role by the author's present one.

    Raises:
        ExpectedFailure: it is none of the author's, or the wish goes beyond what is allowed.
    """
    act = "abonnement modifié"
    with acts.once(author, act, form_id, f"account {_account(author)}") as done:
        found = find(author, subscription_id)
        if done:
            return found
        _check(wish, sight)
        found.role, found.updated_at = author.role, now()
        return _save(found, wish, sight, author=author, act=act, form_id=form_id)


def remove(subscription_id: str, author: Author) -> None:
    """Delete a subscription of the author's; one that is gone is no fault."""
    with acts.once(author, "abonnement supprimé", None):
        gone, _ = MailSubscription.objects.filter(pk=subscription_id, account=_account(author)).delete()
        if gone:
            acts.record(author, "abonnement supprimé", ("abonnement", subscription_id))


def of_account(author: Author) -> list[MailSubscription]:
    """Return the subscriptions that the author's account has made."""
    return list(MailSubscription.objects.filter(account=_account(author)))


def find(author: Author, subscription_id: str) -> MailSubscription:
    """Return a subscription of the author's account.

    Raises:
        ExpectedFailure: it is none.
    """
    found = MailSubscription.objects.filter(pk=subscription_id, account=_account(author)).first()
    if found is None:
        raise ExpectedFailure("Cet abonnement n'existe pas, ou plus.", "Voir la liste de vos abonnements.")
    return found


def send_test(subscription_id: str, author: Author) -> None:
    """Send a mail that says that mails arrive.

    Raises:
        ExpectedFailure: the subscription is none of the author's, or the server does not take the mail.
    """
    found = find(author, subscription_id)
    message = EmailMessage()
    message["To"] = found.address
    message["Subject"] = "cyberimpact : message d'essai"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "Vos alertes arriveront à cette adresse.\n\n"
        "Vous recevez ce message parce que quelqu'un l'a demandé sur la page « Mes alertes ».\n"
    )
    mail.send(message)
    with acts.once(author, "message d'essai envoyé", None):
        acts.record(author, "message d'essai envoyé", ("abonnement", subscription_id))


def _account(author: Author) -> str:
    if author.account is None:
        raise ExpectedFailure("Un abonnement est celui d'un compte.", "Le déclarer dans subscriptions.yml.")
    return author.account


def check_address(address: str) -> None:
    """Refuse an address that no mail may go to, in words that do not repeat it.

    Raises:
        ExpectedFailure: it is none, or of another domain.
    """
    allowed = domains()
    name, _, domain = address.rpartition("@")
    # A relay may take a quoted name, or one with % or !, for an address elsewhere.
    if not _NAME.fullmatch(name) or not is_mail_address(address) or domain.lower() not in allowed:
        raise ExpectedFailure(
            "Cette adresse n'est pas une adresse de service.", f"Domaines admis : {', '.join(allowed)}."
        )


def _check(wish: Wish, sight: Sight) -> None:
    """Refuse what the author may not ask for."""
    check_address(wish.address)
    if sight.territories is not None:
        if not wish.territories:
            raise ExpectedFailure("Votre rôle ne voit pas toute la France.", "Choisir un territoire.")
        if beyond := sorted(set(wish.territories) - set(sight.territories)):
            seen = ", ".join(sorted(sight.territories))
            raise ExpectedFailure(f"Votre rôle ne voit pas {', '.join(beyond)}.", f"Choisir parmi : {seen}.")
    if unknown := sorted(set(wish.kinds) - set(KINDS)):
        raise ExpectedFailure(f"Genre inconnu : {', '.join(unknown)}.", f"Choisir parmi : {', '.join(KINDS)}.")
    if wish.minimum_severity not in SEVERITIES:
        raise ExpectedFailure("La gravité va de 1 à 4.", "Choisir l'une d'elles.")
    if wish.cap_per_hour is not None and wish.cap_per_hour < 1:
        raise ExpectedFailure("Le plafond est d'au moins un message par heure.", "Donner 1 ou plus, ou rien.")


def _save(
    row: MailSubscription, wish: Wish, sight: Sight, *, author: Author, act: str, form_id: UUID | None
) -> MailSubscription:
    row.address, row.territories, row.kinds = wish.address, wish.territories, wish.kinds
    row.minimum_severity, row.cap_per_hour, row.may_judge = wish.minimum_severity, wish.cap_per_hour, sight.may_judge
    row.quiet_from, row.quiet_until = wish.quiet_hours or (None, None)
    row.save()
    detail = f"gravité {row.minimum_severity} et plus, {', '.join(row.territories) or 'tous territoires'}"
    acts.record(author, act, ("abonnement", row.subscription_id), detail, form_id=form_id)
    return row
