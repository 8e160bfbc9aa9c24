"""Stand-ins of the platforms that a developer cannot reach: real HTTP, invented data, faults on demand."""
