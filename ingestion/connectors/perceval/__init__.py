"""PERCEV@L: reports of card fraud, as four series of aggregates in one JSON file. Its contract and its reading."""

from ingestion.connectors.perceval.contract import CONTRACT
from ingestion.connectors.perceval.series import open_file

__all__ = ["CONTRACT", "open_file"]
