"""Writes the observations behind every KPI as immutable files, and opens them again as a small warehouse.

Of a platform whose raw tables lie in the lake nobody copies each record at each publication: evidence has the sums by
day that the KPI is rolled up from (`ByDay` in place of `ByRecord`), and the SHA-256 of the raw files.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from audit.definitions import KpiDefinition
from core import settings
from core.content_store import Store
from core.settings import Home
from core.sql import literal
from ingestion.engine import raw_lake
from privacy.pseudonyms import PSEUDONYM

#: The states of the build and of its loads, kept whole with each publication.
HISTORY = ("audit.build_status", "raw_platforms.loads")
#: Tables that evidence written by version 0.1.0 calls by another name.
_RENAMED = {"audit.build_node": "audit.build_status"}

#: The figures that records no longer give, where the warehouse has any.
ARCHIVE = "archive.kpi_value"
#: The files of the lake, where loads have listed any.
LAKE_FILES = "raw_platforms.lake_files"

#: The catalog that compiled KPIs name.
CATALOG = "warehouse"

_KEYS = ("record_key", "entity_key")
_BLOCK_BYTES = 64
#: Each month of observations, and the digest of its rows and of their types, whatever the order of the rows.
MONTHS = """
    select
        date_trunc('month', occurred_on) as month,
        md5(concat_ws(
            '-', any_value(typeof(each_row)), count(each_row), sum(md5_number_lower(each_row::varchar)),
            sum(md5_number_upper(each_row::varchar))
        ))
    from observed as each_row group by month order by month
"""
_WRITER = "(format parquet, compression zstd, row_group_size 122880)"


def store(home: Home) -> Store:
    return Store(home.evidence)


def quoted(relation: str, catalog: str = CATALOG) -> str:
    """Return a relation such as `kpi.kpi_value` with its catalog, as SQL writes it."""
    schema, _, name = relation.partition(".")
    return f'{catalog}."{schema}"."{name}"'


def write(
    connection: duckdb.DuckDBPyConnection,
    known: Mapping[str, KpiDefinition],
    evidence: Store,
    former: Mapping[str, Any] | None = None,
    held_back: Collection[str] = (),
) -> tuple[str, dict[str, Any]]:
    """Write the evidence of a publication, and return the digest of its manifest and the manifest.

    A month whose observations are those of a former publication is the same file. Bytes depend on the rows and on the
    version of DuckDB alone: fixed order, one thread, no time of writing.

    Args:
        connection: Has the warehouse attached under `CATALOG`; is left with one thread.
        known: Definition of each KPI by code.
        evidence: Where it is written.
        former: The manifest of the last publication; what has not changed since is not written again.
        held_back: Codes of the KPIs that keep the values of that publication, and so its evidence.

    Raises:
        ExpectedFailure: a record key holds a pseudonym, and the key that would replace it is absent.
    """
    connection.execute("set threads = 1")
    context = sorted({relation for definition in known.values() for relation in definition.context})
    kept = carry_over(former, held_back) if former else {}
    months = {code: kpi["months"] for code, kpi in former["kpis"].items()} if former else {}
    with evidence.staging() as staging:
        whole = (*context, *HISTORY, *present(connection, ARCHIVE, LAKE_FILES))
        manifest = {
            "context": {relation: write_table(connection, relation, evidence, staging) for relation in whole},
            "kpis": {
                code: write_kpi(connection, definition, evidence, staging, months.get(code, {}))
                for code, definition in known.items()
                if code not in kept
            }
            | kept,
        }
        return evidence.keep_json(manifest, staging), manifest


def present(connection: duckdb.DuckDBPyConnection, *relations: str) -> list[str]:
    """Return those of some tables that the warehouse has."""
    query = "select schema_name || '.' || table_name from duckdb_tables() where database_name = ?"
    there = {name for (name,) in connection.execute(query, [CATALOG]).fetchall()}
    return [relation for relation in relations if relation in there]


@dataclass(frozen=True)
class ByRecord:
    """Evidence of a KPI that keeps its observations."""

    definition: KpiDefinition

    @property
    def sql(self) -> str:
        """The SQL of what it keeps, from the warehouse."""
        return f"from {quoted(self.definition.observations)}"

    def show(self, connection: duckdb.DuckDBPyConnection, observed: str) -> None:
        """Show what it keeps under the names that the SQL of the KPI reads."""
        view(connection, self.definition.observations, observed)
        if self.definition.days:
            days = by_day(quoted(self.definition.observations), self.definition.breakdowns)
            view(connection, self.definition.days, days)


@dataclass(frozen=True)
class ByDay:
    """Evidence of a KPI that keeps a sum for each day, place and breakdown; its members are those of `ByRecord`."""

    definition: KpiDefinition

    @property
    def sql(self) -> str:
        breakdowns = [f'"{name}"' for name in self.definition.breakdowns]
        columns = ", ".join(["occurred_on", "territory_code", *breakdowns])
        key = ", ".join(["occurred_on", "territory_code", *(f"coalesce({name}, '')" for name in breakdowns)])
        sums = ", ".join(f"sum({name})::decimal(38, 6) as {name}" for name in ("numerator", "denominator"))
        return (
            f"select concat_ws('|', {key}) as record_key, {columns}, {sums}, sum(observations)::bigint as observations "  # noqa: S608
            f"from {quoted(self.definition.days)} group by {columns}"
        )

    def show(self, connection: duckdb.DuckDBPyConnection, observed: str) -> None:
        observations = self.definition.observations
        view(connection, observations, observed)
        view(connection, self.definition.days, f"select * exclude (record_key) from {quoted(observations)}")  # noqa: S608


Source = ByRecord | ByDay


def source_now(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition) -> Source:
    """Return what new evidence keeps of a KPI: sums by day where it has any and its records lie in the lake.

    The setting alone does not say so: until `cyberimpact raw move` the lake has no file of a platform that it names.
    """
    return ByDay(definition) if definition.days and _has_lake_files(connection, definition) else ByRecord(definition)


def _has_lake_files(connection: duckdb.DuckDBPyConnection, definition: KpiDefinition) -> bool:
    in_lake = raw_lake.tables()
    platforms = [in_lake[table][0].name for table in definition.raw_tables if table in in_lake]
    if not present(connection, LAKE_FILES):
        return False
    listed = f"select 1 from {quoted(LAKE_FILES)} where platform in (select unnest(?::varchar[])) limit 1"  # noqa: S608
    return bool(connection.execute(listed, [platforms]).fetchall())


def is_by_day(manifest: Mapping[str, Any], code: str) -> bool:
    """Return whether the evidence of a KPI at a publication has sums by day in place of records."""
    return manifest["kpis"][code].get("is_by_day", False)


def source_of(manifest: Mapping[str, Any], code: str, definition: KpiDefinition) -> Source:
    """Return what the evidence of a KPI at a publication keeps."""
    return ByDay(definition) if is_by_day(manifest, code) else ByRecord(definition)


def carry_over(former: Mapping[str, Any], codes: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the evidence of KPIs as a former publication has it, each with the tables that its SQL reads.

    Args:
        former: The manifest of that publication.
        codes: The KPIs; one that it does not have has no value either, and is left out.
    """
    kpis = former["kpis"]
    return {code: {"context": former["context"], **kpis[code]} for code in codes if code in kpis}


def definition_of(evidence: Store, manifest: Mapping[str, Any], code: str) -> KpiDefinition:
    """Return the definition of a KPI at a publication.

    Raises:
        ExpectedFailure: its file is gone.
        KeyError: the publication has no such KPI.
    """
    return KpiDefinition.from_json(evidence.read_json(manifest["kpis"][code]["definition"]))


def context_of(manifest: Mapping[str, Any], code: str) -> dict[str, Mapping[str, Any]]:
    """Return the reference tables that belong to the evidence of a KPI: its own where it keeps former values."""
    context = {**manifest["context"], **manifest["kpis"][code].get("context", {})}
    return {_RENAMED.get(relation, relation): entry for relation, entry in context.items()}


def write_table(connection: duckdb.DuckDBPyConnection, relation: str, evidence: Store, staging: Path) -> dict[str, Any]:
    rows = f"select * from {quoted(relation)}"  # noqa: S608 - relations of the manifest
    return write_rows(connection, rows, evidence, staging)


def write_rows(connection: duckdb.DuckDBPyConnection, rows: str, evidence: Store, staging: Path) -> dict[str, Any]:
    made = staging / "rows.parquet"
    statement = f"copy (select * from ({rows}) order by all) to {literal(str(made))} {_WRITER}"  # noqa: S608
    [(count,)] = connection.execute(statement).fetchall()
    return {"sha256": evidence.keep(made), "rows": count}


def write_kpi(
    connection: duckdb.DuckDBPyConnection,
    definition: KpiDefinition,
    evidence: Store,
    staging: Path,
    former: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    source = source_now(connection, definition)
    return {
        "definition": evidence.keep_json(definition.to_json(), staging),
        "months": write_months(connection, source.sql, evidence, staging, former),
        **({"is_by_day": True} if isinstance(source, ByDay) else {}),
    }


def write_months(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    evidence: Store,
    staging: Path,
    former: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return the observations of a KPI, one file per month.

    A month whose rows have the digest of the former publication keeps its file: the digest costs a fraction of sorting
    and compressing them.
    """
    observed(connection, f"({source} order by occurred_on)", "observed")
    months = connection.execute(MONTHS).fetchall()
    made = {}
    for month, content in months:
        kept = former.get(f"{month:%Y-%m}")
        if kept is None or kept.get("content") != content or not is_there(evidence, kept):
            kept = {**write_rows(connection, rows_of(month), evidence, staging), "content": content}
        made[f"{month:%Y-%m}"] = dict(kept)
    return made


def rows_of(month: date) -> str:
    return f"select * from observed where date_trunc('month', occurred_on) = date '{month:%Y-%m-%d}'"  # noqa: S608


def is_there(evidence: Store, entry: Mapping[str, Any]) -> bool:
    return evidence.path(entry["sha256"], ".parquet").exists()


def observed(connection: duckdb.DuckDBPyConnection, source: str, table: str) -> None:
    """Make a temporary table of observations as evidence holds them: without pseudonyms of persons.

    A key that holds a pseudonym is replaced by its HMAC-SHA-256, so that records stay distinct and can be compared from
    publication to publication, but only by who has the key of the pseudonyms.

    Raises:
        ExpectedFailure: such a key occurs, and `CYBERIMPACT_PSEUDONYM_KEY` is absent.
    """
    connection.execute(f"create or replace temp table {table} as from {source}")
    columns = {row[0] for row in connection.execute(f"describe {table}").fetchall()}
    for column in columns.intersection(_KEYS):
        personal = f"regexp_matches({column}, {literal(PSEUDONYM.pattern)})"
        [(found,)] = connection.execute(f"select count({column}) from {table} where {personal}").fetchall()  # noqa: S608
        if found:
            outer, inner = pads(settings.require("CYBERIMPACT_PSEUDONYM_KEY"))
            connection.execute(
                f"update {table} set {column} = 'h_' || {hmac_of(column)} where {personal}",  # noqa: S608
                {"outer": outer, "inner": inner},
            )


def pads(key: str) -> tuple[bytes, bytes]:
    """Return the outer and inner pad of a key (RFC 2104)."""
    secret = key.encode()
    if len(secret) > _BLOCK_BYTES:
        secret = hashlib.sha256(secret).digest()
    block = secret.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x5C for byte in block), bytes(byte ^ 0x36 for byte in block)


def hmac_of(text: str) -> str:
    """Return the SQL of the HMAC-SHA-256 of a text, in hexadecimal digits; it takes the parameters outer and inner."""
    return f"sha256($outer::blob || unhex(sha256($inner::blob || encode({text}))))"


def files(evidence: Store, months: Mapping[str, Mapping[str, Any]], chosen: Collection[str] | None = None) -> list[str]:
    """Return the paths of months of observations, all of them by default."""
    return [
        str(evidence.path(entry["sha256"], ".parquet"))
        for month, entry in months.items()
        if chosen is None or month in chosen
    ]


def missing_months(evidence: Store, months: Mapping[str, Mapping[str, Any]], chosen: Collection[str]) -> list[str]:
    """Return the chosen months whose observations are no longer there."""
    return [month for month, entry in months.items() if month in chosen and not is_there(evidence, entry)]


def months_of(first: date, last: date) -> set[str]:
    """Return the months that two days and what lies between them touch."""
    return {
        f"{year:04}-{month:02}"
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if (first.year, first.month) <= (year, month) <= (last.year, last.month)
    }


def open_evidence(
    evidence: Store, manifest: Mapping[str, Any], code: str, chosen: Collection[str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the evidence of one KPI under the names that its compiled SQL reads.

    Args:
        evidence: The store.
        manifest: What a publication wrote there.
        code: The KPI.
        chosen: Months to read, all by default.

    Raises:
        ExpectedFailure: the definition is gone.
    """
    definition = definition_of(evidence, manifest, code)
    months = manifest["kpis"][code]["months"]
    # Without a file of the chosen months, another one gives the columns.
    observed_files = files(evidence, months, chosen)
    some = observed_files or [file for file in files(evidence, months) if Path(file).exists()][:1]
    tables = {relation: [entry["sha256"]] for relation, entry in context_of(manifest, code).items()}
    connection = duckdb.connect(":memory:", config={"threads": 2})
    connection.execute(f"attach ':memory:' as {CATALOG}")
    for relation, [digest] in tables.items():
        view(connection, relation, of_files([str(evidence.path(digest, ".parquet"))]))
    if some:
        rows = of_files(some) if observed_files else f"{of_files(some)} limit 0"
        source_of(manifest, code, definition).show(connection, rows)
    return connection


def open_now(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Path,
    source: Source,
    first: date,
    last: date,
) -> None:
    """Replace opened evidence by the current tables of the warehouse: same names, same months, same keys.

    Args:
        connection: What `open_evidence` has returned.
        warehouse: The file, which nobody writes meanwhile.
        source: What the evidence keeps.
        first: A day of the first month.
        last: A day of the last month.

    Raises:
        ExpectedFailure: a record key holds a pseudonym, and the key that would replace it is absent.
    """
    connection.execute(f"detach {CATALOG}")
    # Its views name it so, and so does compiled SQL: what is needed is copied, then takes its name.
    connection.execute(f"attach {literal(str(warehouse))} as {CATALOG} (read_only)")
    connection.execute("attach ':memory:' as now")
    context = source.definition.context
    for relation in context:
        connection.execute(f'create schema if not exists now."{relation.partition(".")[0]}"')
        connection.execute(f"create table {quoted(relation, 'now')} as from {quoted(relation)}")
    of_months = (
        f"(from ({source.sql}) where occurred_on >= date_trunc('month', date '{first}') "
        f"and occurred_on < date_trunc('month', date '{last}') + interval 1 month)"
    )
    observed(connection, of_months, "now_observed")
    connection.execute(f"detach {CATALOG}")
    connection.execute(f"attach ':memory:' as {CATALOG}")
    for relation in context:
        view(connection, relation, f"from {quoted(relation, 'now')}")
    source.show(connection, "from temp.now_observed")


def by_day(observations: str, breakdowns: Iterable[str]) -> str:
    """Return the SQL of observations added up by day, place and breakdowns, as `kpi_<code>__days` has them."""
    columns = ", ".join(["occurred_on", "territory_code", *(f'"{name}"' for name in breakdowns)])
    return (
        f"select {columns}, sum(numerator) as numerator, sum(denominator) as denominator, "  # noqa: S608
        f"count(record_key) as observations from {observations} group by {columns}"
    )


def view(connection: duckdb.DuckDBPyConnection, relation: str, query: str) -> None:
    schema = relation.partition(".")[0]
    connection.execute(f'create schema if not exists {CATALOG}."{schema}"')
    connection.execute(f"create view {quoted(relation)} as {query}")


def of_files(paths: Iterable[str]) -> str:
    return f"select * from read_parquet([{', '.join(map(literal, paths))}])"  # noqa: S608 - paths of the store
