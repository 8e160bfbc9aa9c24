"""Brings platform data in: pure dlt, privacy before the first write. Never imports dagster."""
