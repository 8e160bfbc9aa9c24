"""Reads numbers that stand in addresses."""

_MOST_DIGITS = 9


def whole(text: str) -> int | None:
    """Return the whole number that a text is, None for anything else and for one beyond what pages count to."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None
