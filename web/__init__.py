"""What the platform answers over HTTP beside Superset, on loopback: published figures and the links of alerts."""
