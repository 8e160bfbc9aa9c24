"""Pure functions from rows to rows, for what SQL cannot compute."""
