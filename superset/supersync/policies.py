"""Reads the policies, and expands them into roles, row rules and accounts.

Which datasets and territories a role reads is computed in `warehouse.rights`, for the copies that queries open as well.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supersync.bundle import Asset, Bundle, read_yaml
from supersync.errors import SupersetFailure
from warehouse import rights

#: Roles that Superset brings; none of them is the project's.
BUILT_IN = frozenset({"Admin", "Alpha", "Gamma", "Public", "sql_lab"})
#: Columns that name a territory, whatever else the dataset has.
TERRITORIAL = re.compile(
    r".*(territory|departement|region|groupement|commune|postal|insee|map)(_(code|name|label|id))?", re.IGNORECASE
)
_FIELDS = {
    "roles.yml": {"permissions", "roles", "services", "territories", "reserved", "api", "pages"},
    "rls.yml": {"column", "nation", "without_territory", "whole_tables", "rows_of"},
    "users.yml": {"users"},
}
_ROLE_FIELDS = {"permissions", "datasets"}
#: How the pages of `web/` show a role; one without is shown by its name.
_TITLE = "title"
_ACCOUNT_FIELDS = {"first_name", "last_name", "email", "roles", "active"}


@dataclass(frozen=True)
class Role:
    """What the holders of a role may do and see.

    Attributes:
        name: Its name in Superset, `departement-FR-33`.
        permissions: Superset's permissions, each `action on object`.
        datasets: Slugs of the datasets that it reads.
        places: Codes of the territories whose rows it sees; None for all rows.
    """

    name: str
    permissions: frozenset[str]
    datasets: frozenset[str]
    places: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Account:
    """An account that may log in."""

    username: str
    first_name: str
    last_name: str
    email: str
    roles: frozenset[str]
    active: bool = True


@dataclass(frozen=True)
class Policies:
    """Everything that is declared about access.

    Attributes:
        roles: Every role, those of territories last.
        prefixes: How the names of the territories' roles begin.
        accounts: The declared accounts.
        services: Those of the platform itself.
        column: The column that a row rule filters.
        covered: Slugs of the datasets that have this column.
        without_territory: Slugs of the datasets that are declared to have no territory, each with the reason.
        reserved: By `dashboards` and `datasets`: slug, and the roles that alone open it.
        readers: Which tables, datasets and territories each role reads.
    """

    roles: tuple[Role, ...]
    prefixes: tuple[str, ...]
    accounts: tuple[Account, ...]
    services: tuple[Account, ...]
    column: str
    covered: frozenset[str]
    without_territory: Mapping[str, str]
    reserved: Mapping[str, Mapping[str, tuple[str, ...]]] = field(repr=False)
    readers: rights.Policies = field(repr=False)

    @property
    def all_accounts(self) -> tuple[Account, ...]:
        return (*self.services, *self.accounts)

    @property
    def role_names(self) -> frozenset[str]:
        return frozenset(role.name for role in self.roles)


def load(folder: Path, bundle: Bundle, *, seeds: Path, users: Path | None = None) -> Policies:
    """Read and expand the policies. What does not fit the bundle is kept for `check` to name.

    Args:
        folder: Holds `roles.yml`, `rls.yml` and `users.yml`.
        bundle: What there is to be read.
        seeds: Folder of `territories.csv` and `regions.csv`, from which `dim_territory` is built.
        users: The file of accounts, where it is not in the folder.

    Raises:
        SupersetFailure: a file is absent, is not YAML, lacks a field or has an unknown one.
    """
    roles = _file(folder / "roles.yml")
    rows = _file(folder / "rls.yml")
    reserved = {
        kind: {slug: tuple(names) for slug, names in ((roles.get("reserved") or {}).get(kind) or {}).items()}
        for kind in ("dashboards", "datasets")
    }
    permissions = dict(_permissions(roles))
    readers = _readers(folder, bundle, seeds)
    return Policies(
        roles=tuple(
            Role(name, permissions[name if name in roles["roles"] else reader.level], reader.datasets, reader.places)
            for name, reader in readers.roles.items()
        ),
        prefixes=tuple(declaration["role"].partition("{")[0] for declaration in roles["territories"].values()),
        accounts=accounts(users or folder / "users.yml"),
        services=tuple(_service(name, given) for name, given in (roles["services"] or {}).items()),
        column=rows["column"],
        covered=frozenset(dataset.slug for dataset in bundle.datasets if rows["column"] in _columns(dataset)),
        without_territory=rows["without_territory"] or {},
        reserved=reserved,
        readers=readers,
    )


def _readers(folder: Path, bundle: Bundle, seeds: Path) -> rights.Policies:
    try:
        return rights.load(folder, bundle.folder, seeds)
    except rights.PolicyError as failure:
        raise SupersetFailure(failure.what, failure.remedy) from None


def clause(policies: Policies, role: Role) -> str:
    """Return the condition that a row must fulfil for a role of a territory to see it."""
    return rights.condition(policies.column, role.places or ())


def check(policies: Policies, bundle: Bundle) -> list[str]:
    """Return every problem of the policies as a sentence that names file and field; none means they may be applied."""
    return [*_rows_problems(policies, bundle), *_reserved_problems(policies, bundle), *_account_problems(policies)]


def _rows_problems(policies: Policies, bundle: Bundle) -> Iterator[str]:
    slugs = {dataset.slug for dataset in bundle.datasets}
    for slug in sorted(policies.without_territory.keys() - slugs):
        yield f"rls.yml: without_territory: there is no dataset {slug}."
    for dataset in bundle.datasets:
        names = sorted(name for name in _columns(dataset) if TERRITORIAL.fullmatch(name))
        excused = dataset.slug in policies.without_territory
        if names and excused:
            yield f"rls.yml: without_territory: {dataset.slug} has columns of a territory ({', '.join(names)})."
        elif names and dataset.slug not in policies.covered:
            yield (
                f"{dataset.path}: has columns of a territory ({', '.join(names)}) but no column {policies.column}, "
                "so no row rule covers it."
            )
        elif not names and not excused:
            yield (
                f"{dataset.path}: no row rule covers it: give it the column {policies.column}, "
                "or say in policies/rls.yml why it needs none (without_territory)."
            )
    yield from _table_problems(policies, bundle)
    for role in policies.roles:
        if any(not re.fullmatch(r"[A-Z0-9-]+", code) for code in role.places or ()):
            yield f"rls.yml: {role.name}: a code of a territory has capitals, figures and hyphens only."


def _table_problems(policies: Policies, bundle: Bundle) -> Iterator[str]:
    """Yield why the rows of a table cannot be filtered by territory in the copies that readers open."""
    readers, models = policies.readers, bundle.models
    covered = {key for key, model in models.items() if policies.column in model.columns}
    excused = readers.whole | readers.parents.keys()
    for table in sorted(excused & covered):
        yield f"rls.yml: {table} has the column {policies.column}: it is neither for whole_tables nor for rows_of."
    for table, (parent, key) in sorted(readers.parents.items()):
        if parent not in covered or key not in models[parent].columns:
            yield f"rls.yml: rows_of: {table}: {parent} lacks the column {policies.column} or {key}."
    tables = readers.api_tables.union(*readers.bundle.tables.values())
    for table in sorted((tables & models.keys()) - covered - excused):
        yield (
            f"rls.yml: the table {table} has no column {policies.column}: name it in rows_of, "
            "or say in whole_tables why everybody reads all its rows."
        )


def _reserved_problems(policies: Policies, bundle: Bundle) -> Iterator[str]:
    known = {
        "dashboards": {dashboard.slug: dashboard for dashboard in bundle.dashboards},
        "datasets": {dataset.slug: dataset for dataset in bundle.datasets},
    }
    for kind, of_kind in policies.reserved.items():
        for slug, names in of_kind.items():
            if slug not in known[kind]:
                yield f"roles.yml: reserved: {kind}: there is no {slug}."
            for name in sorted(set(names) - policies.role_names):
                yield f"roles.yml: reserved: {slug}: there is no role {name}."
    everybody = policies.role_names
    for dashboard in bundle.dashboards:
        openers = set(policies.reserved["dashboards"].get(dashboard.slug, everybody))
        for slug in sorted(datasets_of(dashboard, bundle)):
            readers = set(policies.reserved["datasets"].get(slug, everybody))
            if shut := sorted(openers - readers):
                yield (
                    f"{dashboard.path}: it reads the dataset {slug}, which roles.yml reserves to others than "
                    f"{', '.join(shut[:3])}{'…' if len(shut) > 3 else ''}: reserve the dashboard too."  # noqa: PLR2004
                )


def _account_problems(policies: Policies) -> Iterator[str]:
    mails: dict[str, str] = {}
    own = {"admin", *(account.username for account in policies.services)}
    for account in policies.services:
        for name in sorted(account.roles - policies.role_names):
            yield f"roles.yml: services: {account.username}: there is no role {name}."
    for account in policies.accounts:
        if account.username in own:
            yield f"users.yml: {account.username}: this is the platform's own account; declare another."
        if "@" not in account.email:
            yield f"users.yml: {account.username}: email: this is not an address."
        if account.email.lower() in mails:
            yield f"users.yml: {account.username}: email: {mails[account.email.lower()]} has the same address."
        mails[account.email.lower()] = account.username
        if not account.roles:
            yield f"users.yml: {account.username}: roles: at least one is needed."
        for name in sorted(account.roles - policies.role_names):
            yield f"users.yml: {account.username}: roles: there is no role {name}."


def datasets_of(dashboard: Asset, bundle: Bundle) -> frozenset[str]:
    """Return the slugs of the datasets that a dashboard's charts and filters read."""
    charts = {chart.slug: chart.declared["dataset"] for chart in bundle.charts}
    return rights.datasets_of(dashboard.reads, dashboard.declared.get("filters") or {}, charts)


def _permissions(roles: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the permissions of each role that is named, and of the roles of each level of territory."""
    for name, declaration in roles["roles"].items():
        if name in BUILT_IN:
            raise SupersetFailure(f"roles.yml: {name} is a role of Superset itself.", "Give yours another name.")
        yield (
            name,
            _permissions_of(name, declaration, _ROLE_FIELDS | (declaration.keys() & {_TITLE}), roles["permissions"]),
        )
    for level, declaration in roles["territories"].items():
        if level not in rights.LEVELS:
            raise SupersetFailure(
                f"roles.yml: territories: there is no level {level}.", f"The levels are {', '.join(rights.LEVELS)}."
            )
        yield level, _permissions_of(level, declaration, {*_ROLE_FIELDS, "role"}, roles["permissions"])


def _permissions_of(
    name: str, declaration: Mapping[str, Any], fields: set[str], sets: Mapping[str, list[str]]
) -> frozenset[str]:
    for absent in sorted(fields ^ declaration.keys()):
        raise SupersetFailure(
            f"roles.yml: {name}: the field `{absent}` is {'unknown' if absent in declaration else 'absent'}.",
            f"The fields are {', '.join(sorted(fields))}.",
        )
    if declaration["datasets"] not in {"all", "dashboards"}:
        raise SupersetFailure(
            f"roles.yml: {name}: datasets is {declaration['datasets']!r}.", "Write `all` or `dashboards`."
        )
    for set_name in declaration["permissions"]:
        if set_name not in sets:
            raise SupersetFailure(f"roles.yml: {name}: there is no set of permissions {set_name}.", "Declare it.")
    return frozenset(permission for set_name in declaration["permissions"] for permission in sets[set_name])


def accounts(file: Path) -> tuple[Account, ...]:
    """Return the accounts that a file of the form of `users.yml` declares.

    Raises:
        SupersetFailure: as `load`.
    """
    declared = _file(file, "users.yml")["users"] or {}
    return tuple(_account(name, declaration) for name, declaration in declared.items())


def _account(username: str, declaration: Mapping[str, Any]) -> Account:
    for name in sorted(declaration.keys() - _ACCOUNT_FIELDS):
        raise SupersetFailure(
            f"users.yml: {username}: the field `{name}` is unknown.",
            f"The fields are {', '.join(sorted(_ACCOUNT_FIELDS))}; a password never stands in a file.",
        )
    for name in sorted(_ACCOUNT_FIELDS - {"active"} - declaration.keys()):
        raise SupersetFailure(f"users.yml: {username}: the field `{name}` is absent.", "Add it.")
    fields = {name: declaration[name] for name in ("first_name", "last_name", "email")}
    return Account(username, **fields, roles=frozenset(declaration["roles"]), active=declaration.get("active", True))


def _service(username: str, roles: list[str]) -> Account:
    return Account(username, "Compte de service", username, f"{username}@localhost.invalid", frozenset(roles))


def _file(path: Path, kind: str | None = None) -> dict[str, Any]:
    content = read_yaml(path)
    for name in sorted(_FIELDS[kind or path.name] ^ content.keys()):
        state = "unknown" if name in content else "absent"
        raise SupersetFailure(
            f"{path.name}: the field `{name}` is {state}.", f"The fields are {', '.join(_FIELDS[kind or path.name])}."
        )
    return content


def _columns(dataset: Asset) -> set[str]:
    return {column["column_name"] for column in dataset.config["columns"]}
