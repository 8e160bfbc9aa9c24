"""Which seeds, models and checks of the daily target have news: what differs from their last sound build.

The fingerprint of a node stands for all that its table is made of: its code with the macros and modules behind it, the
rows of the sources that it reads, the day where it depends on the day, and the fingerprints of its parents. A table in
the warehouse keeps those of sound builds; dbt's start hook removes those of what it begins, so that a build that is
killed, fails or is made by hand leaves none. Where it is unsure a node has news (docs/decisions/0036-what-has-news.md).
"""

import ast
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from core import clock, settings
from core.errors import ExpectedFailure
from core.locks import writer_lock
from core.settings import Home
from core.sql import literal
from ingestion.engine.load_log import collect_loads
from warehouse import dbt_project, operations_database, published
from warehouse.databases import opened_for_reading
from warehouse.engine import engine

NOTHING = "Nothing has changed since the last sound build: nothing was built."

#: The kinds of nodes that `audit.build_status` has a row of.
KINDS = ("seed", "model", "snapshot", "test")
#: How a node ended whose table is what its fingerprint says.
GOOD = ("success", "pass", "warn")

#: What of a node in the manifest its table, the descriptions in it included, or the outcome of a check is made of.
CODE = (
    *("resource_type", "name", "schema", "alias", "fqn", "language", "raw_code", "config", "description", "columns"),
    *("constraints", "contract", "group", "access", "attached_node", "column_name", "test_metadata"),
)
#: Files on which every node depends.
EVERYWHERE = (
    *("requirements/platform.lock", "dbt_project/dbt_project.yml", "dbt_project/profiles.yml"),
    *("warehouse/dbt_own_tables.py", "warehouse/dbt_decisions.py", "warehouse/dbt_published_copy.py"),
)
#: The packages that Python models import.
PACKAGES = ("analytics", "privacy", "core")

#: Tables of `audit` that tell what was built, and the folders of what else a publication shows.
RECORDS = ("build_status", "build_fingerprint", "held_back")
SHOWING_FILES = (".py", ".yml", ".sql", ".csv", ".md")
SHOWING = ("assets", "audit", "dbt_project", "ingestion", "superset/bundle", "superset/supersync", "warehouse")

WORD = re.compile(r"[A-Za-z_]\w*")
#: What dispatch puts before the name of a macro.
ENGINE = re.compile(r"^(default|duckdb|spark|lake)__")
TODAY = "paris_today"
DAY = re.compile(rf"\b({TODAY}|current_date)\b|\btoday\(\)")
CLOCK = re.compile(r"\b(current_timestamp|localtimestamp|run_started_at)\b|\bnow\(")
GRAPH = re.compile(r"\bgraph\.(nodes|sources)\b")
VARIABLE = re.compile(r"env_var\(\s*['\"](\w+)")
#: In the code of a model, the macro that names a table which is neither model nor source.
OTHER_TABLES = {"archived_kpis": ("archive", "kpi_value"), "held_back_kpis": ("audit", "held_back")}
#: In `meta` of a model that reads the clock: the condition by which a row of its own shows that time has gone on.
OUTDATED_WHEN = "outdated_when"


@dataclass(frozen=True)
class News:
    """What has news.

    Attributes:
        fingerprints: Of each node of the target, parents first.
        parents: The nodes that each node reads.
        stale: What is to be built or checked: what has news itself, and everything downstream.
        ends: How and when each node had ended by then.
        began: When the look began, in seconds since the epoch.
    """

    fingerprints: Mapping[str, str]
    parents: Mapping[str, list[str]]
    stale: frozenset[str]
    ends: Mapping[str, tuple]
    began: float


def look(home: Home) -> News:
    """Collect the loads, and return what has news.

    Raises:
        ExpectedFailure: dbt cannot parse the project.
    """
    began = time.time()
    collect_loads()
    manifest = dbt_project.read_manifest()
    nodes = tracked(manifest)
    parents = {uid: [other for other in reads(node) if other in nodes] for uid, node in nodes.items()}
    with opened_for_reading(home.warehouse) as connection:
        warehouse = Warehouse(home, manifest, connection)
        code = Code(manifest)
        fingerprints: dict[str, str] = {}
        for uid in TopologicalSorter(parents).static_order():
            own = code.of(nodes[uid]), [warehouse.state(name) for name in code.read_by(nodes[uid])]
            fingerprints[uid] = digest(code.everywhere, own, [fingerprints[other] for other in parents[uid]])
        known, good, held = warehouse.fingerprints(), warehouse.good(), warehouse.held_back()
        stale: set[str] = set()
        for uid, fingerprint in fingerprints.items():
            if (
                known.get(uid) != fingerprint
                or uid not in good
                or uid in held
                or not stale.isdisjoint(parents[uid])
                or warehouse.is_outdated(nodes[uid], reads_clock=code.reads_clock(nodes[uid]))
            ):
                stale.add(uid)
        return News(fingerprints, parents, frozenset(stale), ends_of(connection), began)


def record(home: Home, news: News) -> None:
    """Keep the fingerprints of what was built soundly since a look.

    Not kept is that of a table whose parents are not what their own fingerprints say. None is kept where code was
    written meanwhile: what was built may be of another state, even if the code is now what it was.
    """
    with writer_lock(home.warehouse), duckdb.connect(str(home.warehouse)) as connection:
        ends = ends_of(connection)
        built = {uid for uid, end in ends.items() if end != news.ends.get(uid)}
        if not built:
            return  # dbt stopped before it began
        held = {uid for (uid,) in connection.execute("select kpi_id from audit.held_back").fetchall()}
        sound: set[str] = set()
        for uid in news.fingerprints:
            has_ended_well = uid in ends and ends[uid][0] in GOOD and uid not in held
            if has_ended_well and (uid in built or uid not in news.stale) and sound.issuperset(news.parents[uid]):
                sound.add(uid)
        kept = [] if code_written_since(news.began) else sorted(sound & built)
        connection.begin()
        # What was to be built and was not, as in a build of a part, is not what its fingerprint says any more.
        gone = sorted(news.stale | built)
        connection.execute("delete from audit.build_fingerprint where unique_id in (select unnest(?))", [gone])
        connection.execute(
            "insert into audit.build_fingerprint select unnest(?), unnest(?)",
            [kept, [news.fingerprints[uid] for uid in kept]],
        )
        connection.commit()


def code_written_since(moment: float) -> bool:
    """Return whether a file of the code behind the nodes was written since a moment, in seconds since the epoch."""
    folders = (dbt_project.PROJECT_DIR, *(settings.CODE / package for package in PACKAGES))
    files = chain.from_iterable(folder.rglob("*") for folder in folders)
    everywhere = (settings.CODE / name for name in EVERYWHERE)
    # The time of the inode changes where a tool writes a file and gives it its former time back.
    return any(
        file.stat().st_ctime >= moment for file in chain(files, everywhere) if file.suffix != ".pyc" and file.is_file()
    )


def publication_state(home: Home) -> str | None:
    """Return what stands for all that a publication shows: what was built, and the code that adds to it.

    What a copy tells of runs, checks and accesses is left out: it is as old as the copy. None where nobody knows what
    was built.
    """
    query = "select cast(sum(hash(r)) as varchar) from audit.{} as r"
    try:
        with opened_for_reading(home.warehouse) as connection:
            rows = [connection.execute(query.format(table)).fetchall() for table in RECORDS]
    except duckdb.Error:
        return None
    files = chain.from_iterable((settings.CODE / folder).rglob("*") for folder in SHOWING)
    return digest(rows, [[str(file), hash_of(file)] for file in sorted(files) if file.suffix in SHOWING_FILES])


def write_selection(folder: Path, chosen: Iterable[str]) -> list[str]:
    """Return the options by which dbt takes nodes and no other, given by unique id.

    A thousand names as arguments take dbt a minute: it compares each with each. The results of a former invocation it
    compares by unique id.
    """
    result: dict[str, Any] = {
        "status": "skipped",
        "timing": [],
        "thread_id": "",
        "execution_time": 0.0,
        "adapter_response": {},
    }
    result |= dict.fromkeys(("message", "failures", "compiled", "compiled_code", "relation_name"))
    results = {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"},
        "results": [{**result, "unique_id": uid} for uid in sorted(chosen)],
        "elapsed_time": 0.0,
        "args": {},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run_results.json").write_text(json.dumps(results))
    return ["--select", "result:skipped", "--state", str(folder), "--indirect-selection", "empty"]


def ends_of(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple]:
    """Return status, invocation and time of the end of each node; none before dbt's start hook has made the table."""
    try:
        rows = connection.execute("select unique_id, status, invocation_id, finished_at from audit.build_status")
    except duckdb.CatalogException:
        return {}
    return {uid: tuple(end) for uid, *end in rows.fetchall()}


def tracked(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the nodes of the daily target by unique id, as the macro `tracked_nodes` has them."""
    nodes = {uid: node for uid, node in manifest["nodes"].items() if node["resource_type"] in KINDS}
    live = {uid for uid, node in nodes.items() if dbt_project.target_of(node) == dbt_project.LIVE}
    return {uid: node for uid, node in nodes.items() if live.isdisjoint((uid, *reads(node)))}


def reads(node: Mapping[str, Any]) -> list[str]:
    return sorted(node["depends_on"].get("nodes", ()))


def table_of(node: Mapping[str, Any]) -> tuple[str, str]:
    return node["schema"], node.get("alias") or node["name"]


def hash_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def digest(*parts: Any) -> str:
    """Return the SHA-256 of values that JSON has."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class Code:
    """The code behind the nodes of a manifest, as it is now."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest
        self._macros: dict[str, str] = {}
        ours, others = [], set()
        for macro in manifest["macros"].values():
            if macro["package_name"] == manifest["metadata"]["project_name"]:
                ours.append((macro["name"], macro["macro_sql"]))
            else:
                others.add(macro["name"])
        for name, text in sorted(ours):
            plain = ENGINE.sub("", name)
            self._macros[plain] = self._macros.get(plain, "") + text
        #: What a macro of ours replaces in dbt itself no code names.
        replaced = [text for name, text in sorted(ours) if name in others]
        files = [hash_of(settings.CODE / name) for name in EVERYWHERE]
        self.everywhere = digest(engine().name, replaced, files)

    def of(self, node: Mapping[str, Any]) -> str:
        """Return a hash of the code of a node and of all that stands behind it, and of the day where it reads that."""
        text = self._text(node)
        macros = self._macros_in(text)
        parts = [{name: node.get(name) for name in CODE}, macros]
        everything = "\n".join((text, *macros.values()))
        if node["resource_type"] == "seed":
            parts.append(hash_of(dbt_project.PROJECT_DIR / node["original_file_path"]))
        if node.get("language") == "python":
            parts.append(self._modules.behind(node["raw_code"]))
        if GRAPH.search(everything):
            parts.append(self._graph)
        if DAY.search(everything) or (node["resource_type"] == "test" and self.reads_clock(node)):
            parts.append([clock.today(), clock.now().date()])  # in Paris, and in UTC as DuckDB has it
        parts.append({name: os.environ.get(name) for name in sorted(VARIABLE.findall(everything))})
        return digest(parts)

    def reads_clock(self, node: Mapping[str, Any]) -> bool:
        """Return whether the result of a node depends on the instant, not only on the day."""
        text = self._text(node)
        bodies = (body for name, body in self._macros_in(text).items() if name != TODAY)
        return any(CLOCK.search(part) for part in (text, *bodies))

    def read_by(self, node: Mapping[str, Any]) -> Iterator[str]:
        """Yield what a node reads beside its parents: ids of sources, and names of what the manifest does not know."""
        yield from (uid for uid in reads(node) if uid in self._manifest["sources"])
        text = self._text(node)
        macros = self._macros_in(text)
        yield from (name for name in OTHER_TABLES if name in macros)
        if node.get("language") == "python" and "feeling_models" in text:
            yield "feeling_models"

    def _text(self, node: Mapping[str, Any]) -> str:
        """Return the code of a node, with what of its configuration may be code."""
        config = {name: value for name, value in node["config"].items() if name != "meta"}
        return f"{node.get('raw_code')}\n{json.dumps([config, node.get('test_metadata')])}"

    def _macros_in(self, text: str) -> dict[str, str]:
        """Return the macros of ours that a text names, and those that they name, with their code."""
        found: dict[str, str] = {}
        waiting = [text]
        while waiting:
            for name in set(WORD.findall(waiting.pop())) & self._macros.keys() - found.keys():
                found[name] = self._macros[name]
                waiting.append(found[name])
        return dict(sorted(found.items()))

    @cached_property
    def _graph(self) -> str:
        """A hash of what macros that read dbt's graph may read of it."""
        nodes = {uid: n for uid, n in self._manifest["nodes"].items() if n["resource_type"] in ("model", "seed")}
        return digest({uid: [n["fqn"], n["tags"], dbt_project.meta(n), reads(n)] for uid, n in nodes.items()})

    @cached_property
    def _modules(self) -> "Modules":
        return Modules()


class Modules:
    """The source files of the packages that Python models import; each is read once."""

    def __init__(self) -> None:
        self._imports: dict[Path, frozenset[Path]] = {}
        self._hashes: dict[Path, str] = {}

    def behind(self, code: str) -> dict[str, str]:
        """Return a hash of each module behind a text of Python, and of the data files beside them, by path."""
        found: set[Path] = set()
        waiting = set(self._imported(code))
        while waiting:
            module = waiting.pop()
            found.add(module)
            waiting |= self._imports_of(module) - found
        data = {file for folder in {module.parent for module in found} for file in self._data(folder)}
        return {str(file.relative_to(settings.CODE)): self._hash(file) for file in sorted(found | data)}

    def _imports_of(self, module: Path) -> frozenset[Path]:
        if module not in self._imports:
            self._imports[module] = frozenset(self._imported(module.read_text(encoding="utf-8")))
        return self._imports[module]

    def _imported(self, code: str) -> Iterator[Path]:
        """Yield the files of ours that a text imports, those of the packages around them included."""
        for statement in ast.walk(ast.parse(code)):
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                names = [f"{statement.module}.{alias.name}" for alias in statement.names]
            else:
                continue
            for parts in (name.split(".") for name in names):
                if parts[0] in PACKAGES:
                    for length in range(1, len(parts) + 1):
                        place = settings.CODE.joinpath(*parts[:length])
                        yield from filter(Path.is_file, (place.with_suffix(".py"), place / "__init__.py"))

    def _data(self, folder: Path) -> Iterator[Path]:
        files = (Path(base) / name for base, _, names in os.walk(folder) for name in names)
        return (file for file in files if file.suffix not in (".py", ".pyc", ".md"))

    def _hash(self, file: Path) -> str:
        if file not in self._hashes:
            self._hashes[file] = hash_of(file)
        return self._hashes[file]


class Warehouse:
    """The warehouse and the other files that the daily target reads, as they are now.

    Args:
        home: The home.
        manifest: dbt's manifest.
        connection: The warehouse, for reading.
    """

    def __init__(self, home: Home, manifest: Mapping[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
        self._home = home
        self._manifest = manifest
        self._connection = connection
        self._states: dict[str, Any] = {}
        self._columns: dict[tuple[str, str, str], set[str]] = {}
        [(self._catalog,)] = connection.execute("select current_database()").fetchall()
        live = published.current(home, published.LIVE)
        if live:
            connection.execute(f"attach {literal(str(live))} as {published.LIVE.catalog} (read_only)")
        query = "select database_name, schema_name, table_name, column_name from duckdb_columns()"
        for *table, column in connection.execute(query).fetchall():
            self._columns.setdefault((table[0], table[1], table[2]), set()).add(column)

    def state(self, name: str) -> Any:
        """Return what stands for the rows of a source, or of what else a node reads, in any order."""
        if name not in self._states:
            self._states[name] = self._state(name)
        return self._states[name]

    def _state(self, name: str) -> Any:
        if name in OTHER_TABLES:
            return self._rows(self._catalog, *OTHER_TABLES[name])
        if name == "feeling_models":
            return str((self._home.feeling_models / "current").resolve().name)
        source = self._manifest["sources"][name]
        if source["source_name"] == "decisions":
            return self._decided(source)
        if source["source_name"] == "live_copy":
            return self._of_live_copy(source["name"])
        return self._rows(self._catalog, source["schema"], source["identifier"])

    def _rows(self, catalog: str, schema: str, table: str) -> Any:
        """Return the number of rows and the sum of their hashes; a table that is not there has no row."""
        columns = self._columns.get((catalog, schema, table))
        if not columns:
            return [0, "0"]
        # A load gives each row that it writes an identifier of its own, and replaces a row instead of changing it.
        row = "r._dlt_id, r._dlt_load_id" if {"_dlt_id", "_dlt_load_id"} <= columns else "r"
        query = f'select count(*), coalesce(sum(hash({row})), 0) from {catalog}."{schema}"."{table}" as r'  # noqa: S608
        [(rows, hashes)] = self._connection.execute(query).fetchall()
        return [rows, str(hashes)]

    def _of_live_copy(self, table: str) -> Any:
        """Return the rows of a table in the published live copy, where it may still have its former name."""
        model = next(node for node in self._manifest["nodes"].values() if node["name"] == table)
        names = {table, dbt_project.meta(model).get("formerly")}
        held = sorted(key for key in self._columns if key[0] == published.LIVE.catalog and key[2] in names)
        return [[name, self._rows(catalog, schema, name)] for catalog, schema, name in held]

    def _decided(self, source: Mapping[str, Any]) -> Any:
        try:
            rows = operations_database.rows(self._home, source["name"], list(source["columns"]))
        except ExpectedFailure as failure:
            return str(failure)
        return sorted(digest(row) for row in rows)

    def fingerprints(self) -> dict[str, str]:
        return dict(self._of_audit("build_fingerprint", "unique_id, fingerprint"))

    def good(self) -> set[str]:
        """Return the nodes that ended well and whose table, if they have one, is there."""
        tables = {(schema, table) for catalog, schema, table in self._columns if catalog == self._catalog}
        found = set()
        for uid, (status, *_) in ends_of(self._connection).items():
            node = self._manifest["nodes"].get(uid)
            if node and status in GOOD and (node["resource_type"] == "test" or table_of(node) in tables):
                found.add(uid)
        return found

    def held_back(self) -> set[str]:
        return set(chain.from_iterable(self._of_audit("held_back", "kpi_id")))

    def is_outdated(self, node: Mapping[str, Any], *, reads_clock: bool) -> bool:
        """Return whether time alone has made the table of a model another one; unknown, it has."""
        if node["resource_type"] == "test" or not reads_clock:
            return False
        condition = dbt_project.meta(node).get(OUTDATED_WHEN)
        if condition is None:
            return True
        schema, table = table_of(node)
        query = f'select 1 from "{schema}"."{table}" where {condition} limit 1'  # noqa: S608 - names of the manifest
        return bool(self._connection.execute(query).fetchall())

    def _of_audit(self, table: str, columns: str) -> list[tuple]:
        """Return rows of a table that dbt's start hook makes; none before it has."""
        if (self._catalog, "audit", table) not in self._columns:
            return []
        return self._connection.execute(f"select {columns} from audit.{table}").fetchall()  # noqa: S608 - ours
