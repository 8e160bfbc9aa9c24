"""Django's two database engines, made to follow the current home; see `operations.database`."""
