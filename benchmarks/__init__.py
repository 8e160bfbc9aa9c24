"""Repeatable measurements, run by hand. Nothing here is asserted, and nothing of the platform imports it."""
