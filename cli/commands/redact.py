"""The command `redact`, in French."""

import sys


def redact() -> None:
    """Lit des lignes sur l'entrée standard et les rend sans données personnelles, avec des marques comme [NOM]."""
    from privacy import redact_lines

    redact_lines(sys.stdin.buffer, sys.stdout.buffer)
