"""Folding of labels and values, so that spellings of one word compare equal. Knows no contract."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[0-9]+|[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Ý])")


def words(label: str) -> tuple[str, ...]:
    """Return the words of a label in lower case, without accents and punctuation."""
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFC", label))
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", spaced).casefold())
    return tuple(_WORD.findall("".join(c for c in decomposed if not unicodedata.combining(c))))


@lru_cache(maxsize=8192)
def fold(label: str) -> str:
    """Return the letters and digits of a label, without case, accents, spaces, punctuation or byte-order mark.

    `Statut de l'expérience`, `statut_de_lexpérience` and `STATUT  DE L’EXPERIENCE` fold to the same text.
    """
    return "".join(words(label))
