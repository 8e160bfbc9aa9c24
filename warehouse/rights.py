"""Computes which tables of the published copies a set of roles may read, and which of their rows."""

import csv
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

#: Superset's own role, which the platform's account has: it reads everything.
ADMIN = "Admin"
LEVELS = ("departement", "region", "gendarmerie_region")
#: The chart at the head of every dashboard, and what the name of a dashboard's variant for a phone ends with.
HEADER, PHONE = "publication", "-telephone"

_CODE = Path(__file__).resolve().parents[1]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class AccessError(Exception):
    """A reader cannot be given what a right grants.

    Args:
        what: What is wrong and where, in one sentence free of data.
        remedy: What the reader can do about it, in one sentence.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class PolicyError(AccessError):
    """The policies or the bundle cannot be read."""


@dataclass(frozen=True)
class Right:
    """What may be read.

    Attributes:
        tables: By table, `schema.table`, the SQL condition that its rows fulfil; None for all rows. No other table is
            granted.
        is_everything: Whether every table and row is granted, whatever `tables` says.
    """

    tables: Mapping[str, str | None] = field(default_factory=dict)
    is_everything: bool = False

    @classmethod
    def parse(cls, content: str) -> "Right":
        """Return the right that `content` writes down.

        Raises:
            ValueError: it is none.
        """
        match json.loads(content):
            case [bool(is_everything), list(tables)]:
                return cls(dict(tables), is_everything)
        raise ValueError(content)

    @cached_property
    def content(self) -> str:
        """The right written down: the same text for the same right, on every machine."""
        return json.dumps([self.is_everything, sorted(self.tables.items())])

    @cached_property
    def key(self) -> str:
        """Name of the right: it proves the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:32]

    def __bool__(self) -> bool:
        return self.is_everything or bool(self.tables)


EVERYTHING = Right(is_everything=True)


@dataclass(frozen=True)
class Bundle:
    """What there is to be read.

    Attributes:
        tables: By dataset, the tables that it reads.
        datasets: By dashboard, the datasets that its charts and filters read.
        renamed: By the former name of a table, `schema.table`, its name today.
    """

    tables: Mapping[str, frozenset[str]]
    datasets: Mapping[str, frozenset[str]]
    renamed: Mapping[str, str] = field(default_factory=dict)


class Reader(NamedTuple):
    """What a role reads: datasets, and codes of territories, None for all; level and code of a territory's role.

    `title` is how people read the name of the role.
    """

    title: str
    datasets: frozenset[str]
    places: tuple[str, ...] | None = None
    level: str = ""
    code: str = ""


@dataclass(frozen=True)
class Policies:
    """Who reads what.

    Attributes:
        roles: The roles of the project by name, those of territories last.
        bundle: The datasets.
        nation: The code of the whole country, which every territory's role reads.
        column: The column of a table that says of which territory a row is.
        whole: Tables without that column, of which everybody reads all rows.
        parents: Tables without that column, by name: the table whose rows they belong to, and the common key.
        common_tables: Tables that whoever reads something reads, for the pages of `web/`.
        api_tables: Tables that a token of the API reads.
        api_roles: Roles that a token may have.
        page_tables: By role, tables that it reads on the pages and not in Superset.
    """

    roles: Mapping[str, Reader]
    bundle: Bundle
    nation: str
    column: str
    whole: frozenset[str]
    parents: Mapping[str, tuple[str, str]]
    common_tables: frozenset[str]
    api_tables: frozenset[str]
    api_roles: frozenset[str]
    page_tables: Mapping[str, frozenset[str]]

    def right(self, roles: Iterable[str]) -> Right:
        """Return what an account with these roles may read; roles that are not the project's give nothing.

        Tables add up. So do territories, which restrict the other roles: an analyst of a département reads the rows of
        that département in all the tables of an analyst.
        """
        names = set(roles)
        if ADMIN in names:
            return EVERYTHING
        held = self._held(names)
        datasets = frozenset[str]().union(*(reader.datasets for reader in held))
        tables = self.common_tables if held else frozenset[str]()
        return self._right(tables.union(*(self.bundle.tables[slug] for slug in datasets)), held)

    def page_right(self, roles: Iterable[str]) -> Right:
        """Return what an account with these roles reads on the pages alone, of the rows of its territories."""
        names = set(roles)
        if ADMIN in names:
            return EVERYTHING
        tables = frozenset[str]().union(*(self.page_tables.get(name, ()) for name in names))
        return self._right(tables, self._held(names))

    def places(self, roles: Iterable[str]) -> tuple[str, ...] | None:
        """Return the codes of the territories that an account with these roles acts on, None for all.

        Roles of territories restrict the others, as for reading. Everybody reads the nation, but only who is not
        restricted acts on it; roles that are not the project's give no territory.
        """
        names = set(roles)
        if ADMIN in names:
            return None
        held = self._held(names)
        codes = _places(held) if held else ()
        return codes and tuple(code for code in codes if code != self.nation)

    def api_right(self, role: str) -> Right:
        """Return what a token with this role may read."""
        return self._right(self.api_tables, [self.roles[role]]) if role in self.api_roles else Right()

    def _held(self, names: set[str]) -> list[Reader]:
        return [self.roles[name] for name in sorted(names & self.roles.keys())]

    def _right(self, tables: Iterable[str], readers: Sequence[Reader]) -> Right:
        places = _places(readers)
        return Right({table: self._condition(table, places) for table in sorted(tables)})

    def _condition(self, table: str, places: Sequence[str] | None) -> str | None:
        if places is None or table in self.whole:
            return None
        if table in self.parents:
            parent, key = self.parents[table]
            of_places = condition(f"parent.{self.column}", places)
            return f"{key} in (select parent.{key} from {parent} as parent where {of_places})"  # noqa: S608 - of the policies
        return condition(self.column, places)


def _places(readers: Sequence[Reader]) -> tuple[str, ...] | None:
    bound = [reader.places for reader in readers if reader.places is not None]
    return tuple(sorted({code for codes in bound for code in codes})) if bound else None


def condition(column: str, places: Iterable[str]) -> str:
    """Return the SQL condition that a row of these territories fulfils."""
    codes = ", ".join(f"'{code.replace(chr(39), chr(39) * 2)}'" for code in places)
    return f"{column} in ({codes})"


def load(policies: Path, bundle: Path, seeds: Path) -> Policies:
    """Read the policies.

    Args:
        policies: Folder of `roles.yml` and `rls.yml`.
        bundle: Folder of `datasets`, `charts` and `dashboards`.
        seeds: Folder of `territories.csv` and `regions.csv`.

    Raises:
        PolicyError: a file is absent, is not YAML, or lacks a field.
    """
    roles, rows = _yaml(policies / "roles.yml"), _yaml(policies / "rls.yml")
    try:
        return _policies(roles, rows, read_bundle(bundle), territories(seeds), titles(seeds))
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise PolicyError(
            f"The policies or the bundle lack something: {problem}.", "`cyberimpact superset check` says what."
        ) from None


def _policies(
    roles: Mapping[str, Any],
    rows: Mapping[str, Any],
    bundle: Bundle,
    places: Mapping[str, Mapping[str, tuple[str, ...]]],
    names: Mapping[str, str],
) -> Policies:
    reserved = roles.get("reserved") or {}
    readers = {
        name: Reader(declared.get("title", name), _datasets(name, declared["datasets"], bundle, reserved))
        for name, declared in roles["roles"].items()
    }
    of_territories = {}
    for level, declared in roles["territories"].items():
        for code, codes in places[level].items():
            name = declared["role"].format(code=code)
            datasets = _datasets(name, declared["datasets"], bundle, reserved)
            of_territories[name] = Reader(names.get(code, code), datasets, (rows["nation"], *codes), level, code)
    return Policies(
        roles={**readers, **of_territories},
        bundle=bundle,
        nation=rows["nation"],
        column=rows["column"],
        whole=frozenset(rows["whole_tables"] or {}),
        parents={table: (row["table"], row["key"]) for table, row in (rows["rows_of"] or {}).items()},
        common_tables=frozenset(roles["pages"]["common"]),
        api_tables=frozenset(roles["api"]["tables"]),
        api_roles=frozenset(roles["api"]["roles"]) | of_territories.keys(),
        page_tables={name: frozenset(tables) for name, tables in roles["pages"]["roles"].items()},
    )


def _datasets(role: str, reach: str, bundle: Bundle, reserved: Mapping[str, Any]) -> frozenset[str]:
    def opened(kind: str, slug: str) -> bool:
        openers = (reserved.get(kind) or {}).get(slug)
        return openers is None or role in openers

    shown = frozenset[str]().union(*(read for slug, read in bundle.datasets.items() if opened("dashboards", slug)))
    candidates = bundle.tables.keys() if reach == "all" else shown & bundle.tables.keys()
    return frozenset(slug for slug in candidates if opened("datasets", slug))


def territories(seeds: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, by level and code, the codes whose rows belong to a territory: its own and those of its départements.

    Raises:
        PolicyError: the seed is absent.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {level: {} for level in LEVELS}
    for row in _seed(seeds, "territories"):
        found["departement"][row["territory_code"]] = (row["territory_code"],)
        for level in ("region", "gendarmerie_region"):
            if code := row[f"{level}_code"]:
                found[level][code] = (*found[level].get(code, (code,)), row["territory_code"])
    return found


def titles(seeds: Path) -> dict[str, str]:
    """Return, by code, how people read the name of a territory: `Gironde (33)`, `Bretagne (région)`.

    Raises:
        PolicyError: a seed is absent.
    """
    departements, regions = _seed(seeds, "territories"), _seed(seeds, "regions")
    return {
        **{row["territory_code"]: f"{row['territory_name']} ({row['departement_code']})" for row in departements},
        **{row["region_code"]: f"{row['region_name']} (région)" for row in regions},
        **{row["gendarmerie_region_code"]: row["gendarmerie_region_name"] for row in regions},
    }


def _seed(seeds: Path, name: str) -> list[dict[str, str]]:
    path = seeds / f"{name}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except FileNotFoundError:
        raise PolicyError(f"The seed {path} is absent.", "Check the folder of the seeds.") from None


def read_bundle(folder: Path) -> Bundle:
    """Read which tables each dataset of the bundle reads, and which datasets each dashboard.

    Raises:
        PolicyError: a file is not YAML.
    """
    charts = {path.stem: _yaml(path)["dataset"] for path in _files(folder, "charts")}
    datasets = {path.stem: _yaml(path) for path in _files(folder, "datasets")}
    return Bundle(
        tables={slug: frozenset(read.get("reads") or [read["model"]]) for slug, read in datasets.items()},
        datasets={
            slug: datasets_of(placed, declared.get("filters") or {}, charts)
            for path in _files(folder, "dashboards")
            for declared in [_yaml(path)]
            for slug, placed in _placed(path.stem, declared)
        },
        renamed={
            f"{read['model'].partition('.')[0]}.{read['formerly']}": read["model"]
            for read in datasets.values()
            if read.keys() >= {"model", "formerly"}
        },
    )


def datasets_of(
    placed: Iterable[str], filters: Mapping[str, Mapping[str, Any]], charts: Mapping[str, str]
) -> frozenset[str]:
    """Return the datasets that a dashboard reads.

    Args:
        placed: Its charts.
        filters: Its filters as they are declared.
        charts: The dataset of each chart of the bundle.
    """
    of_charts = {charts[slug] for slug in placed if slug in charts}
    return frozenset(of_charts | {declared["dataset"] for declared in filters.values() if "dataset" in declared})


def _placed(slug: str, declared: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the dashboards that a file makes, each with its charts."""
    charts = list(_charts(declared["rows"]))
    yield slug, [HEADER, *charts]
    if "phone" in declared:
        phone = declared["phone"] or {}
        left_out, instead = phone.get("except", []), phone.get("instead", {})
        yield slug + PHONE, [HEADER, *(instead.get(chart, chart) for chart in charts if chart not in left_out)]


def _charts(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the charts of rows, those behind tabs too."""
    for row in rows:
        yield from row.get("charts", {})
        for inner in row.get("tabs", {}).values():
            yield from _charts(inner)


class CurrentPolicies:
    """The current policies, read again as soon as a file has changed."""

    def __init__(
        self,
        policies: Path = _CODE / "superset" / "policies",
        bundle: Path = _CODE / "superset" / "bundle",
        seeds: Path = _CODE / "dbt_project" / "seeds",
    ) -> None:
        self._folders = policies, bundle, seeds
        self._lock = threading.Lock()
        self._read: tuple[tuple[object, ...], Policies] | None = None

    def __call__(self) -> Policies:
        """Return the policies.

        Raises:
            PolicyError: they cannot be read.
        """
        with self._lock:
            state = self._state()
            if self._read is None or self._read[0] != state:
                self._read = state, load(*self._folders)
            return self._read[1]

    def _state(self) -> tuple[object, ...]:
        policies, bundle, seeds = self._folders
        files = [policies / "roles.yml", policies / "rls.yml", seeds / "territories.csv", seeds / "regions.csv"]
        files += [path for kind in ("charts", "datasets", "dashboards") for path in _files(bundle, kind)]
        try:
            return tuple((path, (stat := path.stat()).st_mtime_ns, stat.st_size, stat.st_ino) for path in files)
        except FileNotFoundError as problem:
            raise PolicyError(f"The file {problem.filename} is absent.", "Put it back.") from None


current = CurrentPolicies()


def _files(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / kind).rglob("*.yaml"))


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - the safe loader, in C
    except FileNotFoundError:
        raise PolicyError(f"{path} is absent.", "Check its folder.") from None
    except yaml.YAMLError:
        raise PolicyError(f"{path} is not YAML.", "Correct it.") from None
    if not isinstance(content, dict):
        raise PolicyError(f"{path} does not hold fields.", "Write it as `field: value`.")
    return content
