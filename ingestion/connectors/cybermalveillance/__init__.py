"""Cybermalveillance.gouv.fr and 17Cyber: aggregated assistance cases. Its contract; its files are plain tables."""

from ingestion.connectors.cybermalveillance.contract import CONTRACT

__all__ = ["CONTRACT"]
