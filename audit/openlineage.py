"""Exports column lineage as OpenLineage events, to a file or to a lineage server.

Source: OpenLineage 2-0-2, https://openlineage.io/spec/. One `JobEvent` per table, as lineage is of code, not of a run.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from openlineage.client.event_v2 import InputDataset, Job, JobEvent, OutputDataset, set_producer
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset
from openlineage.client.serde import Serde
from openlineage.client.transport.http import HttpConfig, HttpTransport
from requests import RequestException

from audit.lineage import Column, LineageGraph
from core.errors import ExpectedFailure
from core.files import write_text

NAMESPACE = "cyberimpact"
PRODUCER = "urn:cyberimpact:audit"

#: Type and description of a column, by table and name.
Described = Mapping[tuple[str, str], tuple[str, str]]

Table = tuple[str, str]


def dataset_name(table: Table) -> str:
    """Return the OpenLineage name of a table; a prefix marks what is not in the warehouse."""
    layer, name = table
    return f"{layer}/{name}" if layer in ("platform", "dataset", "metric", "chart", "dashboard") else name


def events(graph: LineageGraph, described: Described, at: datetime) -> Iterator[JobEvent]:
    """Yield one event per table that has upstream tables.

    Args:
        graph: The edges.
        described: What is known of columns of the published copy.
        at: When the lineage was published, with its time zone.
    """
    set_producer(PRODUCER)
    upstream: defaultdict[Table, defaultdict[str, list[Column]]] = defaultdict(lambda: defaultdict(list))
    columns: defaultdict[Table, set[str]] = defaultdict(set)
    for source, target in graph.edges:
        upstream[target[:2]][target.name].append(source)
        columns[source[:2]].add(source.name)
        columns[target[:2]].add(target.name)
    for table in sorted(upstream):
        read = sorted({column[:2] for sources in upstream[table].values() for column in sources})
        yield JobEvent(
            eventTime=at.isoformat(),
            job=Job(namespace=NAMESPACE, name=dataset_name(table)),
            inputs=[
                InputDataset(
                    namespace=NAMESPACE,
                    name=dataset_name(source),
                    facets={"schema": schema(source, columns[source], described)},
                )
                for source in read
            ],
            outputs=[
                OutputDataset(
                    namespace=NAMESPACE,
                    name=dataset_name(table),
                    facets={
                        "schema": schema(table, columns[table], described),
                        "columnLineage": column_lineage(upstream[table]),
                    },
                )
            ],
        )


def schema(table: Table, columns: Iterable[str], described: Described) -> schema_dataset.SchemaDatasetFacet:
    fields = []
    for name in sorted(columns):
        kind, description = described.get((table[1], name), (None, None))
        fields.append(schema_dataset.SchemaDatasetFacetFields(name=name, type=kind, description=description))
    return schema_dataset.SchemaDatasetFacet(fields=fields)


def column_lineage(upstream: Mapping[str, Iterable[Column]]) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            name: column_lineage_dataset.Fields(
                inputFields=[
                    column_lineage_dataset.InputField(
                        namespace=NAMESPACE, name=dataset_name(source[:2]), field=source.name
                    )
                    for source in sources
                ]
            )
            for name, sources in sorted(upstream.items())
        }
    )


def as_json(event: JobEvent) -> dict:
    """Return an event as the specification writes it."""
    return Serde.to_dict(event)


def write(found: Iterable[JobEvent], file: Path) -> int:
    """Write one event a line, and return their number.

    Raises:
        ExpectedFailure: the file cannot be written.
    """
    lines = [json.dumps(as_json(event), ensure_ascii=False, sort_keys=True) for event in found]
    write_text(file, "".join(f"{line}\n" for line in lines))
    return len(lines)


def send(found: Iterable[JobEvent], url: str) -> int:
    """Send the events to a server that speaks OpenLineage, at `<url>/api/v1/lineage`, and return their number.

    Raises:
        ExpectedFailure: the server does not answer, or refuses.
    """
    transport = HttpTransport(HttpConfig(url=url, retry={"total": 2, "backoff_factor": 0.3}))
    sent = 0
    try:
        for event in found:
            transport.emit(event)
            sent += 1
    except RequestException as problem:
        raise ExpectedFailure(
            f"Le serveur {url} n'a pas reçu l'événement n° {sent + 1} : {type(problem).__name__}.",
            "Vérifiez son adresse et qu'il répond ; la commande peut être relancée.",
        ) from None
    return sent
