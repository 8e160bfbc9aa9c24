"""The Dagster graph: assets and checks, without schedules."""
