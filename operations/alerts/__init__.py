"""Alerts: from a published signal to the message that a recipient gets."""
