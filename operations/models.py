"""The tables of the operations database.

Times are UTC. Notes, titles and details are redacted before they are written here, recipients are pseudonyms. Of who
acts, the role is kept, and for an account the pseudonym that the log of Superset gives it too.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models import Q

from core.clock import now
from operations import database

database.set_up()

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=15)


def new_id() -> str:
    return uuid4().hex


def new_short_id() -> str:
    return uuid4().hex[:8]


class Words(models.TextField):
    """A tuple of words, kept as a text with commas between them."""

    def from_db_value(self, value: str, *_: Any) -> tuple[str, ...]:
        return tuple(filter(None, value.split(",")))

    def get_prep_value(self, value: Any) -> str:
        return value if isinstance(value, str) else ",".join(value)


class Signalled(models.Model):
    """What a signal was at its verdict or alert: the signal itself is forgotten sooner."""

    topic_code = models.TextField(null=True)
    crisis_kind = models.TextField(null=True)
    territory_code = models.TextField(null=True)
    severity = models.IntegerField(null=True)
    signal_opened_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Topic(models.Model):
    """A topic that operators watch, or have stopped to watch; `platforms` is empty for all."""

    code = models.TextField(primary_key=True)
    label = models.TextField()
    query = models.TextField()
    kind = models.TextField()
    platforms = Words(default=tuple)
    owner = models.TextField()
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "topics"
        ordering = ("code",)


class Verdict(Signalled):
    """What an operator said of a signal, in a role."""

    verdict_id = models.TextField(primary_key=True, default=new_id)
    signal_id = models.TextField()
    verdict = models.TextField()
    author_role = models.TextField()
    note = models.TextField(null=True)
    decided_at = models.DateTimeField(default=now)

    #: Whether redaction has changed the note that was just written.
    was_redacted = False

    class Meta:
        db_table = "verdicts"
        ordering = ("decided_at", "verdict_id")
        indexes = (models.Index(fields=("signal_id", "decided_at"), name="verdicts_of_signal"),)


class Crisis(models.Model):
    """A crisis that was declared; `closed_at` is None while it lasts, no territory means the nation."""

    crisis_id = models.TextField(primary_key=True, default=new_short_id)
    title = models.TextField()
    kind = models.TextField()
    status = models.TextField(default="ouverte")
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True)
    territories = Words(default=tuple)
    topics = Words(default=tuple)
    owner = models.TextField()

    #: Whether redaction has changed the title that was just written.
    was_redacted = False

    class Meta:
        db_table = "crises"
        ordering = ("-status", "-opened_at", "crisis_id")  # those that last first

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class CrisisEvent(models.Model):
    """An entry of the journal of a crisis: what happened (`fait`), was said (`dit`) or was done (`mené`).

    Entries of a crisis are numbered as they are written; `happened_at` may be earlier.
    """

    event_id = models.TextField(primary_key=True, default=new_id)
    crisis = models.ForeignKey(Crisis, models.CASCADE, related_name="events")
    number = models.PositiveIntegerField()
    kind = models.TextField()
    note = models.TextField()
    author_role = models.TextField()
    happened_at = models.DateTimeField(default=now)

    #: Whether redaction has changed the note that was just written.
    was_redacted = False

    class Meta:
        db_table = "crisis_events"
        ordering = ("happened_at", "number")
        constraints = (models.UniqueConstraint(fields=("crisis", "number"), name="crisis_events_numbered"),)


class Pin(models.Model):
    """A series that is shown on the page of a crisis: a KPI or a topic, in a territory."""

    crisis = models.ForeignKey(Crisis, models.CASCADE, related_name="pins")
    kind = models.TextField()
    code = models.TextField()
    territory_code = models.TextField()
    pinned_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "crisis_pins"
        ordering = ("pinned_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("crisis", "kind", "code", "territory_code"), name="crisis_pins_once"),
        )


class WallAccess(models.Model):
    """A read-only access of its own for the screen of an operations room; of its token the SHA-256 is kept."""

    access_id = models.TextField(primary_key=True, default=new_short_id)
    sha256 = models.TextField(unique=True)
    crisis = models.ForeignKey(Crisis, models.CASCADE, related_name="walls")
    label = models.TextField()
    created_at = models.DateTimeField(default=now)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "wall_accesses"
        ordering = ("created_at", "access_id")


class Alert(Signalled):
    """An alert of the outbox; `alert_id` derives from the opening of its signal and from the recipient.

    Alerts that leave in one message share its `message_id`, which is set before the first attempt.
    """

    alert_id = models.TextField(primary_key=True)
    channel = models.TextField()
    recipient = models.TextField()
    subject = models.TextField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(null=True)
    signal_id = models.TextField(null=True)
    message_id = models.TextField(null=True)
    attempted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox"
        ordering = ("created_at", "alert_id")
        indexes = (models.Index(fields=("created_at",), condition=Q(sent_at=None), name="outbox_waiting"),)

    @property
    def due_at(self) -> Any:
        """When it may be tried: at once at first, then ever later."""
        if self.attempted_at is None:
            return self.created_at
        return self.attempted_at + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.attempts - 1, 10))


class UsedLink(models.Model):
    """A link of an alert that was used: the links of an alert give one verdict together."""

    link_id = models.TextField(primary_key=True)
    used_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "used_links"


class ApiToken(models.Model):
    """A token of the API, of which the SHA-256 is kept; `expires_on` is the last day on which it is good."""

    name = models.TextField(primary_key=True)
    sha256 = models.TextField(unique=True)
    role = models.TextField()
    created_on = models.DateField()
    expires_on = models.DateField()

    class Meta:
        db_table = "api_tokens"
        ordering = ("name",)


class MailSubscription(models.Model):
    """What an account has subscribed to on a page; its address leaves this table in a mail only.

    Without territories and kinds it is all of them. `may_judge` says whether its mails carry links of verdicts.
    """

    subscription_id = models.TextField(primary_key=True, default=new_short_id)
    account = models.TextField()
    role = models.TextField()
    address = models.TextField()
    territories = Words(default=tuple)
    kinds = Words(default=tuple)
    minimum_severity = models.PositiveSmallIntegerField(default=1)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    cap_per_hour = models.PositiveIntegerField(null=True)
    may_judge = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "mail_subscriptions"
        ordering = ("created_at", "subscription_id")


class ActionDraft(models.Model):
    """A prevention action that an account has not finished to write; `content` is its form, redacted."""

    draft_id = models.TextField(primary_key=True, default=new_short_id)
    account = models.TextField()
    role = models.TextField()
    content = models.JSONField()
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "action_drafts"
        ordering = ("-updated_at", "draft_id")


class Act(models.Model):
    """What somebody did on a page or by a command.

    `object_kind` and `object_id` are what it concerns, `result_id` the row that it wrote. `form_id` is that of the form
    that was submitted: a form acts once.
    """

    act_id = models.TextField(primary_key=True, default=new_id)
    at = models.DateTimeField(default=now)
    role = models.TextField()
    account = models.TextField(null=True)
    kind = models.TextField()
    object_kind = models.TextField()
    object_id = models.TextField()
    detail = models.TextField(null=True)
    result_id = models.TextField(null=True)
    form_id = models.UUIDField(null=True, unique=True)

    class Meta:
        db_table = "acts"
        ordering = ("at", "act_id")
        indexes = (
            models.Index(fields=("object_kind", "object_id", "at"), name="acts_on_object"),
            models.Index(fields=("at",), name="acts_by_time"),
        )
