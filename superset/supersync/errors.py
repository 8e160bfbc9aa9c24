"""Failures of the bundle or of the server, with their remedy."""


class SupersetFailure(Exception):
    """A failure with a known cause and a known remedy.

    Args:
        what: What happened and where, in one sentence, free of secrets.
        remedy: What the reader can do about it, in one sentence.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class Unreachable(SupersetFailure):
    """Nothing answers at the server's address."""
