"""Connector of Cybermalveillance.gouv.fr and 17Cyber: aggregated assistance cases."""

from ingestion.connectors.cybermalveillance.contract import CONTRACT

__all__ = ["CONTRACT"]
