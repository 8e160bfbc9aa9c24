"""Takes a text apart: folded characters, sentences, words. What the words mean belongs to `polarity` and `themes`."""

import re
import unicodedata
from functools import lru_cache

import snowballstemmer

#: Beyond this a text is cut: the longest real testimony is a fifth of it, and no figure needs a book.
LONGEST = 20_000

_MARKUP = re.compile(r"<[^<>]{1,200}>|&[a-z]{2,8};")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[a-z])[.](?=[A-Z])|\n+")
_WORD = re.compile(r"[a-z]+|[0-9]+|[!?.,;:]")
_NEGATIONS = frozenset(("pas", "plus", "jamais", "aucun", "aucune", "sans", "ni", "peu"))
_TURNS = frozenset((".", ",", ";", ":", "!", "?", "mais", "cependant", "toutefois", "neanmoins"))
#: How many words a negation reaches, and how short a word it does not touch.
_REACH, _SHORT = 3, 3


def clean(text: str) -> str:
    """Return a text without markup and control characters, cut at `LONGEST` characters."""
    return _CONTROL.sub(" ", _MARKUP.sub(" ", text[:LONGEST])).strip()


def fold(text: str) -> str:
    """Return a text in lower case, without accents, with straight apostrophes."""
    text = text.replace("\u2019", "'").replace("œ", "oe").replace("Œ", "oe").lower()
    return "".join(mark for mark in unicodedata.normalize("NFD", text) if not unicodedata.combining(mark))


def sentences(text: str) -> list[str]:
    """Return the sentences of a cleaned text, at least one."""
    return [part for part in _SENTENCE_END.split(text) if part and part.strip()] or [""]


def words(text: str) -> list[str]:
    """Return the words, numbers and punctuation of a text, folded."""
    return _WORD.findall(fold(text))


_STEMMER = snowballstemmer.stemmer("french")


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the stem of a folded French word, after Snowball."""
    return _STEMMER.stemWord(word)


def stems(text: str) -> str:
    """Return the stems of a text's words, those that a negation reaches marked `NOT_`.

    After Das and Chen (2007), "Yahoo! for Amazon", and Pang, Lee and Vaithyanathan (2002), "Thumbs up?".
    """
    marked, reached = [], 0
    for word in words(clean(text)):
        if word in _TURNS:
            reached = 0
        if reached and word.isalpha() and len(word) > _SHORT:
            marked.append(f"NOT_{stem(word)}")
            reached -= 1
        else:
            marked.append(stem(word))
        if word in _NEGATIONS:
            reached = _REACH
    return " ".join(marked)
