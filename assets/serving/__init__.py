"""The read-only copies that readers open, as assets."""
