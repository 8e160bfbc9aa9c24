"""Connector of the pré-plainte en ligne: declarations, their place and duration, from CSV files."""

from ingestion.connectors.pre_plainte.contract import CONTRACT

__all__ = ["CONTRACT"]
