"""The datasets, charts and dashboards of Superset as assets. What they show belongs in `superset/bundle`."""
