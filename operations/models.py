"""The tables of the operations database.

Times are UTC. Notes, titles and details are redacted before they are written here, recipients are pseudonyms. Of who
acts, the role is kept, and for an account the pseudonym that the log of Superset gives it too.
"""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q

from core.clock import now
from operations import database

database.set_up()

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=15)

#: How long what Superset has granted an account holds for its mails while Superset cannot be asked: a weekend without
#: anybody to repair it. An account that is closed meanwhile gets no mail for longer than that.
KNOWN_FOR = timedelta(days=3)


#: On an instance a field is its value, which a type checker does not see.
fields: Any = models


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


class Record(models.Model):
    """A row of a table."""

    _meta: ClassVar[Any]
    objects: ClassVar[Any]

    class Meta:
        abstract = True


class Signalled(Record):
    """What a signal was at its verdict or alert: the signal itself is forgotten sooner."""

    topic_code = fields.TextField(null=True)
    crisis_kind = fields.TextField(null=True)
    territory_code = fields.TextField(null=True)
    severity = fields.IntegerField(null=True)
    signal_opened_at = fields.DateTimeField(null=True)

    class Meta:
        abstract = True


class Topic(Record):
    """A topic that operators watch, or have stopped to watch; `platforms` is empty for all."""

    code = fields.TextField(primary_key=True)
    label = fields.TextField()
    query = fields.TextField()
    kind = fields.TextField()
    platforms: Any = Words(default=tuple)
    owner = fields.TextField()
    active = fields.BooleanField(default=True)
    created_at = fields.DateTimeField(default=now)
    updated_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "topics"
        ordering = ("code",)


class Verdict(Signalled):
    """What an operator said of a signal, in a role."""

    verdict_id = fields.TextField(primary_key=True, default=new_id)
    signal_id = fields.TextField()
    verdict = fields.TextField()
    author_role = fields.TextField()
    note = fields.TextField(null=True)
    decided_at = fields.DateTimeField(default=now)

    #: Whether redaction has changed the note that was just written.
    was_redacted = False

    class Meta:
        db_table = "verdicts"
        ordering = ("decided_at", "verdict_id")
        indexes = (models.Index(fields=("signal_id", "decided_at"), name="verdicts_of_signal"),)


class Crisis(Record):
    """A crisis that was declared; `closed_at` is None while it lasts, no territory means the nation."""

    crisis_id = fields.TextField(primary_key=True, default=new_short_id)
    title = fields.TextField()
    kind = fields.TextField()
    status = fields.TextField(default="ouverte")
    opened_at = fields.DateTimeField(default=now)
    closed_at = fields.DateTimeField(null=True)
    territories: Any = Words(default=tuple)
    topics: Any = Words(default=tuple)
    owner = fields.TextField()

    events: Any
    pins: Any
    walls: Any

    #: Whether redaction has changed the title that was just written.
    was_redacted = False

    class Meta:
        db_table = "crises"
        ordering = ("-status", "-opened_at", "crisis_id")  # those that last first

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class CrisisEvent(Record):
    """An entry of the journal of a crisis: what happened (`fait`), was said (`dit`) or was done (`mené`).

    Entries of a crisis are numbered as they are written; `happened_at` may be earlier.
    """

    event_id = fields.TextField(primary_key=True, default=new_id)
    crisis = fields.ForeignKey(Crisis, models.CASCADE, related_name="events")
    number = fields.PositiveIntegerField()
    kind = fields.TextField()
    note = fields.TextField()
    author_role = fields.TextField()
    happened_at = fields.DateTimeField(default=now)

    #: Whether redaction has changed the note that was just written.
    was_redacted = False

    class Meta:
        db_table = "crisis_events"
        ordering = ("happened_at", "number")
        constraints = (models.UniqueConstraint(fields=("crisis", "number"), name="crisis_events_numbered"),)


class Pin(Record):
    """A series that is shown on the page of a crisis: a KPI or a topic, in a territory."""

    crisis = fields.ForeignKey(Crisis, models.CASCADE, related_name="pins")
    kind = fields.TextField()
    code = fields.TextField()
    territory_code = fields.TextField()
    pinned_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "crisis_pins"
        ordering = ("pinned_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("crisis", "kind", "code", "territory_code"), name="crisis_pins_once"),
        )


class WallAccess(Record):
    """A read-only access of its own for the screen of an operations room; of its token the SHA-256 is kept."""

    access_id = fields.TextField(primary_key=True, default=new_short_id)
    sha256 = fields.TextField(unique=True)
    crisis = fields.ForeignKey(Crisis, models.CASCADE, related_name="walls")
    label = fields.TextField()
    created_at = fields.DateTimeField(default=now)
    revoked_at = fields.DateTimeField(null=True)

    class Meta:
        db_table = "wall_accesses"
        ordering = ("created_at", "access_id")


class Trouble(Record):
    """Something of the platform itself that is wrong, from when it was found until it is well: `ended_at`.

    `cause` is what the same trouble is recognised by, `address` the page of Dagster that shows it.
    """

    trouble_id = fields.TextField(primary_key=True, default=new_id)
    cause = fields.TextField()
    subject = fields.TextField()
    detail = fields.TextField()
    remedy = fields.TextField()
    address = fields.TextField()
    found_at = fields.DateTimeField(default=now)
    ended_at = fields.DateTimeField(null=True)

    class Meta:
        db_table = "troubles"
        ordering = ("found_at", "trouble_id")
        constraints = (models.UniqueConstraint(fields=("cause",), condition=Q(ended_at=None), name="troubles_once"),)


class Alert(Signalled):
    """An alert of the outbox, of a signal or of a trouble, or an event for a program.

    `alert_id` derives from the recipient and the opening of the signal, the trouble and whether it is over, or the
    event. Alerts that leave in one message share its `message_id`, which is set before the first attempt.
    """

    alert_id = fields.TextField(primary_key=True)
    channel = fields.TextField()
    recipient = fields.TextField()
    subject = fields.TextField()
    created_at = fields.DateTimeField()
    sent_at = fields.DateTimeField(null=True)
    attempts = fields.PositiveIntegerField(default=0)
    last_error = fields.TextField(null=True)
    signal_id = fields.TextField(null=True)
    trouble = fields.ForeignKey(Trouble, models.CASCADE, null=True)
    event = fields.ForeignKey("Event", models.CASCADE, null=True)
    message_id = fields.TextField(null=True)
    attempted_at = fields.DateTimeField(null=True)

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


class UsedLink(Record):
    """A link of an alert that was used: the links of an alert give one verdict together."""

    link_id = fields.TextField(primary_key=True)
    used_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "used_links"


class ApiToken(Record):
    """A token of the API, of which the SHA-256 is kept; `expires_on` is the last day on which it is good.

    One without a role reads no figures. `sends` names the platforms whose records it may send.
    """

    name = fields.TextField(primary_key=True)
    sha256 = fields.TextField(unique=True)
    role = fields.TextField()
    sends: Any = Words(default=tuple)
    created_on = fields.DateField()
    expires_on = fields.DateField()

    class Meta:
        db_table = "api_tokens"
        ordering = ("name",)


class MailSubscription(Record):
    """What an account has subscribed to on a page; its address leaves this table in a mail only.

    Without territories and kinds it is all of them. `may_judge` says whether its mails carry links of verdicts,
    `checked_at` until when its account is known to be granted all of this.
    """

    subscription_id = fields.TextField(primary_key=True, default=new_short_id)
    account = fields.TextField()
    role = fields.TextField()
    address = fields.TextField()
    territories: Any = Words(default=tuple)
    kinds: Any = Words(default=tuple)
    minimum_severity = fields.PositiveSmallIntegerField(default=1)
    quiet_from = fields.TimeField(null=True)
    quiet_until = fields.TimeField(null=True)
    cap_per_hour = fields.PositiveIntegerField(null=True)
    may_judge = fields.BooleanField(default=False)
    checked_at = fields.DateTimeField(default=now)
    created_at = fields.DateTimeField(default=now)
    updated_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "mail_subscriptions"
        ordering = ("created_at", "subscription_id")

    @property
    def is_known(self) -> bool:
        """Whether what its account is granted is known well enough to send mails."""
        return self.checked_at > now() - KNOWN_FOR


class ActionDraft(Record):
    """A prevention action that an account has not finished to write; `content` is its form, redacted."""

    draft_id = fields.TextField(primary_key=True, default=new_short_id)
    account = fields.TextField()
    role = fields.TextField()
    content = fields.JSONField()
    created_at = fields.DateTimeField(default=now)
    updated_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "action_drafts"
        ordering = ("-updated_at", "draft_id")


class Act(Record):
    """What somebody did on a page or by a command.

    `object_kind` and `object_id` are what it concerns, `result_id` the row that it wrote. `form_id` is that of the form
    that was submitted: a form acts once. `form_digest` tells its content apart from another.
    """

    act_id = fields.TextField(primary_key=True, default=new_id)
    done_at = fields.DateTimeField(default=now)
    role = fields.TextField()
    account = fields.TextField(null=True)
    kind = fields.TextField()
    object_kind = fields.TextField()
    object_id = fields.TextField()
    detail = fields.TextField(null=True)
    result_id = fields.TextField(null=True)
    form_id = fields.UUIDField(null=True, unique=True)
    form_digest = fields.TextField(null=True)

    class Meta:
        db_table = "acts"
        ordering = ("done_at", "act_id")
        indexes = (
            models.Index(fields=("object_kind", "object_id", "done_at"), name="acts_on_object"),
            models.Index(fields=("done_at",), name="acts_by_time"),
        )


class Delivery(Record):
    """Records of one table that somebody has sent: a message, or the body of a request.

    `body` is JSON Lines, one record a line, sealed, and removed once they are loaded; what the load has made of them
    is `outcome`. A delivery on which the load breaks is refused and keeps its body. One that could not be read has none
    from the start: the original is with the dead letters of the bus.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        LOADED = "loaded"
        REFUSED = "refused"
        UNREADABLE = "unreadable"

    number = fields.BigAutoField(primary_key=True)
    delivery_id = fields.TextField(unique=True, default=new_id)
    sender = fields.TextField()
    idempotency_key = fields.TextField(null=True)
    platform = fields.TextField()
    entity = fields.TextField()
    received_at = fields.DateTimeField(default=now)
    sha256 = fields.TextField()
    size_bytes = fields.PositiveIntegerField()
    records = fields.PositiveIntegerField()
    body = fields.BinaryField(null=True)
    state = fields.TextField(default=State.WAITING)
    settled_at = fields.DateTimeField(null=True)
    outcome = fields.JSONField(null=True)

    class Meta:
        db_table = "inbox"
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("sender", "idempotency_key"), name="inbox_once"),)
        indexes = (
            models.Index(fields=("platform", "number"), condition=Q(state="waiting"), name="inbox_waiting"),
            models.Index(fields=("settled_at",), name="inbox_settled"),
        )


class Lease(Record):
    """Which machine is active; see `operations.active`. `process` renews it, adding one to `beat` each time."""

    name = fields.TextField(primary_key=True)
    node = fields.TextField(default="")
    process = fields.TextField(default="")
    beat = fields.PositiveBigIntegerField(default=0)
    renewed_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "leases"


class Event(Record):
    """Something that happened here and that other systems may want to know, as a CloudEvent; see `operations.events`.

    `event_id` derives from what happened. Events are numbered in the order in which they were written.
    """

    number = fields.BigAutoField(primary_key=True)
    event_id = fields.TextField(unique=True)
    type = fields.TextField()
    subject = fields.TextField()
    happened_at = fields.DateTimeField()
    territories: Any = Words(default=tuple)
    crisis_kind = fields.TextField(null=True)
    severity = fields.PositiveSmallIntegerField(null=True)
    data = fields.JSONField()
    created_at = fields.DateTimeField(default=now)

    class Meta:
        db_table = "events"
        ordering = ("number",)
        indexes = (models.Index(fields=("subject", "number"), name="events_of_subject"),)
