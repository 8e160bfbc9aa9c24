"""Writes the auditors' weekly mail: the head of the ledger, and whether it verifies."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

from audit import ledger
from audit.ledger import Entry
from audit.verifying import Verdict, verify
from core.clock import PARIS
from core.errors import ExpectedFailure
from core.french import moment
from core.settings import Home
from operations import mail, subscriptions

WANT = "ledger_head"
WEEK = timedelta(days=7)


def text(home: Home, verdict: Verdict, now: datetime) -> str:
    """Return the text of the mail, in French.

    Args:
        home: The home.
        verdict: What a verification has just found.
        now: The present, with its time zone.
    """
    known, _ = ledger.readable(home)
    recent = [entry for entry in known if now - entry.published_at <= WEEK]
    lines = [
        "Notez cette tête de chaîne ailleurs que sur la plateforme :",
        "",
        f"    {verdict.head}",
        "",
        *_key_lines(known, verdict),
        "",
        f"Le registre compte {verdict.publications} publication(s), dont {len(recent)} depuis une semaine.",
        *(
            f"- {moment(entry.published_at)}, publication {entry.sequence} : "
            f"{entry.facts['changes']} valeur(s) changée(s), code {entry.facts['code_version']}, "
            f"{'scellée' if entry.is_sealed else 'non scellée'}."
            for entry in recent
        ),
        "",
        *(verdict.problems or ("La vérification n'a rien trouvé d'altéré.",)),
        *verdict.remarks,
        "",
        f"Pour vérifier vous-même : cyberimpact audit verify --public-key CLÉ.pem --head {verdict.head}",
    ]
    return "\n".join(lines) + "\n"


def _key_lines(known: list[Entry], verdict: Verdict) -> Iterator[str]:
    """Yield which key has signed the head, and since when it does."""
    if verdict.key is None:
        yield "La dernière publication est non scellée : aucune clé de signature n'est en place."
        return
    since = next(entry for entry in known if entry.key == verdict.key)
    yield (
        f"Elle est signée avec la clé {verdict.key}, en service depuis la publication {since.sequence} du "
        f"{since.published_at.astimezone(PARIS):%d/%m/%Y}. C'est l'empreinte de la clé publique que vous détenez ; "
        "sinon, faites-vous expliquer le changement avant de vous en servir."
    )


def messages(home: Home, now: datetime) -> Iterator[EmailMessage]:
    """Yield the mail of each subscriber of the ledger's head; none before something was published.

    Raises:
        ExpectedFailure: the subscriptions cannot be read.
    """
    recipients = [subscription for subscription in subscriptions.declared(WANT) if subscription.channel == "mail"]
    if not recipients or not ledger.folders(home):
        return
    verdict = verify(home)
    week = now.astimezone(PARIS).strftime("%G-W%V")
    alarm = "ALTÉRATION : " if verdict.problems else ""
    for subscription in recipients:
        message = EmailMessage()
        message["To"] = subscription.destination()
        message["Subject"] = f"{alarm}registre cyberimpact, semaine {week}"
        # A second mail of the same week has the same identifier.
        message["Message-ID"] = f"<ledger-{week}-{subscription.recipient}@cyberimpact.local>"
        message.set_content(text(home, verdict, now))
        yield message


def refused(message: EmailMessage) -> str | None:
    """Send a mail, and return why it could not be sent: one recipient's trouble is not that of the others."""
    try:
        mail.send(message)
    except ExpectedFailure as failure:
        return str(failure)
    return None
