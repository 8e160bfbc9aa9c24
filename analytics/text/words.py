"""Splits a text into sentences, folded words and stems."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

from privacy.vocabulary import Kind, fold, look_up, word_set

__all__ = ["clean", "fold", "sentences", "stem", "stems", "terms", "words"]

#: Beyond this a text is cut: the longest real testimony is a fifth of it, and no figure needs a book.
LONGEST = 20_000
#: Beyond this a word is cut: the longest of French has 27 letters, and what is longer is noise.
LONGEST_WORD = 30

_MARKUP = re.compile(r"<[^<>]{1,200}>|&[a-z]{2,8};")
#: What redaction leaves in the place of a name, a number, an address.
_MARK = re.compile(r"\[[A-ZÉÈ_ ]{2,30}\]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*|[0-9]+|[!?.,;:]")
_NEGATIONS = frozenset(("pas", "plus", "jamais", "aucun", "aucune", "sans", "ni", "peu"))
_TURNS = frozenset((".", ",", ";", ":", "!", "?", "mais", "cependant", "toutefois", "neanmoins"))
#: How many words a negation reaches, and how short a word it does not touch.
_REACH, _SHORT = 3, 3

_GIVEN = Kind.FIRST_NAME | Kind.FREQUENT_SURNAME | Kind.TOWN
_MAYBE = Kind.FOREIGN_FIRST_NAME | Kind.SURNAME | Kind.COMMUNE
_KNOWN = Kind.COMMON | Kind.RANK | Kind.OFFICE | Kind.RELATION
#: Names that a citizen more often means as the word that they also are.
_WORDS = word_set("plaisir sens claire aime aimee lois avion salles halle victoire honore constance master")


def clean(text: str) -> str:
    """Return a text without markup, marks of redaction and control characters, cut at `LONGEST` characters."""
    return _CONTROL.sub(" ", _MARK.sub(" ", _MARKUP.sub(" ", text[:LONGEST]))).strip()


def sentences(text: str) -> list[str]:
    """Return the sentences of a cleaned text, at least one."""
    return [part for part in _SENTENCE_END.split(text) if part and part.strip()] or [""]


def words(text: str) -> list[str]:
    """Return the words, numbers and punctuation of a text, folded and without names, which carry no sentiment."""
    return list(_words(fold(clean(text))))


def _words(folded: str) -> Iterator[str]:
    for word in _WORD.findall(folded):
        if not _is_name(word):
            yield from (part[:LONGEST_WORD] for part in word.split("-") if part and not _is_name(part))


@lru_cache(maxsize=1 << 16)
def _is_name(word: str) -> bool:
    """Return whether a folded word is rather a name of a person or place than a word of the language."""
    _, kinds = look_up(word)
    if word in _WORDS or kinds & int(Kind.INSTITUTION):
        return False
    return bool(kinds & int(_GIVEN)) or (bool(kinds & int(_MAYBE)) and not kinds & int(_KNOWN))


_STEMMER = snowballstemmer.stemmer("french")


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return the stem of a folded French word, after Snowball."""
    return _STEMMER.stemWord(word)


def terms(text: str) -> Counter[str]:
    """Return the stems by which a search finds a text, with the number of times that it uses each."""
    return Counter(stem(word) for word in words(text) if word.isalnum())


def stems(words: list[str]) -> list[str]:
    """Return the stems of words, those that a negation reaches marked `NOT_`.

    After Das and Chen (2007), "Yahoo! for Amazon", and Pang, Lee and Vaithyanathan (2002), "Thumbs up?".
    """
    marked, reached = [], 0
    for word in words:
        if word in _TURNS:
            reached = 0
        if reached and len(word) > _SHORT:
            marked.append(f"NOT_{stem(word)}")
            reached -= 1
        else:
            marked.append(stem(word))
        if word in _NEGATIONS:
            reached = _REACH
    return marked
