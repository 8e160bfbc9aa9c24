"""The platforms and their raw tables. How a platform is read belongs in `ingestion`."""
