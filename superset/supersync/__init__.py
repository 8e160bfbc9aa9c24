"""Superset as code, over its REST API."""
