"""Which places of France a text names."""
