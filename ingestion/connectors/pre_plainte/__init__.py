"""Pré-plainte en ligne: how many declarations, where, and how long they take. Its contract; its files are plain CSV."""

from ingestion.connectors.pre_plainte.contract import CONTRACT

__all__ = ["CONTRACT"]
