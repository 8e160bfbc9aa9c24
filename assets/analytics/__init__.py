"""What `analytics` learns from published data, as Dagster assets."""
