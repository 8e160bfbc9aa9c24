"""Text of SQL where a statement takes no parameter. Opens no database."""


def literal(text: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameter."""
    return "'" + text.replace("'", "''") + "'"
