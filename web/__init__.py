"""What the platform answers over HTTP by itself, on loopback. Dashboards are Superset's; nothing is computed here."""
