"""What people subscribe to on pages: alerts by mail, within what their role may see."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from email.message import EmailMessage
from uuid import UUID

from django.db.models import Count, Min

from core import settings
from core.clock import now
from core.errors import ExpectedFailure
from operations import acts, database, mail, places, subscriptions
from operations.acts import Author
from operations.alerts import outbox
from operations.models import MailSubscription
from operations.subscriptions import KINDS, SEVERITIES, is_mail_address

DOMAINS_SETTING = "CYBERIMPACT_MAIL_DOMAINS"
DOMAINS = "gendarmerie.interieur.gouv.fr,interieur.gouv.fr"
MOST_PER_ACCOUNT = 20
#: Who takes back what an account is not granted any more.
PLATFORM = Author("plateforme")
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
    with acts.once(author, act, form_id, f"account {account}", content=wish) as done:
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
    with acts.once(author, act, form_id, f"account {_account(author)}", target=subscription_id, content=wish) as done:
        found = find(author, subscription_id)
        if done:
            return found
        _check(wish, sight)
        found.role, found.updated_at = author.role, now()
        return _save(found, wish, sight, author=author, act=act, form_id=form_id)


def remove(subscription_id: str, author: Author) -> None:
    """Delete a subscription of the author's; one that is gone is no fault."""
    with acts.once(author, "abonnement supprimé", None):
        for row in MailSubscription.objects.filter(pk=subscription_id, account=_account(author)):
            _delete(row, author)


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


# ---- what accounts are granted


def accounts() -> set[str]:
    """Return the accounts that have subscribed to something."""
    return set(MailSubscription.objects.values_list("account", flat=True))


def last_check() -> tuple[int, datetime | None]:
    """Return how many subscriptions there are, and since when the right of one of them is not known any more."""
    found = MailSubscription.objects.aggregate(count=Count("pk"), since=Min("checked_at"))
    return found["count"], found["since"]


def hold(granted: Mapping[Author, Sight], asked_at: datetime) -> None:
    """Delete the subscriptions of accounts that are granted nothing, and narrow the others to what theirs are granted.

    Args:
        granted: What each account may do that reads something; one that is not here was closed, or has lost its roles.
        asked_at: When Superset was asked. What was subscribed to since is left to the next time.
    """
    known = {author.account: (author, sight) for author, sight in granted.items()}
    with database.turn(*(f"account {account}" for account in accounts())):
        rows = MailSubscription.objects.filter(checked_at__lt=asked_at)
        for row in rows:
            if row.account in known:
                _narrow(row, *known[row.account])
            else:
                _delete(row, PLATFORM, "compte fermé, ou sans rôle")
        rows.update(checked_at=asked_at)


def _narrow(row: MailSubscription, author: Author, sight: Sight) -> None:
    """Take from a subscription what its account is not granted any more."""
    before = row.territories, row.role, row.may_judge
    if sight.territories is not None:
        seen = row.territories or sorted(sight.territories)
        row.territories = tuple(code for code in seen if code in sight.territories)
        if not row.territories:  # none would be all of them
            _delete(row, PLATFORM, "compte sans aucun de ces territoires")
            return
    row.role, row.may_judge = author.role, row.may_judge and sight.may_judge
    if before == (row.territories, row.role, row.may_judge):
        return
    row.save(update_fields=["territories", "role", "may_judge"])
    if row.territories != before[0]:
        outbox.withdraw(subscriptions.of_page(row), but=(*row.territories, places.NATION))
    links = "" if row.may_judge else ", sans liens de verdict"
    detail = f"rôle {row.role}, {', '.join(row.territories) or 'tous territoires'}{links}"
    acts.record(PLATFORM, "abonnement réduit", ("abonnement", row.subscription_id), detail)


def _delete(row: MailSubscription, author: Author, why: str | None = None) -> None:
    outbox.withdraw(subscriptions.of_page(row))
    acts.record(author, "abonnement supprimé", ("abonnement", row.subscription_id), why)
    row.delete()


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
    row.checked_at = now()
    row.save()
    detail = f"gravité {row.minimum_severity} et plus, {', '.join(row.territories) or 'tous territoires'}"
    acts.record(author, act, ("abonnement", row.subscription_id), detail, form_id=form_id)
    return row
