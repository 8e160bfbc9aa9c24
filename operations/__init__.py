"""What people decide, and what they are notified of: topics, verdicts, crises, alerts, mail."""
