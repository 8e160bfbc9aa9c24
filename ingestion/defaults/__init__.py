"""Default configuration files, which an installation may override; see `ingestion.configuration`."""
