"""Checks, plans and applies the bundle and the policies together."""

from dataclasses import dataclass

from supersync import access, policies
from supersync import check as checks
from supersync import plan as plans
from supersync.access import AccessPlan
from supersync.apply import apply as apply_bundle
from supersync.bundle import Bundle
from supersync.client import Client
from supersync.plan import Change, Plan, summary
from supersync.policies import Policies


@dataclass(frozen=True)
class SyncPlan:
    """The changes of an apply: to the bundle, then to access."""

    bundle: Plan
    access: AccessPlan

    @property
    def is_empty(self) -> bool:
        return self.bundle.is_empty and self.access.is_empty

    def __str__(self) -> str:
        changes = (*self.bundle.changes, *self.access.changes)
        last = "No change." if self.is_empty else summary(changes)
        return "\n".join([*map(str, self.bundle.changes), *self.access.lines(), last])


def check(bundle: Bundle, declared: Policies) -> list[str]:
    """Return every problem of the bundle and of the policies; none means that they may be sent."""
    return [*checks.check(bundle), *policies.check(declared, bundle)]


def plan(client: Client, bundle: Bundle, declared: Policies, database_uri: str) -> SyncPlan:
    """Compare a server with both.

    Raises:
        SupersetFailure: one does not pass its check, or the server does not answer.
    """
    return SyncPlan(plans.plan(client, bundle, database_uri), access.plan(client, bundle, declared))


def apply(client: Client, bundle: Bundle, declared: Policies, database_uri: str) -> SyncPlan:
    """Bring a server in line with both. Nothing is sent where one of them does not pass its check.

    Raises:
        SupersetFailure: one does not pass its check, or the server refuses it or keeps something else.
    """
    access.refuse_problems(declared, bundle)
    shown = apply_bundle(client, bundle, database_uri)
    return SyncPlan(shown, access.apply(client, bundle, declared))


def drift(client: Client, bundle: Bundle, declared: Policies, database_uri: str) -> list[Change]:
    """Return the manual changes on a server, of the bundle and of access.

    Raises:
        SupersetFailure: one does not pass its check, or the server does not answer.
    """
    found = plan(client, bundle, declared, database_uri)
    return [*found.bundle.writes, *found.access.changes]
