"""Geoparsing: the places of France that a text names."""
