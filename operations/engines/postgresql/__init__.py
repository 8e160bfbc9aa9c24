"""PostgreSQL, at the address that `CYBERIMPACT_OPERATIONS_DATABASE` names."""
