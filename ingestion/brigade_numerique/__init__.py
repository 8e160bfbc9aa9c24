"""The chat of the Brigade numérique: how many contacts, when and why, never what was said. Its contract and files."""

from pathlib import Path

from ingestion.brigade_numerique.contract import CONTACTS, CONTRACT, LABELS
from ingestion.delivery import Delivery, headerless_csv_delivery

__all__ = ["CONTRACT", "open_file"]


def open_file(path: Path) -> Delivery:
    """Open an export of easiware, which has no header [inferred]; one that it has all the same is passed over.

    Raises:
        ExpectedFailure: the file cannot be read, or has other columns.
    """
    return headerless_csv_delivery(path, "brigade_numerique", CONTACTS, LABELS)
