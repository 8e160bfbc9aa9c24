"""Plans the changes that bring a server in line with the bundle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from supersync import bundle as bundles
from supersync.bundle import Asset, Bundle
from supersync.check import check
from supersync.client import KINDS, Client
from supersync.errors import SupersetFailure
from supersync.normal import normalise

_SHOWN = 60  # characters of a value in a difference
_MARKS = {"create": "+", "update": "~", "delete": "-", "keep": "="}


@dataclass(frozen=True)
class Difference:
    """One field whose value on the server is not the declared one; None stands for absent."""

    path: str
    on_server: Any
    declared: Any

    def __str__(self) -> str:
        start = _first_difference(self.on_server, self.declared)
        return f"{self.path}: {_shown(self.on_server, start)} -> {_shown(self.declared, start)}"


@dataclass(frozen=True)
class Change:
    """What would happen to one object.

    Attributes:
        action: `create`, `update` or `delete`; `keep` for what is no longer declared but still read by others.
        kind: `database`, `dataset`, `chart` or `dashboard`.
        title: Its name, as the server's readers see it.
        uuid: Its identity.
        differences: Fields that an update would change.
        note: Why it is kept.
    """

    action: str
    kind: str
    title: str
    uuid: UUID
    differences: tuple[Difference, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        head = f"{_MARKS[self.action]} {self.action} {self.kind} “{self.title}”{f' ({self.note})' if self.note else ''}"
        return "\n".join([head, *(f"    {difference}" for difference in self.differences)])


@dataclass(frozen=True)
class Plan:
    """Everything that an apply would do, and the files that it would send."""

    changes: tuple[Change, ...]
    files: Mapping[str, dict[str, Any]] = field(repr=False)

    @property
    def is_empty(self) -> bool:
        return all(change.action == "keep" for change in self.changes)

    @property
    def writes(self) -> tuple[Change, ...]:
        """Return the creations and updates."""
        return tuple(change for change in self.changes if change.action in {"create", "update"})

    @property
    def deletions(self) -> tuple[Change, ...]:
        """Return the deletions, in the order in which nothing is left pointing at what is gone."""
        gone = [change for change in self.changes if change.action == "delete"]
        return tuple(sorted(gone, key=lambda change: -KINDS.index(change.kind)))

    def __str__(self) -> str:
        return "\n".join([*map(str, self.changes), "No change." if self.is_empty else summary(self.changes)])


def summary(changes: Sequence[Change]) -> str:
    """Return how many objects of all would be created, updated and deleted."""
    counts = {action: sum(change.action == action for change in changes) for action in ("create", "update", "delete")}
    return f"{', '.join(f'{number} to {action}' for action, number in counts.items())}."


def plan(client: Client, bundle: Bundle, database_uri: str) -> Plan:
    """Compare a server with the bundle.

    Args:
        client: The server.
        bundle: What it is to hold.
        database_uri: SQLAlchemy address of the published copy, `duckdb:////…/published/daily/current/serving.duckdb`.

    Raises:
        SupersetFailure: the bundle does not pass its check, or the server does not answer.
    """
    problems = check(bundle)
    if problems:
        raise SupersetFailure(
            f"The bundle has {len(problems)} problem(s), so nothing is sent: {' '.join(problems[:5])}",
            "Correct them; `cyberimpact superset check` lists all.",
        )
    held = client.export_assets()
    desired = {asset.uuid: config(asset, database_uri) for asset in bundle}
    changes = [
        change for asset in bundle if (change := _change(asset, desired[asset.uuid], held[asset.kind].get(asset.uuid)))
    ]
    changes += _orphans(held, desired)
    files = {f"{asset.kind}s/{asset.slug}.yaml": desired[asset.uuid] for asset in bundle}
    return Plan(tuple(changes), files)


def config(asset: Asset, database_uri: str) -> dict[str, Any]:
    """Return what is sent for an object: its expansion, with the address of this environment's copy in a database."""
    if asset.kind != "database":
        return asset.config
    return {**asset.config, "sqlalchemy_uri": address(asset, database_uri)}


def address(database: Asset, database_uri: str) -> str:
    """Return the address of a database: that of the daily copy, or where another copy lies `beside` it."""
    if "beside" not in database.declared:
        return database_uri
    copies, *_ = database_uri.rsplit("/", maxsplit=3)  # <copies>/daily/current/serving.duckdb
    return f"{copies}/{database.declared['beside']}"


def differences(kind: str, on_server: Mapping[str, Any], declared: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the fields in which two versions of an object differ, once what servers add is left out."""
    return tuple(_compare("", normalise(kind, on_server), normalise(kind, declared)))


def title(kind: str, exported: Mapping[str, Any]) -> str:
    """Return the name under which readers know an exported object."""
    field_name = {
        "database": "database_name",
        "dataset": "table_name",
        "chart": "slice_name",
        "dashboard": "dashboard_title",
    }
    return exported[field_name[kind]]


def _change(asset: Asset, desired: Mapping[str, Any], held: Mapping[str, Any] | None) -> Change | None:
    if held is None:
        return Change("create", asset.kind, asset.title, asset.uuid)
    found = differences(asset.kind, held, desired)
    return Change("update", asset.kind, asset.title, asset.uuid, found) if found else None


def _compare(path: str, on_server: Any, declared: Any) -> Iterator[Difference]:
    if isinstance(on_server, dict) and isinstance(declared, dict):
        for key in sorted(on_server.keys() | declared.keys()):
            yield from _compare(f"{path}.{key}" if path else key, on_server.get(key), declared.get(key))
    elif on_server != declared:
        yield Difference(path, on_server, declared)


def _orphans(held: Mapping[str, Mapping[UUID, Any]], desired: Mapping[UUID, Any]) -> Iterator[Change]:
    """Find what the project once made and no longer declares. A database stays: users may have made datasets on it."""
    orphans = {
        (kind, uuid): exported
        for kind in ("dashboard", "chart", "dataset")
        for uuid, exported in held[kind].items()
        if uuid not in desired and is_ours(kind, uuid, exported)
    }
    for (kind, uuid), exported in orphans.items():
        readers = _other_readers(uuid, held, orphans, desired) if kind == "dataset" else []
        if readers:
            note = f"no longer declared, but read by {', '.join(readers)}"
            yield Change("keep", kind, title(kind, exported), uuid, note=note)
        else:
            yield Change("delete", kind, title(kind, exported), uuid)


def is_ours(kind: str, uuid: UUID, exported: Mapping[str, Any]) -> bool:
    """Return whether the project made an object: it names its file, and has the identity that this file gives."""
    extra = (exported.get("extra") or {}) if kind == "dataset" else {}
    details = (extra.get("certification") or {}).get("details") or exported.get("certification_details") or ""
    slug = Path(details).stem
    made = {bundles.identifier(kind, name) for name in (slug, slug + bundles.PHONE, extra.get("formerly", slug))}
    return details.startswith(bundles.origin(Path(f"{kind}s"))) and uuid in made


def _other_readers(
    dataset: UUID,
    held: Mapping[str, Mapping[UUID, Any]],
    orphans: Mapping[tuple[str, UUID], Any],
    desired: Mapping[UUID, Any],
) -> list[str]:
    return [
        f"“{chart['slice_name']}”"
        for uuid, chart in held["chart"].items()
        if chart.get("dataset_uuid") == str(dataset) and ("chart", uuid) not in orphans and uuid not in desired
    ]


def _shown(value: Any, start: int) -> str:
    text = "absent" if value is None else repr(value)[start:]
    return f"{'…' if start else ''}{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}"


def _first_difference(left: Any, right: Any) -> int:
    """Return where to begin to show two long texts, so that what differs is seen."""
    if left is None or right is None:
        return 0
    pairs = enumerate(zip(repr(left), repr(right), strict=False))
    same = next((index for index, (first, other) in pairs if first != other), 0)
    return same - _SHOWN // 4 if same > _SHOWN // 2 else 0
