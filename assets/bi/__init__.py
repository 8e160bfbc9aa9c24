"""The datasets, charts and dashboards of Superset as assets."""
