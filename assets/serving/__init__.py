"""The read-only copies that readers open. What they hold is decided by `meta.exposed` in `dbt_project`."""
