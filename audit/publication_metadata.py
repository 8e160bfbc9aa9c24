"""Adds to a published copy the tables that describe it: ledger, lineage, checks, runs, access log."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from audit import ledger
from audit.definitions import KpiDefinition
from audit.ledger import Entry
from audit.lineage import LineageGraph, title
from core import settings
from core.settings import Home
from core.sql import literal

#: dbt's source that declares these tables.
SOURCE = "published"
SCHEMA = "audit"

#: A KPI that reads this table has small cells to hide.
SUPPRESSION = "kpi.kpi_suppressed_cell"

#: The table of the datasets that Superset offers, and their metrics.
DATASET_METRIC = "dataset_metric"
_TABLES_OF_COPY = "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'copy'"

#: How far back readers see the ledger; the ledger itself is kept for ever.
MONTHS_SETTING, MONTHS = "CYBERIMPACT_LEDGER_MONTHS", 13
_DAYS_OF_A_MONTH = 30.44

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Table:
    """A declared table.

    Attributes:
        description: What a row is, in French.
        types: SQL type of each column, in order.
        descriptions: What each column holds, in French.
    """

    description: str
    types: Mapping[str, str]
    descriptions: Mapping[str, str]


@dataclass(frozen=True)
class PublicationMetadata:
    """What a publication adds to its copy, besides the tables of the warehouse and the ledger.

    Attributes:
        tables: The declared tables by name.
        given: Rows of the tables that come from neither warehouse nor ledger.
        labels: What a reader is shown for the code of a KPI or the name of a check.
        times: By dataset of Superset, its table and the column of its dates.
    """

    tables: Mapping[str, Table]
    given: Mapping[str, Rows] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def declared(manifest: Mapping[str, Any]) -> dict[str, Table]:
    """Return the tables that dbt's manifest declares for publication, by name."""
    return {
        source["name"]: Table(
            source["description"].strip(),
            {column["name"]: column["data_type"] for column in source["columns"].values()},
            {column["name"]: column["description"].strip() for column in source["columns"].values()},
        )
        for source in manifest["sources"].values()
        if source["source_name"] == SOURCE
    }


def lineage_rows(graph: LineageGraph, kpis: Iterable[KpiDefinition] = ()) -> list[dict[str, str | None]]:
    """Return a row of each edge for each KPI whose figures it leads to, and one of an edge that leads to none."""
    leads_to: defaultdict[tuple[str, ...], list[str | None]] = defaultdict(list)
    for definition in kpis:
        for step in definition.steps:
            leads_to[tuple(step)].append(definition.kpi["label"])
    return [
        {
            "from_layer": source.layer,
            "from_title": title(source.layer),
            "from_table": source.table,
            "from_column": source.name,
            "to_layer": target.layer,
            "to_title": title(target.layer),
            "to_table": target.table,
            "to_column": target.name,
            "kind": kind,
            "kind_title": kind.label,
            "kpi_label": label,
        }
        for source, target, kind in graph.edges
        for label in leads_to.get((source.layer, str(source), target.layer, str(target)), [None])
    ]


def add(
    copy: Path, home: Home, metadata: PublicationMetadata, known: Sequence[Entry], protected: Sequence[str]
) -> None:
    """Write the tables into a copy that nobody reads yet.

    Args:
        copy: The file.
        home: The home, whose warehouse nobody writes meanwhile.
        metadata: What is added.
        known: Every publication, this one last.
        protected: Codes of the KPIs whose former figures could give small cells away.
    """
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(str(home.warehouse))} as warehouse (read_only)")
        connection.execute(f"attach {literal(str(copy))} as copy")
        connection.execute(f"create schema if not exists copy.{SCHEMA}")
        texts = (pa.array(column, pa.string()) for column in (metadata.labels.keys(), metadata.labels.values()))
        connection.register("labels", pa.table(list(texts), ["code", "label"]))
        queries = {
            "kpi_ledger": ledger_query(known, protected),
            "check_result": """
                select built.*, built.resource_type as kind, coalesce(labels.label, built.name) as label
                from warehouse.audit.build_status as built
                left join labels on built.name = labels.code
            """,
        }
        for name, table in metadata.tables.items():
            if name in queries:
                fill(connection, name, table, queries[name])
            elif name in metadata.given:
                connection.register("given", arrow(metadata.given[name], table))
                query = (
                    first_days_query(connection, metadata.times) if name == DATASET_METRIC else "select * from given"
                )
                fill(connection, name, table, query)
                connection.unregister("given")
        connection.execute("checkpoint copy")
        connection.execute("detach copy")


def arrow(rows: Rows, table: Table) -> pa.Table:
    """Return rows as a table with the declared columns, also where there is no row."""
    return pa.table({name: pa.array([row[name] for row in rows]) for name in table.types})


def fill(connection: duckdb.DuckDBPyConnection, name: str, table: Table, query: str) -> None:
    """Create one declared table, with its descriptions."""
    target = f'copy.{SCHEMA}."{name}"'
    columns = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in table.types.items())
    connection.execute(f"create table {target} as select {columns} from ({query})")  # noqa: S608 - declared names
    connection.execute(f"comment on table {target} is {literal(table.description)}")
    for column, text in table.descriptions.items():
        connection.execute(f'comment on column {target}."{column}" is {literal(text)}')


def ledger_query(known: Sequence[Entry], protected: Sequence[str]) -> str:
    """Return the SQL of the changes that readers may see of the last months' publications; it reads `labels` too."""
    last = known[-1].published_at
    shown = [entry for entry in known if last - entry.published_at <= shown_for()]
    facts = ", ".join(
        f"({entry.sequence}, {literal(entry.publication_id)}, {literal(utc(entry.published_at))}::timestamp, "
        f"{literal(entry.facts['code_version'])})"
        for entry in shown
    )
    hidden = f"kpi_code in ({', '.join(map(literal, protected))})" if protected else "false"
    figures = ", ".join(
        f"case when not ({hidden}) then {name} end as {name}"
        for name in ("numerator", "denominator", "value", "observations")
    )
    return f"""
        select
            publication, publication_id, published_at, code_version, {", ".join(ledger.COORDINATES)}, {figures},
            {hidden} or is_suppressed is true as is_withheld, change, coalesce(labels.label, kpi_code) as kpi_label
        from {ledger.changes(shown)}
        left join labels on kpi_code = labels.code
        inner join (values {facts}) as publications (publication, publication_id, published_at, code_version)
            using (publication)
        order by all
    """  # noqa: S608 - values of our own


def first_days_query(connection: duckdb.DuckDBPyConnection, times: Mapping[str, tuple[str, str]]) -> str:
    """Return the SQL of the given datasets, each with the first day of its table where the copy has this table."""
    present = {name for (name,) in connection.execute(_TABLES_OF_COPY).fetchall()}
    days = [
        f"select {literal(dataset)} as dataset, min({column}) as day from copy.{name}"  # noqa: S608 - declared names
        for dataset, (name, column) in times.items()
        if name in present
    ]
    nothing = "select null as dataset, null as day where false"
    return f"""
        select given.* replace (first_days.day as since)
        from given
        left join ({" union all ".join([nothing, *days])}) as first_days using (dataset)
    """  # noqa: S608 - declared names


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def shown_for() -> timedelta:
    """Return how far back readers see the ledger.

    Raises:
        ExpectedFailure: the setting is no number of months.
    """
    return timedelta(days=settings.whole_number(MONTHS_SETTING, MONTHS, "months") * _DAYS_OF_A_MONTH)
