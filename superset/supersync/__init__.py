"""Superset as code over its REST API: nothing of how data is made, loaded or scheduled belongs here."""
