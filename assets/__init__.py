"""The Dagster graph, auto-loaded: what exists. When it runs belongs in `orchestration`, how in the layer it names."""
