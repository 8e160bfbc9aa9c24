"""Connector of the chat of the Brigade numérique: when and why people make contact, never what they say."""

from pathlib import Path

from ingestion.connectors.brigade_numerique.contract import CONTACTS, CONTRACT, LABELS
from ingestion.engine.parsed_file import JSON_SUFFIXES, ParsedFile, parse_headerless_csv, parse_tabular

__all__ = ["CONTRACT", "open_file"]


def open_file(path: Path) -> ParsedFile:
    """Open an export of easiware: CSV without a header [inferred], of which one is passed over, or JSON (Lines).

    Raises:
        ExpectedFailure: the file cannot be read, or has other columns.
    """
    if path.suffix.lower() in JSON_SUFFIXES:
        return parse_tabular(path, "brigade_numerique", CONTRACT)
    return parse_headerless_csv(path, "brigade_numerique", CONTACTS, LABELS)
