"""Restricts which changes of accounts an administrator may make, whichever page or API makes them.

The changes are examined where the ORM writes them to the metadata database. What an account held before comes from the
database itself, not from the objects that are about to be written.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from flask import Flask, Response, current_app, g, has_request_context, jsonify, make_response
from flask_appbuilder.security.sqla.models import (
    Group,
    RegisterUser,
    Role,
    User,
    assoc_group_role,
    assoc_user_group,
    assoc_user_role,
)
from sqlalchemy import inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session
from superset.utils.core import get_user_id
from werkzeug.exceptions import BadRequest
from werkzeug.security import generate_password_hash

ADMIN = "Admin"
FIELDS = ("username", "first_name", "last_name", "email", "password", "active")
#: What everybody may change of their own account; whether they may at all is for the route to say.
OWN_FIELDS = frozenset({"first_name", "last_name", "password"})
STRUCTURE = "Les rôles et les groupes sont ceux des fichiers de cyberimpact : ils ne se changent pas ici."
_HASHED = re.compile(r"(scrypt|pbkdf2)(:[^$]+)?\$[^$]+\$[0-9a-f]+")


class RefusedChangeError(BadRequest):
    """A change of accounts that its author may not make, with the reason in French."""


@dataclass(frozen=True)
class Rules:
    """The rules of the policies on accounts.

    Attributes:
        roles: Names of the project's roles that people may hold.
        prefixes: How the names of the territories' roles begin.
        managers: Roles whose holders manage people.
        services: Names of the platform's own accounts, in canonical form.
    """

    roles: frozenset[str]
    prefixes: tuple[str, ...]
    managers: frozenset[str]
    services: frozenset[str]

    @classmethod
    def read(cls, policies: Path, administrator: str) -> "Rules":
        """Read `roles.yml`."""
        declared = yaml.safe_load((policies / "roles.yml").read_text(encoding="utf-8"))
        services = declared["services"] or {}
        reserved = {name for roles in services.values() for name in roles}
        return cls(
            roles=frozenset(declared["roles"]) - reserved,
            prefixes=tuple(of["role"].partition("{")[0] for of in declared["territories"].values()),
            managers=frozenset(name for name, of in declared["roles"].items() if "comptes" in of["permissions"]),
            services=frozenset(map(canonical, [administrator, *services])),
        )

    def is_grantable(self, role: str) -> bool:
        return role in self.roles or role.startswith(self.prefixes)


def canonical(name: str) -> str:
    """Return a name of an account without what people and databases take for the same: case, spaces, forms of signs."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(sign for sign in folded if unicodedata.category(sign)[0] not in "CZ")


@dataclass
class Change:
    """What a flush changes of one account."""

    fields: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    groups: bool = False
    deleted: bool = False

    def __bool__(self) -> bool:
        return not self.is_within(frozenset())

    def is_within(self, fields: frozenset[str]) -> bool:
        """Return whether nothing but some of these fields changes."""
        return self.fields <= fields and not (self.roles or self.groups or self.deleted)


@dataclass(frozen=True)
class Author:
    """The author of a change: the id of the account (None without a login) and its roles."""

    number: int | None
    roles: set[str]


@contextmanager
def by_the_platform() -> Iterator[None]:
    """Let the code inside change accounts without an author, to follow an issuer's claims."""
    former = g.get("account_changes_by_the_platform", False)
    g.account_changes_by_the_platform = True
    try:
        yield
    finally:
        g.account_changes_by_the_platform = former


def hash_passwords(session: Session) -> None:
    """Replace each plain password that is about to be written by its hash.

    Flask-AppBuilder assigns a plain password before its hash; a query in between would write it to the database.
    """
    for user in _all(session, User):
        if user.password and not _HASHED.fullmatch(user.password):
            user.password = generate_password_hash(
                user.password,
                method=current_app.config.get("FAB_PASSWORD_HASH_METHOD", "scrypt"),
                salt_length=current_app.config.get("FAB_PASSWORD_HASH_SALT_LENGTH", 16),
            )


def refuse_unlawful_changes(session: Session, rules: Rules) -> None:
    """Let the changes of accounts pass that the author of the request may make.

    Raises:
        RefusedChangeError: one of them may not be made.
    """
    if not has_request_context() or g.get("account_changes_by_the_platform"):
        return
    changes, structure = _changes(session), _changes_structure(session)
    if not changes and not structure:
        return
    connection, number = session.connection(), get_user_id()
    author = Author(number, _roles_held(connection, number))
    if ADMIN in author.roles:
        return
    reasons = (_reason(connection, rules, author, user, change) for user, change in changes.items())
    reason = STRUCTURE if structure else next(filter(None, reasons), None)
    if reason:
        g.refused_change = reason
        raise RefusedChangeError(reason)


def answer_refusals(app: Flask) -> None:
    """Answer a refused change with 403 and the reason, whatever the view has made of the error."""

    @app.after_request
    def answer_refusal(response: Response) -> Response:
        reason = g.pop("refused_change", None)
        if reason is None:
            return response
        return make_response(jsonify(message=reason), HTTPStatus.FORBIDDEN)


def _reason(connection: Connection, rules: Rules, author: Author, user: User, change: Change) -> str | None:
    """Return why an author who is no `Admin` may not make a change of an account, or None."""
    identity = inspect(user).identity
    number = identity[0] if identity else None
    if number is not None and number == author.number and change.is_within(OWN_FIELDS):
        return None
    if not author.roles & rules.managers:
        return "Votre rôle ne permet pas de changer les comptes."
    if number is not None and not _is_manageable(connection, rules, number):
        return "Ce compte est à la plateforme, ou a un rôle que cyberimpact ne donne pas : il ne se change pas."
    if "username" in change.fields and (refusal := _name_refusal(connection, rules, user.username, number)):
        return refusal
    if change.groups:
        return "Les groupes d'un compte suivent les fichiers de cyberimpact : ils ne se changent pas ici."
    others = sorted(role for role in change.roles if not rules.is_grantable(role))
    return f"Ce rôle n'est pas de ceux qu'un administrateur donne ou reprend : {', '.join(others)}." if others else None


def _name_refusal(connection: Connection, rules: Rules, name: str, number: int | None) -> str | None:
    """Return why an account may not have a name: with another's canonical name, a login could mean either."""
    if canonical(name) in rules.services:
        return "Ce nom est celui d'un compte de la plateforme."
    columns = User.__table__.c
    others = connection.execute(select(columns.username).where(columns.id != (number or 0))).scalars()
    if any(canonical(other) == canonical(name) for other in others):
        return "Un autre compte a ce nom, à la casse ou aux espaces près."
    return None


def _is_manageable(connection: Connection, rules: Rules, number: int) -> bool:
    """Return whether an account is a person's, with none but the project's roles."""
    name = connection.execute(select(User.__table__.c.username).where(User.__table__.c.id == number)).scalar() or ""
    held = _roles_held(connection, number)
    return canonical(name) not in rules.services and all(map(rules.is_grantable, held))


def _changes(session: Session) -> dict[User, Change]:
    found: defaultdict[User, Change] = defaultdict(Change)
    for user in _all(session, User):
        attributes = inspect(user).attrs
        found[user].fields |= {name for name in FIELDS if attributes[name].history.has_changes()}
        found[user].roles |= {role.name for role in _moved(attributes.roles)}
        found[user].groups |= bool(_moved(attributes.groups))
    for role in _all(session, Role):
        for user in _moved(inspect(role).attrs.user):
            found[user].roles.add(role.name)
    for group in _all(session, Group):
        for user in _moved(inspect(group).attrs.users):
            found[user].groups = True
    for user in session.deleted:
        if isinstance(user, User):
            found[user].deleted = True
    return {user: change for user, change in found.items() if change}


def _changes_structure(session: Session) -> bool:
    """Return whether a flush makes, changes or deletes a role, a group or a request of registration."""
    if any(isinstance(instance, Role | Group | RegisterUser) for instance in (*session.new, *session.deleted)):
        return True
    watched = {Role: ("name", "permissions", "groups"), Group: ("name", "label", "description", "roles", "users")}
    return any(
        inspect(instance).attrs[name].history.has_changes()
        for kind, names in watched.items()
        for instance in session.dirty
        if isinstance(instance, kind)
        for name in names
    )


def _all(session: Session, kind: type) -> list[Any]:
    return [instance for instance in (*session.new, *session.dirty) if isinstance(instance, kind)]


def _moved(attribute: Any) -> list[Any]:
    history = attribute.history
    return [*(history.added or ()), *(history.deleted or ())]


def _roles_held(connection: Connection, number: int | None) -> set[str]:
    """Return the names of the roles that an account holds in the database, those of its groups included."""
    if number is None:
        return set()
    name, role = Role.__table__.c.name, Role.__table__
    direct = (
        select(name)
        .select_from(role.join(assoc_user_role, assoc_user_role.c.role_id == role.c.id))
        .where(assoc_user_role.c.user_id == number)
    )
    through = (
        select(name)
        .select_from(
            role.join(assoc_group_role, assoc_group_role.c.role_id == role.c.id).join(
                assoc_user_group, assoc_user_group.c.group_id == assoc_group_role.c.group_id
            )
        )
        .where(assoc_user_group.c.user_id == number)
    )
    return {row[0] for query in (direct, through) for row in connection.execute(query)}
