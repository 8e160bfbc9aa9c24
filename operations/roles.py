"""Names of roles as people read them."""

from functools import cache

from warehouse import rights


@cache
def _titles() -> dict[str, str]:
    return {name: reader.title for name, reader in rights.current().roles.items()}


def title(role: str) -> str:
    """Return how people read the name of a role; one that is declared no longer is shown as it was recorded."""
    return _titles().get(role, role)
