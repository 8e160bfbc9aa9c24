"""The migrations of the operations database, applied by `operations.database` when a process first opens it."""
