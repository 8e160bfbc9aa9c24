"""Subscriptions to alerts and mails: those of `subscriptions.yml`, and those that people made on pages.

What is made on a page gets alerts only, by mail; see `operations.mail_subscriptions`.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from core import settings
from core.clock import PARIS, now
from core.errors import ExpectedFailure
from operations import webhook_signature
from operations.bus.broker import EVENTS
from operations.mailed_pages import mailable
from operations.models import KNOWN_FOR, MailSubscription

FILE = Path(__file__).with_name("subscriptions.yml")

CHANNELS = ("mail", "webhook", "matrix", "bus")
WANTS = ("signals", "digest", "ledger_head", "operations", "events")
#: Channels that lead to a program, which alone understands events; the bus brings nothing else.
PROGRAMS = ("webhook", "bus")
KINDS = ("climatique", "écologique", "sanitaire", "sécuritaire", "cyber", "rumeur", "institution")
SEVERITIES = range(1, 5)

#: What is of this severity is sent in quiet hours too.
WAKING_SEVERITY = 4

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_SETTING = re.compile(r"\$([A-Z][A-Z0-9_]*)")
_TERRITORY = re.compile(r"FR|XX|ZZ|FR-[A-Z0-9]{2,3}|GN-[A-Z0-9]{1,4}")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_ROOM = re.compile(r"/?(![^:/]+:[^/]+)")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class QuietHours:
    """Hours of each day, Europe/Paris, in which only the gravest is sent; they may span midnight."""

    begin: time
    end: time

    def hold(self, moment: datetime) -> bool:
        """Return whether an instant lies in them."""
        clock = moment.astimezone(PARIS).time()
        if self.begin <= self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end


@dataclass(frozen=True)
class Subscription:
    """What one recipient subscribes to.

    Attributes:
        recipient: Name of a role or mailbox, never of a person.
        role: What is recorded with a verdict that comes by its links.
        channel: One of `CHANNELS`.
        address: Where it goes, or `$NAME` of the setting that says so.
        wants: Which of `WANTS`.
        territories: Codes of what concerns it; empty for everything.
        kinds: Kinds of crisis; empty for all.
        minimum_severity: From 1 to 4.
        quiet_hours: When it is left alone.
        cap_per_hour: Messages in an hour, None for any number.
        dashboards: Pages of its digest, in the order in which they are sent; empty for the usual ones.
        may_judge: Whether its alerts carry links that give a verdict.
        secret: `$NAME` of the setting that holds what signs the requests to a webhook; empty where nothing does.
    """

    recipient: str
    role: str
    channel: str
    address: str
    wants: frozenset[str]
    territories: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    minimum_severity: int = 1
    quiet_hours: QuietHours | None = None
    cap_per_hour: int | None = None
    dashboards: tuple[str, ...] = ()
    may_judge: bool = True
    secret: str = ""

    @property
    def key(self) -> str:
        """Its identity, independent of its address."""
        return f"{self.channel}:{self.recipient}"

    def destination(self) -> str:
        """Return the address itself, which may be a secret.

        Raises:
            ExpectedFailure: it names a setting that is absent or holds no address of the channel.
        """
        found = _SETTING.fullmatch(self.address)
        if found is None:
            return self.address
        address = settings.require(found[1])
        problem = _problem_of_address(self.channel, address)
        if problem:
            raise ExpectedFailure(f"The setting {found[1]}, address of {self.recipient}, {problem}.", "Correct it.")
        return address

    def signing_secret(self) -> str | None:
        """Return what signs the requests to a webhook, None where nothing does.

        Raises:
            ExpectedFailure: the setting is absent, or holds no secret.
        """
        if not self.secret:
            return None
        found = settings.require(self.secret[1:])
        if not webhook_signature.is_secret(found):
            raise ExpectedFailure(
                f"The setting {self.secret[1:]}, secret of {self.recipient}, is no secret.",
                "Set it to whsec_ and what `openssl rand -base64 32` prints.",
            )
        return found


def file() -> Path:
    """Return the file that declares the subscriptions: `CYBERIMPACT_SUBSCRIPTIONS`, or the one beside this module.

    A relative path starts at the checkout.
    """
    return settings.CODE / Path(settings.get("CYBERIMPACT_SUBSCRIPTIONS", str(FILE))).expanduser()


def declared(want: str | None = None) -> tuple[Subscription, ...]:
    """Return the subscriptions of the file, then those that were made on pages, while the right of these is known.

    Args:
        want: One of `WANTS`, to have only those who want it.

    Raises:
        ExpectedFailure: the file or the database cannot be read, or an entry is incomplete, unknown or declared twice.
    """
    of_pages = MailSubscription.objects.filter(checked_at__gt=now() - KNOWN_FOR) if want in (None, "signals") else ()
    return (*(found for found in of_file() if want is None or want in found.wants), *map(of_page, of_pages))


def of_page(row: MailSubscription) -> Subscription:
    """Return what somebody has subscribed to on a page."""
    return Subscription(
        recipient=row.subscription_id,
        role=row.role,
        channel="mail",
        address=row.address,
        wants=frozenset({"signals"}),
        territories=frozenset(row.territories),
        kinds=frozenset(row.kinds),
        minimum_severity=row.minimum_severity,
        quiet_hours=QuietHours(row.quiet_from, row.quiet_until) if row.quiet_from and row.quiet_until else None,
        cap_per_hour=row.cap_per_hour,
        may_judge=row.may_judge,
    )


def of_file() -> tuple[Subscription, ...]:
    """Return the subscriptions that the file declares.

    Raises:
        ExpectedFailure: it cannot be read, or an entry is incomplete, unknown or declared twice.
    """
    path = file()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ExpectedFailure(
            f"The subscriptions in {path.name} cannot be read ({type(problem).__name__}).",
            "Correct the file, or CYBERIMPACT_SUBSCRIPTIONS.",
        ) from None
    entries = content.get("subscriptions") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ExpectedFailure(f"{path.name} has no list `subscriptions`.", "Write one; `subscriptions: []` is none.")
    found = tuple(_subscription(path, rank, entry) for rank, entry in enumerate(entries, start=1))
    for rank, subscription in enumerate(found, start=1):
        if subscription.key in {other.key for other in found[: rank - 1]}:
            raise _broken(path, rank, f"{subscription.recipient} has two entries for {subscription.channel}")
    return found


def _subscription(path: Path, rank: int, entry: Any) -> Subscription:
    problem = _problem(entry)
    if problem:
        raise _broken(path, rank, problem)
    hours = entry.get("quiet_hours")
    return Subscription(
        recipient=entry["recipient"],
        role=entry["role"],
        channel=entry["channel"],
        address=entry["address"],
        wants=frozenset(entry["wants"]),
        territories=frozenset(entry.get("territories", ())),
        kinds=frozenset(entry.get("kinds", ())),
        minimum_severity=entry.get("minimum_severity", 1),
        quiet_hours=_hours(hours) if hours is not None else None,
        cap_per_hour=entry.get("cap_per_hour"),
        dashboards=tuple(dict.fromkeys(entry.get("dashboards", ()))),
        secret=entry.get("secret", ""),
    )


def _problem(entry: Any) -> str | None:
    """Return what is wrong with an entry, None when it is right."""
    if not isinstance(entry, dict):
        return "it is no mapping of names to values"
    unknown = entry.keys() - (Subscription.__dataclass_fields__.keys() - {"may_judge"})
    if unknown:
        return f"{', '.join(sorted(map(str, unknown)))} means nothing here"
    checks = {
        "recipient": (_is_name, "must be a name in small letters, digits and dashes"),
        "role": (_is_name, "must be a name in small letters, digits and dashes"),
        "channel": (lambda value: value in CHANNELS, f"must be one of {', '.join(CHANNELS)}"),
        "address": (lambda value: isinstance(value, str), "must be a text"),
        "wants": (lambda value: _some_of(value, WANTS) and value, f"must be a list of some of {', '.join(WANTS)}"),
    }
    optional = {
        "territories": (_are_territories, "must be a list of codes such as FR-33, FR-NAQ or GN-NAQ"),
        "kinds": (lambda value: _some_of(value, KINDS), f"must be a list of some of {', '.join(KINDS)}"),
        "minimum_severity": (lambda value: _is_whole(value) and value in SEVERITIES, "must be 1, 2, 3 or 4"),
        "quiet_hours": (lambda value: _hours(value) is not None, "must be hours such as 22:00-06:30"),
        "cap_per_hour": (lambda value: _is_whole(value) and value > 0, "must be a whole number above 0"),
        "secret": (lambda value: entry["channel"] == "webhook" and _is_setting(value), "is a webhook's, and $NAME"),
    }
    for name, (is_right, demand) in {**checks, **{n: c for n, c in optional.items() if n in entry}}.items():
        if not is_right(entry.get(name)):
            return f"{name} {demand}"
    if wrong := _problem_of_events(entry["channel"], set(entry["wants"])):
        return wrong
    if "dashboards" in entry and (wrong := _problem_of_pages(entry["dashboards"], entry.get("territories"))):
        return f"dashboards {wrong}"
    is_setting = _SETTING.fullmatch(entry["address"])
    wrong = None if is_setting else _problem_of_address(entry["channel"], entry["address"])
    return f"address {wrong}" if wrong else None


def _problem_of_pages(dashboards: Any, territories: Any) -> str | None:
    """Return what is wrong with the chosen pages of a digest, None when they can be mailed."""
    if not _some_of(dashboards, tuple(mailable())):
        return f"must be a list of some of {', '.join(mailable())}; what is reserved does not leave by mail"
    local = next((slug for slug in dashboards if not mailable()[slug].has_nation), None)
    return f"has {local}, which shows one territory, and territories names none" if local and not territories else None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_setting(value: Any) -> bool:
    return isinstance(value, str) and _SETTING.fullmatch(value) is not None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _some_of(value: Any, known: tuple[str, ...]) -> bool:
    return isinstance(value, list) and all(item in known for item in value)


def _are_territories(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and _TERRITORY.fullmatch(item) for item in value)


def _hours(value: Any) -> QuietHours | None:
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    first, second, third, fourth = map(int, found.groups())
    try:
        return QuietHours(time(first, second), time(third, fourth))
    except ValueError:
        return None


def _problem_of_events(channel: str, wants: set[str]) -> str | None:
    if "events" in wants and channel not in PROGRAMS:
        return f"events go to a program: by {' or '.join(PROGRAMS)}"
    if channel == "bus" and wants != {"events"}:
        return "the bus brings events and nothing else"
    return None


def _problem_of_address(channel: str, address: str) -> str | None:
    """Return what is wrong with an address, in words that do not repeat it; None when it is right."""
    if channel == "bus":
        return None if address == EVENTS.name else f"must be {EVENTS.name}, the exchange of the bus"
    if channel == "mail":
        return None if is_mail_address(address) else "is no mail address"
    try:
        parts = urlsplit(address)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        scheme = host = None
    if scheme not in ("https", "http") or not host:
        return "is no web address"
    if scheme == "http" and host not in _LOOPBACK:
        return "must begin with https://: what it carries must not be read on its way"
    if channel == "matrix" and not _ROOM.fullmatch(parts.path):
        return "must end with a room, such as https://matrix.example/!room:matrix.example"
    return None


def is_mail_address(address: str) -> bool:
    """Return whether a text is one mail address, without a name beside it."""
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError, MessageError):
        return False
    return bool(parsed.username and parsed.domain)


def _broken(path: Path, rank: int, why: str) -> ExpectedFailure:
    return ExpectedFailure(f"Subscriptions, file {path.name}, entry {rank}: {why}.", "Correct the entry.")
