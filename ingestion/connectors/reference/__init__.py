"""Connector of reference data: communes, units, competences, staff, inspections, offences."""

import csv
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import dlt
from dlt.extract import DltResource

from ingestion import configuration
from ingestion.connectors.reference.client import COMPETENCES_RESOURCE, UNITS_RESOURCE, Page, Resource, address
from ingestion.connectors.reference.contract import CHAT_CATEGORY, COMPETENCES, CONTRACT, INSPECTIONS, UNITS
from ingestion.connectors.reference.workbook import parse_crimes
from ingestion.engine.parsed_file import ParsedFile, parse_tabular

__all__ = ["CONTRACT", "NO_WINDOW", "address", "build_source", "open_file"]

NO_WINDOW = ("its tables are read whole, and hold no dates", "Load them again with --full.")


@dlt.source(name="reference")
def build_source() -> Iterable[DltResource]:
    """Return units and competences from data.gouv.fr, the figures of the IGGN, and the installation's categories."""
    return [
        _table(UNITS.name, UNITS_RESOURCE),
        _table(COMPETENCES.name, COMPETENCES_RESOURCE),
        _inspections(),
        _chat_categories(),
    ]


def open_file(path: Path) -> ParsedFile:
    """Return a dropped file: the workbook of offences, or CSV, JSON or JSON Lines recognised by the labels.

    Raises:
        ExpectedFailure: the file cannot be read or is not recognised.
    """
    if path.suffix.lower() == ".xlsx":
        return parse_crimes(path)
    return parse_tabular(path, "reference", CONTRACT)


def _table(name: str, resource: str) -> DltResource:
    @dlt.resource(name=name)
    def pages() -> Iterator[Page]:
        """Yield the whole table, unless the file was not converted since: rows carry no date to ask by."""
        state = dlt.current.resource_state(name)
        table = Resource(name, resource)
        converted_at = table.converted_at()
        if converted_at is not None and converted_at == state.get("converted_at"):
            return
        yield from table.pages()
        state["converted_at"] = converted_at

    return pages()


@dlt.resource(name=CHAT_CATEGORY.name)
def _chat_categories() -> Iterator[Page]:
    """Yield the chat motives of the installation; the defaults are a seed of the dbt project."""
    if configuration.has_own(configuration.CHAT_CATEGORIES):
        found = configuration.chat_categories()
        yield [{"label": label, "category": category} for label, category in found.items()]


@dlt.resource(name=INSPECTIONS.name)
def _inspections() -> Iterator[Page]:
    shipped = files("ingestion.connectors.reference").joinpath("inspections.csv").read_text("utf-8")
    yield list(csv.DictReader(shipped.splitlines(), delimiter=";"))
