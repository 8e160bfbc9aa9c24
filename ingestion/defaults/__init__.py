"""What an installation may say otherwise, as the sandbox and the examples have it; see `ingestion.configuration`."""
