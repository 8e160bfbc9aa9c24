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

from audit.lineage import ROWS, Column, Edge, Kind, LineageGraph
from core.errors import ExpectedFailure
from core.files import write_text

NAMESPACE = "cyberimpact"
PRODUCER = "urn:cyberimpact:audit"

#: Type and subtype of each kind of edge.
TRANSFORMATIONS = {
    Kind.VALUE: ("DIRECT", None),
    Kind.CONDITION: ("INDIRECT", "FILTER"),
    Kind.JOIN: ("INDIRECT", "JOIN"),
    Kind.GROUP: ("INDIRECT", "GROUP_BY"),
    Kind.COUNT: ("INDIRECT", None),
}

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
    upstream: defaultdict[Table, list[Edge]] = defaultdict(list)
    columns: defaultdict[Table, set[str]] = defaultdict(set)
    for edge in graph.edges:
        upstream[edge.target[:2]].append(edge)
        for column in edge[:2]:
            columns[column[:2]].update({column.name} - {ROWS})
    for table in sorted(upstream):
        read = sorted({edge.source[:2] for edge in upstream[table]})
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


def column_lineage(upstream: Iterable[Edge]) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Return where the columns of a table come from; what decides its rows concerns the dataset as a whole."""
    kinds: defaultdict[str, defaultdict[Column, list[Kind]]] = defaultdict(lambda: defaultdict(list))
    for source, target, kind in upstream:
        if source.name != ROWS:
            kinds[target.name][source].append(kind)
    fields = {name: [input_field(*source) for source in sources.items()] for name, sources in sorted(kinds.items())}
    dataset = fields.pop(ROWS, [])
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={name: column_lineage_dataset.Fields(inputFields=inputs) for name, inputs in fields.items()},
        dataset=dataset,
    )


def input_field(source: Column, kinds: Iterable[Kind]) -> column_lineage_dataset.InputField:
    return column_lineage_dataset.InputField(
        namespace=NAMESPACE,
        name=dataset_name(source[:2]),
        field=source.name,
        transformations=[column_lineage_dataset.Transformation(*TRANSFORMATIONS[kind]) for kind in kinds],
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
