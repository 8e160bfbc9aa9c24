"""SQLite, in the file of the current home."""
