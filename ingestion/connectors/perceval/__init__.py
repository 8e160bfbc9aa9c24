"""Connector of PERCEV@L: reports of card fraud, as four series of aggregates in one JSON file."""

from ingestion.connectors.perceval.contract import CONTRACT
from ingestion.connectors.perceval.series import open_file

__all__ = ["CONTRACT", "open_file"]
