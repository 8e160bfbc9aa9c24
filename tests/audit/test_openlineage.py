"""The events say the whole way, and are what the specification of OpenLineage asks for."""

import json
import threading
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import attr
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client.event_v2 import JobEvent
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset

from audit import lineage_page, openlineage
from audit.lineage import Column, Edge, Kind, LineageGraph
from core.errors import ExpectedFailure
from tests.audit.test_publication_metadata import EDGES

AT = datetime(2026, 11, 1, 5, tzinfo=UTC)
SITE, VISIT = Column("raw", "raw_audience.hourly_visits", "site"), EDGES[1].target
GRAPH = LineageGraph(
    [
        *EDGES,
        Edge(SITE, VISIT),
        Edge(SITE, VISIT, Kind.CONDITION),
        Edge(SITE, VISIT.rows, Kind.JOIN),
        Edge(SITE.rows, VISIT.rows, Kind.COUNT),
    ]
)
DESCRIBED = {("kpi.kpi_visits", "value"): ("DECIMAL(18,6)", "Valeur <affichée>.")}

FACETS = {
    "schema": schema_dataset.SchemaDatasetFacet,
    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet,
}
FORMATS = {"eventTime": "date-time", "producer": "uri", "schemaURL": "uri", "_producer": "uri", "_schemaURL": "uri"}
TYPES = {str: "string", int: "integer", bool: "boolean"}


def specification(cls: type) -> dict:
    """Return the JSON schema of a class that the client's authors generate from the specification."""
    hints = typing.get_type_hints(cls)
    properties = {
        field.name: of_type(field.name, hints[field.name])
        for field in attr.fields(cls)
        if not field.name.endswith("skip_redact")
    }
    required = [field.name for field in attr.fields(cls) if field.default is attr.NOTHING]
    urls = [name for name in ("producer", "schemaURL", "_producer", "_schemaURL") if name in properties]
    return {
        "type": "object",
        "properties": properties,
        "required": [*required, *urls],
        "additionalProperties": False,
    }


def of_type(name: str, hint: typing.Any) -> dict:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if name == "facets":
        return {"type": "object", "properties": {facet: specification(cls) for facet, cls in FACETS.items()}}
    if origin in (typing.Union, types.UnionType):
        return of_type(name, next(argument for argument in arguments if argument is not type(None)))
    if origin is list:
        # A field may have fields: theirs are not looked at.
        inner = {} if name == "fields" and arguments[0] is schema_dataset.SchemaDatasetFacetFields else None
        return {"type": "array", "items": inner if inner is not None else of_type("", arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": of_type("", arguments[1])}
    if attr.has(hint):
        return specification(hint)
    return {"type": TYPES[hint], **({"format": FORMATS[name]} if name in FORMATS else {})}


def written(tmp_path: Path) -> list[dict]:
    file = tmp_path / "events.jsonl"
    assert openlineage.write(openlineage.events(GRAPH, DESCRIBED, AT), file) == 4
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_events_are_what_the_specification_asks_for(tmp_path: Path) -> None:
    validator = Draft202012Validator(specification(JobEvent), format_checker=FormatChecker())
    for event in written(tmp_path):
        assert [error.message for error in validator.iter_errors(event)] == []
        del event["job"]["name"]
        assert [error.message for error in validator.iter_errors(event)] == ["'name' is a required property"]


def test_a_table_says_what_each_column_is_made_from(tmp_path: Path) -> None:
    by_name = {event["job"]["name"]: event for event in written(tmp_path)}
    assert by_name.keys() == {"raw_audience.hourly_visits", "visibility.fct_visit", "kpi.kpi_visits", "chart/visits"}
    [mart] = by_name["visibility.fct_visit"]["outputs"]
    lineage = mart["facets"]["columnLineage"]
    assert lineage["fields"].keys() == {"visits"}
    direct, filters, joins = {"type": "DIRECT"}, *({"type": "INDIRECT", "subtype": name} for name in ("FILTER", "JOIN"))
    site, visits = (
        {"namespace": "cyberimpact", "name": "raw_audience.hourly_visits", "field": name} for name in ("site", "visits")
    )
    assert lineage["fields"]["visits"]["inputFields"] == [
        {**site, "transformations": [filters, direct]},
        {**visits, "transformations": [direct]},
    ]
    assert lineage["dataset"] == [{**site, "transformations": [joins]}]
    assert [field["name"] for field in mart["facets"]["schema"]["fields"]] == ["visits"]
    [raw] = by_name["raw_audience.hourly_visits"]["inputs"]
    assert raw["name"] == "platform/audience.hourly_visits"
    [value] = by_name["kpi.kpi_visits"]["outputs"][0]["facets"]["schema"]["fields"]
    assert (value["type"], value["description"]) == ("DECIMAL(18,6)", "Valeur <affichée>.")


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, dict]]]]:
    """A server that takes events."""
    taken: list[tuple[str, dict]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", taken
        running.shutdown()


def test_events_are_sent(collector: tuple[str, list], tmp_path: Path) -> None:
    url, taken = collector
    assert openlineage.send(openlineage.events(GRAPH, DESCRIBED, AT), url) == 4
    assert [path for path, _ in taken] == ["/api/v1/lineage"] * 4
    assert [event for _, event in taken] == written(tmp_path)


def test_a_server_that_is_down_is_told() -> None:
    with pytest.raises(ExpectedFailure, match="n'a pas reçu l'événement n° 1"):
        openlineage.send(openlineage.events(GRAPH, DESCRIBED, AT), "http://127.0.0.1:9")


def test_the_page_needs_nothing_else_and_lets_nothing_through() -> None:
    hostile = Edge(Column("raw", "raw_x.<b>", "<script>"), Column("kpi", "kpi.kpi_visits", "value"))
    page = lineage_page.page(LineageGraph([*EDGES, hostile]), "p-1")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert "src=" not in page
    assert '<a href="#raw-raw_audience.hourly_visits">raw_audience.hourly_visits.visits</a>' in page
    assert page.count("<details") == len({column[:2] for edge in [*EDGES, hostile] for column in edge[:2]})
