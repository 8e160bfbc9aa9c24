"""Holds back the KPIs that a failed check concerns, or blocks publication where every figure would be wrong.

A KPI that is held back keeps the values that readers have: its table is filled from the published copy, and what reads
it is built again. `audit.held_back` lists them with the reason (docs/decisions/0027-what-a-failed-check-stops.md).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from core.locks import writer_lock
from core.settings import Home
from core.sql import literal
from privacy import mask_identifiers
from privacy.pseudonyms import PSEUDONYM
from warehouse import dbt_project, published
from warehouse.databases import opened_for_reading
from warehouse.engine import engine

PASSED = ("success", "pass")
SOUND = (*PASSED, "warn", "held_back")
UNFINISHED = ("running", "pending", "skipped")
#: A node's own end; without one it waits for something else.
BLOCK, HOLD_BACK, WARN = "block", "hold_back", "warn"
SHOWN_ROWS = 5
#: Rows of one column are names, and a sentence may hold more of them.
SHOWN_NAMES = 20
SHOWN_CHARACTERS = 60

#: Names of columns that hold a key, a code, a day or a count, and never a person's words.
SAFE_COLUMN = re.compile(
    r"(_key|_id|_code|_type|_start|_on|_level|_dimension|_name|_field|_number)$"
    r"|^(problem|platform|counted|series|way|added|model|parent_motive|motive|category|contacts|n_records|occurrences|records|facts|found_records|total"
    r"|expected_total|value|numerator|denominator|observations|day)$"
)
#: What a key of a test's own columns is called when it names values and no rows.
VALUE_COLUMNS = ("value_field", "from_field", "unique_field")
#: A value that DuckDB could not convert, as its messages quote it.
TEXT_VALUE = re.compile(r"string '.*?'")
#: Decides for all KPIs of victims together; each is concerned by what its own platform sent.
SHARED_BY_VICTIM_KPIS = "kpi_victim_cell"


@dataclass(frozen=True)
class Failure:
    """A node that dbt could not build, or whose check failed.

    Attributes:
        unique_id: In the manifest.
        name: Of the model or check.
        subject: Name of the model that was checked or could not be built.
        stops: `block`, `hold_back`, or nothing: `warn`.
        kpis: Codes of the KPIs that rest on the subject; none where it only warns.
        rows: How many rows failed; None where the node ended with an error.
        examples: Rows, by key.
        message: What dbt said.
        meaning: What the rows are, as the check describes it.
    """

    unique_id: str
    name: str
    subject: str
    on_failure: str
    kpis: frozenset[str]
    rows: int | None = None
    examples: Sequence[str] = ()
    message: str = ""
    meaning: str = ""

    def __str__(self) -> str:
        if self.rows is None:
            return f"{self.name} could not be built: {self.message}"
        if self.on_failure == WARN:
            left = f" and {self.rows - len(self.examples)} more" if self.rows > len(self.examples) > 0 else ""
            return f"{self.meaning or self.name} ({self.rows}): {'; '.join(self.examples)}{left}"
        shown = "".join(f"\n    {example}" for example in self.examples)
        more = f"\n    and {self.rows - len(self.examples)} more" if self.rows > len(self.examples) > 0 else ""
        return f"{self.name}: {self.rows} rows of {self.subject} fail{':' if shown else '.'}{shown}{more}"


@dataclass(frozen=True)
class Graph:
    """The manifest as the question needs it: which KPIs rest on a model."""

    nodes: Mapping[str, Mapping[str, Any]]
    children: Mapping[str, Sequence[str]] = field(repr=False)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Graph":
        children: dict[str, list[str]] = {}
        for unique_id, node in manifest["nodes"].items():
            if node["resource_type"] == "model":
                for parent in node["depends_on"].get("nodes", ()):
                    children.setdefault(parent, []).append(unique_id)
        return cls(manifest["nodes"], children)

    def kpi(self, unique_id: str) -> Mapping[str, Any] | None:
        return dbt_project.meta(self.nodes[unique_id]).get("kpi")

    def kpi_node(self, code: str) -> Mapping[str, Any]:
        return next(
            node for uid, node in self.nodes.items() if node["resource_type"] == "model" and self.is_kpi(uid, code)
        )

    def is_kpi(self, unique_id: str, code: str) -> bool:
        return (self.kpi(unique_id) or {}).get("code") == code

    def on_failure(self, node: Mapping[str, Any]) -> str:
        """Return what the failure of a node stops: what it declares, everything where it declares nothing."""
        return dbt_project.meta(node).get("on_failure", BLOCK)

    def subjects(self, node: Mapping[str, Any]) -> list[str]:
        """Return the models that a check tests, or the model itself; reference models do not count as tested."""
        if node["resource_type"] != "test":
            return [node["unique_id"]]
        if node.get("attached_node"):
            return [node["attached_node"]]
        read = [uid for uid in node["depends_on"]["nodes"] if uid.startswith("model.")]
        return [uid for uid in read if self.nodes[uid]["fqn"][1] != "reference"] or read

    def dependent_kpis(self, subjects: Iterable[str]) -> frozenset[str]:
        """Return the first KPIs downstream of models: what reads a held-back KPI gets its former values."""
        found: set[str] = set()
        seen, waiting = set(subjects), [*subjects]
        while waiting:
            uid = waiting.pop()
            kpi = self.kpi(uid)
            if kpi:
                found.add(kpi["code"])
                continue
            for child in self.children.get(uid, ()):
                if child not in seen and not self.carries_no_figure(child):
                    seen.add(child)
                    waiting.append(child)
        return frozenset(found | self.of_the_same_victims(found))

    def carries_no_figure(self, unique_id: str) -> bool:
        node = self.nodes[unique_id]
        return node["fqn"][1] == "audit" or node["name"] == SHARED_BY_VICTIM_KPIS

    def of_the_same_victims(self, codes: set[str]) -> set[str]:
        """Return the KPIs that count the same victims: what is hidden in one must be hidden in all."""
        counting = {
            kpi["code"]: self.platforms(f"{uid}__observations")
            for uid in self.nodes
            if (kpi := self.kpi(uid)) and kpi.get("victims") and uid.startswith("model.")
        }
        own = {name for code in codes for name in counting.get(code, ())}
        return {code for code, platforms in counting.items() if platforms & own}

    def platforms(self, unique_id: str) -> set[str]:
        """Return the platforms upstream of a model."""
        found, waiting = set(), [unique_id]
        while waiting:
            node = self.nodes[waiting.pop()]
            for parent in node["depends_on"].get("nodes", ()):
                if parent.startswith("source."):
                    found.add(parent.split(".")[2])
                elif parent.startswith("model.") and not self.carries_no_figure(parent):
                    waiting.append(parent)
        return found - {"reference"}

    def readers(self, codes: Iterable[str]) -> set[str]:
        """Return the models downstream of KPIs."""
        seen: set[str] = set()
        waiting = [self.kpi_node(code)["unique_id"] for code in codes]
        while waiting:
            for child in self.children.get(waiting.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return seen


def states(database: Path) -> dict[str, str]:
    """Return the status of each node of the last builds, by unique id."""
    with opened_for_reading(database) as connection:
        return dict(connection.execute("select unique_id, status from audit.build_status").fetchall())


def failures(graph: Graph, database: Path, results: Iterable[Mapping[str, Any]]) -> list[Failure]:
    """Return what failed in an invocation of dbt, or only warns, with the rows.

    Args:
        graph: The project.
        database: The file that was built.
        results: `run_results.json` of the invocation.
    """
    ended = states(database)
    found = []
    with opened_for_reading(database) as connection:
        for result in results:
            node = graph.nodes.get(result["unique_id"])
            if node and ended.get(result["unique_id"], "pass") not in (*PASSED, *UNFINISHED):
                found.append(failure(graph, node, result, connection))
    return found


def failure(
    graph: Graph, node: Mapping[str, Any], result: Mapping[str, Any], connection: duckdb.DuckDBPyConnection
) -> Failure:
    subjects = graph.subjects(node)
    rows = Rows() if node["resource_type"] != "test" else failed_rows(graph, node, result, connection)
    if rows.models:
        subjects = [uid for uid in subjects if graph.nodes[uid]["name"] in rows.models] or subjects
    return Failure(
        unique_id=node["unique_id"],
        name=node["name"],
        subject=", ".join(sorted(graph.nodes[uid]["name"] for uid in subjects)),
        on_failure=graph.on_failure(node),
        kpis=frozenset() if graph.on_failure(node) == WARN else rows.kpis or graph.dependent_kpis(subjects),
        rows=result.get("failures") if result["status"] in ("fail", "warn") else None,
        examples=rows.examples,
        message=mask_identifiers(TEXT_VALUE.sub("string '…'", (result.get("message") or result["status"]).strip())),
        meaning=" ".join((node.get("description") or "").split()).rstrip("."),
    )


@dataclass(frozen=True)
class Rows:
    """What the rows of a failed check say.

    Attributes:
        examples: The first ones, in words.
        kpis: The KPIs that they name, where each row names one.
        models: The models that they name, likewise.
    """

    examples: Sequence[str] = ()
    kpis: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()


def failed_rows(
    graph: Graph, node: Mapping[str, Any], result: Mapping[str, Any], connection: duckdb.DuckDBPyConnection
) -> Rows:
    """Return the rows of a failed check; none where its query fails."""
    query = result.get("compiled_code")
    if not query:
        return Rows()
    with suppress(duckdb.Error):
        relation = connection.sql(query)
        columns = relation.columns

        def named(column: str) -> frozenset[str]:
            if column not in columns:
                return frozenset()
            values = [value for (value,) in relation.select(column).distinct().fetchall()]
            return frozenset() if None in values else frozenset(values)

        shown = examples(by_key(graph, node, query, columns, connection) or relation)
        return Rows(shown, named("kpi_code"), named("model_name"))
    return Rows()


def by_key(
    graph: Graph, node: Mapping[str, Any], query: str, columns: Sequence[str], connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation | None:
    """Return the keys of the rows that a check of one column refuses, where it gives values and no rows."""
    column, subject = node.get("column_name"), node.get("attached_node")
    if not column or not subject:
        return None
    model = graph.nodes[subject]
    keys = key_columns(graph, subject)
    if not keys:
        return None
    table = f'"{model["schema"]}"."{model["alias"] if model.get("alias") else model["name"]}"'
    value = next((name for name in VALUE_COLUMNS if name in columns), None)
    where = f"{column} in (select {value} from ({query}))" if value else f"{column} is null"  # noqa: S608
    listed = ", ".join(dict.fromkeys([*keys, column]))
    return connection.sql(f"select {listed} from {table} where {where}")  # noqa: S608 - names of the manifest


def key_columns(graph: Graph, subject: str) -> list[str]:
    """Return the columns whose values a check requires to be unique."""
    for test in graph.nodes.values():
        if test.get("attached_node") == subject and test["resource_type"] == "test":
            kind, arguments = test["test_metadata"]["name"], test["test_metadata"]["kwargs"]
            if kind == "unique":
                return [test["column_name"]]
            if kind == "unique_combination":
                return arguments["columns"]
    return []


def examples(relation: duckdb.DuckDBPyRelation) -> list[str]:
    """Return the first rows in words: keys, codes and counts, never what a person wrote."""
    shown = [name for name in relation.columns if SAFE_COLUMN.search(name)] or relation.columns[:1]
    first = relation.select(", ".join(f'"{name}"' for name in shown))
    rows = first.limit(SHOWN_ROWS if len(shown) > 1 else SHOWN_NAMES).fetchall()
    if len(shown) == 1:
        return [harmless(value) for (value,) in rows]
    return [
        ", ".join(f"{name} {harmless(value)}" for name, value in zip(shown, row, strict=True) if value is not None)
        for row in rows
    ]


def harmless(value: Any) -> str:
    """Return a value without what identifies a person, and no longer than a key is."""
    return mask_identifiers(PSEUDONYM.sub("p_…", str(value)))[:SHOWN_CHARACTERS]


def hold_back(home: Home, graph: Graph, found: Sequence[Failure], database: Path) -> None:
    """Give the KPIs that failures concern the values that readers have, and write down why.

    Args:
        home: The home.
        graph: The project.
        found: Failures that hold back.
        database: The file that was built.
    """
    with (
        writer_lock(database),
        published.pinned(home, published.DAILY) as copy,
        duckdb.connect(str(database)) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        if copy:
            connection.execute(f"attach {literal(str(copy))} as former (read_only)")
        connection.begin()
        for failure in found:
            node = graph.nodes[failure.unique_id]
            if node["resource_type"] == "model":
                engine().ensure_table(connection, node)
            for code in sorted(failure.kpis):
                kpi = graph.kpi_node(code)
                keep_former(connection, kpi, has_former=copy is not None)
                record_held_back(connection, kpi, failure, former_values_of(connection, code) if copy else None)
        connection.commit()


def keep_former(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], *, has_former: bool) -> None:
    """Fill the table of a KPI from the published copy; without one it is empty: no value is better than a wrong one."""
    is_known = has_former and has_column(connection, node["name"], "kpi_code")
    engine().ensure_table(connection, node)
    engine().fill(connection, node, f'from former."{node["schema"]}"."{node["name"]}"' if is_known else None)


def has_column(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Return whether the published copy, which an older version may have made, has a column."""
    found = connection.execute(
        "select 1 from duckdb_columns() where database_name = 'former' and table_name = ? and column_name = ?",
        [table, column],
    )
    return found.fetchone() is not None


def former_values_of(connection: duckdb.DuckDBPyConnection, code: str) -> datetime | None:
    """Return when the current values of a KPI were published; the date stays while it is held back."""
    kept = None
    if has_column(connection, "kpi_catalogue", "values_of"):
        query = "select any_value(values_of) from former.kpi.kpi_catalogue where kpi_code = ?"
        kept = connection.execute(query, [code]).fetchone()
    if kept and kept[0]:
        return kept[0]
    last = connection.execute("select cast(published_at as timestamp) from former.audit.publication").fetchone()
    return last[0] if last else None


def record_held_back(
    connection: duckdb.DuckDBPyConnection, kpi: Mapping[str, Any], failure: Failure, values_of: datetime | None
) -> None:
    """Record that a KPI is held back, by which check, and the date of its values."""
    code, kpi_id = dbt_project.meta(kpi)["kpi"]["code"], kpi["unique_id"]
    connection.execute("delete from audit.held_back where kpi_code = ? and check_id = ?", [code, failure.unique_id])
    connection.execute(
        "insert into audit.held_back values (?, ?, ?, ?, ?, ?, ?)",
        [code, kpi_id, failure.unique_id, failure.name, failure.subject, failure.rows, values_of],
    )


def models_to_build(graph: Graph, database: Path) -> set[str]:
    """Return the models and seeds that dbt has skipped or never reached."""
    waiting = (uid for uid, status in states(database).items() if status in UNFINISHED and uid in graph.nodes)
    return {uid for uid in waiting if graph.nodes[uid]["resource_type"] != "test"}


def checks_to_run(graph: Graph, database: Path, found: Sequence[Failure]) -> list[str]:
    """Return the checks of what was built since they last ran.

    Those of a KPI that is held back are left out. A model that could not be built is checked once its failure is known.

    Args:
        graph: The project.
        database: The file that was built.
        found: Failures that are known.
    """
    known = states(database)
    kept = {graph.kpi_node(code)["unique_id"] for failure in found for code in failure.kpis}
    usable = {uid for uid, status in known.items() if status in SOUND} | {failure.unique_id for failure in found}
    return sorted(
        uid
        for uid, status in known.items()
        if status in UNFINISHED
        and uid in graph.nodes
        and graph.nodes[uid]["resource_type"] == "test"
        and graph.nodes[uid].get("attached_node") not in kept
        and usable.issuperset(parent for parent in graph.nodes[uid]["depends_on"]["nodes"] if parent in known)
    )


def settle(graph: Graph, database: Path, found: Sequence[Failure]) -> None:
    """Mark what has failed as held back, so that the rest can be published.

    A check that passes once its KPIs have their former values holds them back all the same.
    """
    held = {code for failure in found for code in failure.kpis}
    kept = [graph.kpi_node(code)["unique_id"] for code in held]
    checks = [uid for uid, node in graph.nodes.items() if node.get("attached_node") in kept]
    with writer_lock(database), duckdb.connect(str(database)) as connection:
        connection.begin()
        connection.execute(
            "update audit.build_status set status = 'held_back' where unique_id in (select unnest(?))"
            " or (unique_id in (select unnest(?)) and status not in (select unnest(?)))",
            [[failure.unique_id for failure in found], [*kept, *checks], [*SOUND]],
        )
        connection.execute(
            "delete from audit.held_back where check_id not in"
            " (select unique_id from audit.build_status where status = 'held_back')"
        )
        connection.commit()


class Held(NamedTuple):
    """Why a KPI is held back, and when the values that it shows were published; None where it shows none."""

    code: str
    check: str
    subject: str
    rows: int | None
    values_of: datetime | None

    def __str__(self) -> str:
        counted = f"{self.rows} rows of {self.subject}" if self.rows is not None else self.subject
        shown = f"readers keep the values of {self.values_of:%Y-%m-%d}" if self.values_of else "readers see no value"
        return f"{self.code} is held back by the check {self.check} ({counted}): {shown}."


def held_back(database: Path) -> list[Held]:
    """Return the KPIs that the last build has held back."""
    with opened_for_reading(database) as connection:
        query = "select kpi_code, check_name, subject, rows, values_of from audit.held_back order by all"
        return [Held(*row) for row in connection.execute(query).fetchall()]
