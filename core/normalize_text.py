"""Folds labels, values and place names so that spellings of one word compare equal."""

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


#: Abbreviations in the names of places.
ABBREVIATED = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})
_PLACE_WORD = re.compile(r"[a-z0-9]+")


def place_words(name: str) -> tuple[str, ...]:
    """Return the words of the name of a place: lower case, no accents, `st` and `ste` written out.

    Hyphens, apostrophes and spaces of any kind separate words. `folded_place` of the dbt project does the same in SQL.
    """
    lowered = name.lower().translate(_LIGATURES)
    if not lowered.isascii():
        lowered = "".join(c for c in unicodedata.normalize("NFD", lowered) if not unicodedata.combining(c))
    return tuple(ABBREVIATED.get(word, word) for word in _PLACE_WORD.findall(lowered))


@lru_cache(maxsize=8192)
def fold_place(name: str) -> str:
    """Return the words of the name of a place, separated by spaces.

    `Provence-Alpes-Côte d’Azur` and `provence alpes cote d'azur` fold to the same text.
    """
    return " ".join(place_words(name))
