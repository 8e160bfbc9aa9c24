"""Plans and applies the roles, row rules and accounts of a server, from the policies."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from supersync.bundle import Bundle, identifier
from supersync.client import Client
from supersync.errors import SupersetFailure
from supersync.plan import Change, Difference, summary
from supersync.policies import BUILT_IN, Account, Policies, Role, check, clause
from supersync.server_access import MARK, READ, ServerAccess, read

RULE = "territoire : "
#: The rule for accounts without a role of the project, whatever else an administrator gave them.
NOBODY_ELSE = f"{RULE}personne d'autre"
NOTHING = "1 = 0"
GROUP_KEY = "territoire"


@dataclass(frozen=True)
class AccessPlan:
    """Everything that an apply would do about access."""

    changes: tuple[Change, ...]
    server: ServerAccess = field(repr=False)

    @property
    def is_empty(self) -> bool:
        return not self.changes

    def lines(self) -> Iterator[str]:
        """Yield what would be done, saying once what happens to many alike: a hundred territories gain a dataset."""
        return _together(self.changes)

    def __str__(self) -> str:
        return "\n".join([*self.lines(), "No change." if self.is_empty else summary(self.changes)])


def plan(client: Client, bundle: Bundle, policies: Policies) -> AccessPlan:
    """Compare a server with the policies. A dataset that does not exist yet counts as unreadable.

    Raises:
        SupersetFailure: the policies do not pass their check, or the server does not answer.
    """
    refuse_problems(policies, bundle)
    server = read(client, bundle)
    return AccessPlan(
        (
            *_roles(policies, server),
            *_rules(policies, server),
            *_dashboards(policies, bundle, server),
            *_accounts(policies, server),
        ),
        server,
    )


def refuse_problems(policies: Policies, bundle: Bundle) -> None:
    """Let policies pass that pass their check.

    Raises:
        SupersetFailure: they do not.
    """
    problems = check(policies, bundle)
    if problems:
        raise SupersetFailure(
            f"The policies have {len(problems)} problem(s), so nothing is sent: {' '.join(problems[:5])}",
            "Correct them; `cyberimpact superset check` lists all.",
        )


def drift(client: Client, bundle: Bundle, policies: Policies) -> list[Change]:
    """Return the manual changes of roles, rules and accounts.

    Raises:
        SupersetFailure: the policies do not pass their check, or the server does not answer.
    """
    return list(plan(client, bundle, policies).changes)


def apply(client: Client, bundle: Bundle, policies: Policies) -> AccessPlan:
    """Create, change and prune until a server gives the access that is declared; write nothing if it does already.

    At no moment does somebody see more than before or after: what is taken away goes first, and a role is allowed to
    read a dataset only once its row rule stands. An apply that is killed leaves something from which the next goes on.

    Args:
        client: The server, which holds the bundle.
        bundle: The datasets and dashboards that there are.
        policies: Who may do and see what.

    Returns:
        What was done.

    Raises:
        SupersetFailure: the policies do not pass their check, or the server refuses them or keeps something else.
    """
    done = plan(client, bundle, policies)
    if done.is_empty:
        return done
    absent = sorted(
        policies.covered.union(*(role.datasets for role in policies.roles)) - done.server.dataset_ids.keys()
    )
    if absent:
        raise SupersetFailure(
            f"Superset does not hold what the policies speak of: {', '.join(absent)} is not there.",
            "Apply the bundle first: `cyberimpact superset apply` does both.",
        )
    work = _Work(client, policies, done.server)
    chosen = {
        kind: [change for change in done.changes if change.kind == kind]
        for kind in ("role", "rule", "dashboard", "user")
    }
    work.create_roles(chosen["role"])  # nobody has them yet, and they may do nothing
    work.take_back(chosen["user"], chosen["role"], chosen["dashboard"])
    work.set_rules(chosen["rule"])
    work.set_permissions(chosen["role"])
    work.open_dashboards(chosen["dashboard"])
    work.set_accounts(chosen["user"])
    left = plan(client, bundle, policies)
    if not left.is_empty:
        raise SupersetFailure(
            f"Superset accepted the policies but does not hold them as they are declared:\n{left}\n",
            "Somebody may be editing them right now: repeat the command. If it persists, correct what is named.",
        )
    return done


def new_password(client: Client, username: str) -> str:
    """Set a random password of an account, and return it; it is shown nowhere else.

    Raises:
        SupersetFailure: there is no such account, or the server does not answer.
    """
    users = client.list("security/users", ["id", "username"], order="username")
    number = next((user["id"] for user in users if user["username"] == username), None)
    if number is None:
        raise SupersetFailure(
            f"Superset has no account {username}.", "Declare it in users.yml and apply, or correct its name."
        )
    password = secrets.token_urlsafe(15)
    client.put(f"/api/v1/security/users/{number}", json={"password": password})
    return password


def _roles(policies: Policies, server: ServerAccess) -> Iterator[Change]:
    for role in policies.roles:
        wanted = wanted_permissions(role)
        if role.name not in server.roles:
            yield _change("create", "role", role.name)
        elif found := tuple(_set_differences(server.roles[role.name].permissions, wanted)):
            yield _change("update", "role", role.name, found)
    for name in sorted(_orphan_roles(policies, server)):
        yield _change("delete", "role", name)


def _orphan_roles(policies: Policies, server: ServerAccess) -> set[str]:
    """Find the roles that the project once made: the rule for nobody else names them, or they are a territory's."""
    rule = server.rules.get(NOBODY_ELSE)
    made = set(rule.roles) if rule else set()
    made |= {name for name in server.roles if name.startswith(policies.prefixes)}
    return made - policies.role_names - BUILT_IN


def wanted_permissions(role: Role) -> frozenset[str]:
    """Return all that a role is given, in the words of `ServerAccess`."""
    return role.permissions | {f"{READ}{slug}" for slug in role.datasets}


def wanted_rules(policies: Policies) -> dict[str, dict[str, Any]]:
    """Return the row rules by name: type, clause, roles and datasets."""
    rules = {
        f"{RULE}{role.name}": {
            "filter_type": "Regular",
            "clause": clause(policies, role),
            "roles": frozenset({role.name}),
            "datasets": policies.covered,
        }
        for role in policies.roles
        if role.places is not None
    }
    rules[NOBODY_ELSE] = {
        "filter_type": "Base",
        "clause": NOTHING,
        "roles": policies.role_names | {"Admin"},
        "datasets": policies.covered,
    }
    return rules


def _rules(policies: Policies, server: ServerAccess) -> Iterator[Change]:
    wanted = wanted_rules(policies)
    for name, rule in wanted.items():
        held = server.rules.get(name)
        if held is None:
            yield _change("create", "rule", name)
            continue
        found = [
            Difference(field, getattr(held, field), value)
            for field, value in (("clause", rule["clause"]), ("filter_type", rule["filter_type"]))
            if getattr(held, field) != value
        ]
        if held.group_key != GROUP_KEY:
            found.append(Difference("group_key", held.group_key, GROUP_KEY))
        found += _set_differences(frozenset(held.datasets), rule["datasets"], "dataset ")
        found += _set_differences(frozenset(held.roles), rule["roles"], "role ")
        if found:
            yield _change("update", "rule", name, tuple(found))
    for name, held in sorted(server.rules.items()):
        # A rule on the project's datasets that is not declared would widen or narrow what is.
        if name not in wanted and (name.startswith(RULE) or (held.datasets and not held.other_datasets)):
            yield _change("delete", "rule", name)


def _dashboards(policies: Policies, bundle: Bundle, server: ServerAccess) -> Iterator[Change]:
    for dashboard in bundle.dashboards:
        held = server.dashboards.get(dashboard.slug)
        wanted = frozenset(policies.reserved["dashboards"].get(dashboard.slug, ()))
        found = tuple(_set_differences(held.roles if held else frozenset(), wanted, "reserved to "))
        if found:
            yield _change("update", "dashboard", dashboard.slug, found)


def _accounts(policies: Policies, server: ServerAccess) -> Iterator[Change]:
    declared = {account.username: account for account in policies.all_accounts}
    for username, account in declared.items():
        held = server.users.get(username)
        if held is None:
            yield _change("create", "user", username)
            continue
        found = [
            Difference(name, held.fields.get(name), value)
            for name, value in _account_fields(account).items()
            if held.fields.get(name) != value
        ]
        found += _set_differences(held.roles, account.roles, "role ")
        if not held.is_ours:
            found.append(Difference("declared", None, "yes"))
        if found:
            yield _change("update", "user", username, tuple(found))
    for username, held in server.users.items():
        if held.is_ours and username not in declared and (held.fields["active"] or held.roles):
            yield _change("delete", "user", username)


def _account_fields(account: Account) -> dict[str, Any]:
    names = ("first_name", "last_name", "email", "active")
    return {name: getattr(account, name) for name in names}


def _set_differences(on_server: frozenset[str], declared: frozenset[str], prefix: str = "") -> Iterator[Difference]:
    for name in sorted(on_server - declared):
        yield Difference(f"{prefix}{name}", "given", None)
    for name in sorted(declared - on_server):
        yield Difference(f"{prefix}{name}", None, "given")


def _change(action: str, kind: str, name: str, found: tuple[Difference, ...] = ()) -> Change:
    return Change(action, kind, name, identifier(kind, name), found)


def _together(changes: tuple[Change, ...]) -> Iterator[str]:
    alike: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes:
        alike.setdefault((change.action, change.kind, str(change).partition("\n")[2]), []).append(change)
    for same in alike.values():
        first = str(same[0])
        if len(same) > 1:
            head, line, rest = first.partition("\n")
            first = f"{head} and {len(same) - 1} more, to “{same[-1].title}”{line}{rest}"
        yield first


class _Work:
    """The writes of one apply, each in the server's own numbers."""

    def __init__(self, client: Client, policies: Policies, server: ServerAccess) -> None:
        self._client = client
        self._policies = policies
        self._server = server
        self._role_ids = {name: role.id for name, role in server.roles.items()}

    def take_back(self, users: list[Change], roles: list[Change], dashboards: list[Change]) -> None:
        """Deactivate accounts that are no longer declared, and revoke the permissions that roles lose."""
        for change in users:
            if change.action == "delete":
                # The account stays, without roles: what its owner made keeps its author.
                held = self._server.users[change.title]
                body = {"active": False, "roles": [], "groups": [self._server.mark_id]}
                self._client.put(f"/api/v1/security/users/{held.id}", json=body)
        for change in dashboards:
            if any(difference.declared == "given" for difference in change.differences):
                self._reserve(change.title)
        for change in roles:
            if change.action == "delete":
                self._client.delete(f"/api/v1/security/roles/{self._role_ids.pop(change.title)}")
            elif change.action == "update":
                held = self._server.roles[change.title].permissions
                kept = held & self._wanted(change.title)
                if kept != held:
                    self._give(change.title, kept)

    def create_roles(self, changes: list[Change]) -> None:
        for change in changes:
            if change.action == "create":
                made = self._client.post("/api/v1/security/roles/", json={"name": change.title})
                self._role_ids[change.title] = made["id"]

    def set_rules(self, changes: list[Change]) -> None:
        """Set the rule of each territory, and last the one that shuts out everybody else but those."""
        wanted = wanted_rules(self._policies)
        for change in changes:
            if change.action == "delete":
                self._client.delete(f"/api/v1/rowlevelsecurity/{self._server.rules[change.title].id}")
                continue
            rule = wanted[change.title]
            body = {
                "name": change.title,
                "description": "Définie dans superset/policies/rls.yml",
                "filter_type": rule["filter_type"],
                "clause": rule["clause"],
                "group_key": GROUP_KEY,
                "roles": sorted(self._role_ids[name] for name in rule["roles"]),
                "tables": sorted(self._server.dataset_ids[slug] for slug in rule["datasets"]),
            }
            if change.action == "create":
                self._client.post("/api/v1/rowlevelsecurity/", json=body)
            else:
                number = self._server.rules[change.title].id
                self._client.put(f"/api/v1/rowlevelsecurity/{number}", json=body)

    def set_permissions(self, changes: list[Change]) -> None:
        for change in changes:
            if change.action != "delete":
                self._give(change.title, self._wanted(change.title))

    def open_dashboards(self, changes: list[Change]) -> None:
        for change in changes:
            self._reserve(change.title)

    def set_accounts(self, changes: list[Change]) -> None:
        accounts = {account.username: account for account in self._policies.all_accounts}
        for change in changes:
            if change.action == "delete":
                continue
            account = accounts[change.title]
            body = {
                **_account_fields(account),
                "username": account.username,
                "roles": sorted(self._role_ids[name] for name in account.roles),
                "groups": [self._mark()],
            }
            if change.action == "create":
                # Nobody knows it: its owner comes in through ProConnect, or is given another by the administrator.
                body["password"] = secrets.token_urlsafe(32)
                self._client.post("/api/v1/security/users/", json=body)
            else:
                self._client.put(f"/api/v1/security/users/{self._server.users[change.title].id}", json=body)

    def _wanted(self, name: str) -> frozenset[str]:
        return next(wanted_permissions(role) for role in self._policies.roles if role.name == name)

    def _give(self, role: str, permissions: frozenset[str]) -> None:
        unknown = sorted(permissions - self._server.permission_ids.keys())
        if unknown:
            raise SupersetFailure(
                f"roles.yml: {role}: this Superset has no permission {', '.join(unknown[:5])}.", "Correct its name."
            )
        numbers = sorted(self._server.permission_ids[permission] for permission in permissions)
        path = f"/api/v1/security/roles/{self._role_ids[role]}/permissions"
        self._client.post(path, json={"permission_view_menu_ids": numbers})

    def _reserve(self, slug: str) -> None:
        names = self._policies.reserved["dashboards"].get(slug, ())
        number = self._server.dashboards[slug].id
        self._client.put(f"/api/v1/dashboard/{number}", json={"roles": [self._role_ids[name] for name in names]})

    def _mark(self) -> int:
        if self._server.mark_id is None:
            body = {
                "name": MARK,
                "label": "Comptes déclarés dans superset/policies/users.yml",
                "description": "Ne donne aucun droit ; dit quels comptes le projet a faits.",
                "roles": [],
                "users": [],
            }
            self._server.mark_id = self._client.post("/api/v1/security/groups/", json=body)["id"]
        return self._server.mark_id
