"""Tells who sends a request: Superset knows, from the cookie of its session.

A browser sends Superset's cookie to every port of its host. Nothing about accounts is declared or kept here.
"""

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from http import HTTPStatus

import httpx

from core import settings
from privacy import pseudonymise_account
from warehouse import rights
from warehouse.rights import Policies, Right

COOKIE = "session"
#: How long an answer of Superset holds for reading; an act asks anew.
KNOWN_SECONDS = 5
MOST_KNOWN = 1_000
#: Superset's answer takes milliseconds; a reader does not wait longer for one that hangs.
WAIT_SECONDS = 10


class Act(StrEnum):
    """What a role may do besides reading, as `superset/policies/roles.yml` names it."""

    WATCH = "can_decide on Veille"
    PREVENT = "can_write on Prevention"
    VERIFY = "can_verify on Audit"
    LOAD = "can_load on Sources"
    OPERATE = "can_open on Dagster"
    INSPECT = "can_read on Dagster"


@dataclass(frozen=True)
class Person:
    """Who sends a request.

    Attributes:
        username: The account, which is shown to itself and kept nowhere.
        display_name: How the header addresses it.
        roles: Its roles in Superset.
        acts: What it may do.
    """

    username: str
    display_name: str
    roles: frozenset[str]
    acts: frozenset[Act] = field(default=frozenset())

    @cached_property
    def account(self) -> str:
        """Its pseudonym, the same as in the access log."""
        return pseudonymise_account(self.username)

    @cached_property
    def _policies(self) -> Policies:
        """The policies when Superset was asked: to look whether a file has changed takes longer than to read them."""
        return rights.current()

    @cached_property
    def right(self) -> Right:
        """What it may read."""
        return self._policies.right(self.roles)

    @cached_property
    def places(self) -> tuple[str, ...] | None:
        """Codes of the territories that it acts on; None for all."""
        return self._policies.places(self.roles)

    @property
    def own(self) -> tuple[str, ...]:
        """Codes of the territories that its roles are of, without those inside; the nation's where none is of any."""
        known = self._policies.roles
        held = [] if rights.ADMIN in self.roles else sorted(self.roles & known.keys())
        return tuple(known[name].code for name in held if known[name].code) or (self._policies.nation,)

    @property
    def role(self) -> str:
        """The role that is recorded with its acts: that of its territory, else the first one."""
        known = self._policies.roles
        own = sorted(self.roles & known.keys(), key=lambda name: (known[name].places is None, name))
        return own[0] if own else "administrateur" if rights.ADMIN in self.roles else "sans rôle"

    def may_act_on(self, territory: str) -> bool:
        """Return whether a territory is one that it acts on."""
        return self.places is None or territory in self.places


class NoAnswerError(Exception):
    """Superset does not answer, so nobody is known."""


class Superset:
    """Asks Superset whose a cookie is, and knows its answers for some seconds.

    Args:
        url: Where Superset itself answers.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=WAIT_SECONDS)
        self._known: dict[str, tuple[float, Person | None]] = {}
        self._asking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def person(self, cookie: str | None, *, now: bool) -> Person | None:
        """Return whose a cookie is, None where it is nobody's.

        Args:
            cookie: The value of Superset's cookie.
            now: Whether to ask anew, as for an act.

        Raises:
            NoAnswerError: Superset does not answer.
        """
        if not cookie:
            return None
        key = hashlib.sha256(cookie.encode()).hexdigest()
        with self._asking[key]:  # a page that asks for ten things at once asks Superset once
            asked_at, known = self._known.get(key, (0.0, None))
            if not now and asked_at and time.monotonic() - asked_at <= KNOWN_SECONDS:
                return known
            asked_at = time.monotonic()
            found = self._ask(cookie)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
                self._asking.clear()
            self._known[key] = asked_at, found
            return found

    def _ask(self, cookie: str) -> Person | None:
        try:
            answer = self._http.get("/api/v1/me/roles/", headers={"Cookie": f"{COOKIE}={cookie}"})
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                return None
            if answer.status_code == HTTPStatus.FORBIDDEN:  # a session, of somebody who may nothing
                return Person("", "", frozenset())
            answer.raise_for_status()
            return _person(answer.json()["result"])
        except (httpx.HTTPError, ValueError, LookupError, AttributeError, TypeError):
            raise NoAnswerError from None


def _person(found: dict) -> Person | None:
    """Read what Superset says of a user; who has no name is nobody."""
    if not (username := found.get("username")):
        return None
    shown = " ".join(filter(None, (found.get("firstName"), found.get("lastName")))) or username
    roles = {name: {f"{action} on {subject}" for action, subject in held} for name, held in found["roles"].items()}
    return holding(username, shown, roles)


def holding(username: str, display_name: str, roles: Mapping[str, Collection[str]]) -> Person:
    """Return the person of an account that holds some roles, each with its permissions.

    A role without a permission is none: Superset's server says `Admin` of whoever looks after accounts, so that its
    own pages of accounts are drawn (`superset/server/security.py`), and that name gives nothing.
    """
    held = {name: permissions for name, permissions in roles.items() if permissions}
    granted = set().union(*held.values())
    return Person(username, display_name, frozenset(held), frozenset(act for act in Act if act.value in granted))


#: One client for the process, made at its first use.
_superset = cache(Superset)


def person_of(cookie: str | None, *, now: bool = False) -> Person | None:
    """Return whose a cookie of Superset is; see `Superset.person`."""
    return _superset(f"http://127.0.0.1:{settings.port('superset')}").person(cookie, now=now)
