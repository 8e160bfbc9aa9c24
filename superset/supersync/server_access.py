"""Reads the roles, row rules, dashboards and accounts of a server."""

import re
from dataclasses import dataclass, field
from typing import Any

from supersync.bundle import Bundle
from supersync.client import Client

#: The group that marks the accounts which the project made; it gives no right.
MARK = "cyberimpact"
#: How the permission to read a dataset of the bundle is written, before its slug.
READ = "read dataset "
_DATASET_PERMISSION = re.compile(r"\(id:(\d+)\)$")


@dataclass(frozen=True)
class RemoteRole:
    """A role of the server; a permission to read a dataset of the bundle is `read dataset <slug>`."""

    id: int
    permissions: frozenset[str]


@dataclass(frozen=True)
class RemoteRule:
    """A row rule of the server. `other_datasets` is true if it also covers datasets outside the bundle."""

    id: int
    filter_type: str
    clause: str
    group_key: str | None
    roles: frozenset[str]
    datasets: frozenset[str]
    other_datasets: bool


@dataclass(frozen=True)
class RemoteDashboard:
    """A dashboard of the bundle and the roles that alone open it."""

    id: int
    roles: frozenset[str]


@dataclass(frozen=True)
class RemoteUser:
    """An account of the server; `is_ours` is true if the project created it."""

    id: int
    fields: dict[str, Any]
    roles: frozenset[str]
    is_ours: bool


@dataclass
class ServerAccess:
    """What a server holds about access, by name. `mark_id` is the group of the project's accounts, once it exists."""

    roles: dict[str, RemoteRole]
    rules: dict[str, RemoteRule]
    dashboards: dict[str, RemoteDashboard]
    users: dict[str, RemoteUser]
    permission_ids: dict[str, int] = field(repr=False)
    dataset_ids: dict[str, int] = field(repr=False)
    mark_id: int | None = None


def read(client: Client, bundle: Bundle) -> ServerAccess:
    """Ask a server for its roles, rules, accounts, and the numbers by which it knows them.

    Raises:
        SupersetFailure: the server does not answer, or refuses.
    """
    present = client.ids("dataset")
    dataset_ids = {dataset.slug: present[dataset.uuid] for dataset in bundle.datasets if dataset.uuid in present}
    slugs = {number: slug for slug, number in dataset_ids.items()}
    permission_ids = _permissions(client, slugs)
    words = {number: name for name, number in permission_ids.items()}
    groups = client.list("security/groups", ["id", "name", "users.username"], order="id")
    mark = next((group for group in groups if group["name"] == MARK), None)
    ours = {user["username"] for user in mark["users"]} if mark else set()
    return ServerAccess(
        roles=_roles(client, words),
        rules={rule["name"]: _rule(rule, slugs) for rule in client.list("rowlevelsecurity", _RULE_COLUMNS)},
        dashboards={
            row["slug"]: RemoteDashboard(row["id"], frozenset(role["name"] for role in row["roles"]))
            for row in client.list("dashboard", ["id", "slug", "roles.name"])
            if row["slug"] in {dashboard.slug for dashboard in bundle.dashboards}
        },
        users={
            user["username"]: _user(user, user["username"] in ours)
            for user in client.list("security/users", _USER_COLUMNS, order="username")
        },
        permission_ids=permission_ids,
        dataset_ids=dataset_ids,
        mark_id=mark["id"] if mark else None,
    )


def accounts(client: Client) -> dict[str, dict[str, frozenset[str]]]:
    """Return the active accounts of a server by name: their roles, those of groups too, each with its permissions.

    Raises:
        SupersetFailure: the server does not answer, or refuses.
    """
    roles = _roles(client, {number: name for name, number in _permissions(client, {}).items()})
    users: dict[str, dict[str, Any]] = {}
    for _ in range(2):  # an account that is deleted between two pages hides another one
        users |= {user["username"]: user for user in client.list("security/users", _USER_COLUMNS, order="username")}
    held = {name: {role["name"] for role in user["roles"]} for name, user in users.items() if user["active"]}
    for group in client.list("security/groups", ["id", "roles.name", "users.username"], order="id"):
        for user in group["users"]:
            held.get(user["username"], set()).update(role["name"] for role in group["roles"])
    return {name: {role: roles[role].permissions for role in names if role in roles} for name, names in held.items()}


_RULE_COLUMNS = ["id", "name", "filter_type", "clause", "group_key", "roles.name", "tables.id"]
_USER_COLUMNS = ["id", "username", "first_name", "last_name", "email", "active", "roles.name"]


def _roles(client: Client, words: dict[int, str]) -> dict[str, RemoteRole]:
    found = client.get("/api/v1/security/roles/search/", params={"q": "(page:0,page_size:10000)"})["result"]
    return {
        role["name"]: RemoteRole(role["id"], frozenset(words[number] for number in role["permission_ids"]))
        for role in found
    }


def _permissions(client: Client, slugs: dict[int, str]) -> dict[str, int]:
    columns = ["id", "permission.name", "view_menu.name"]
    found = {}
    for row in client.list("security/permissions-resources", columns, order="id"):
        action, target = row["permission"]["name"], row["view_menu"]["name"]
        number = _DATASET_PERMISSION.search(target) if action == "datasource_access" else None
        slug = slugs.get(int(number[1])) if number else None
        found[f"{READ}{slug}" if slug else f"{action} on {target}"] = row["id"]
    return found


def _rule(row: dict[str, Any], slugs: dict[int, str]) -> RemoteRule:
    tables = [table["id"] for table in row["tables"]]
    return RemoteRule(
        id=row["id"],
        filter_type=row["filter_type"],
        clause=row["clause"],
        group_key=row["group_key"],
        roles=frozenset(role["name"] for role in row["roles"]),
        datasets=frozenset(slugs[number] for number in tables if number in slugs),
        other_datasets=any(number not in slugs for number in tables),
    )


def _user(row: dict[str, Any], is_ours: bool) -> RemoteUser:
    return RemoteUser(
        id=row["id"],
        fields={name: row[name] for name in ("first_name", "last_name", "email", "active")},
        roles=frozenset(role["name"] for role in row["roles"]),
        is_ours=is_ours,
    )
