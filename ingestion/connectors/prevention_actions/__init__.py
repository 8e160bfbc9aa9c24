"""Connector of the register of prevention actions, which gendarmes fill in as CSV or XLSX."""

from ingestion.connectors.prevention_actions.contract import CONTRACT
from ingestion.connectors.prevention_actions.register import open_file

__all__ = ["CONTRACT", "open_file"]
