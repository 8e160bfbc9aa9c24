"""SQL literals, for statements that take no parameters."""


def literal(text: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameter."""
    return "'" + text.replace("'", "''") + "'"
