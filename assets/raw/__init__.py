"""The platforms and their raw tables as assets."""
