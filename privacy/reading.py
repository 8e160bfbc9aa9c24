"""Splits a text into words with their positions, gaps and possible kinds."""

import re
from functools import cached_property, lru_cache

from privacy.vocabulary import Kind, look_up

#: One blank, as a pattern.
BLANK = r"[ \t\u00a0\u202f]"

#: Where something begins and ends in a text.
Span = tuple[int, int]

_BLANKS = frozenset({"", " ", "\u00a0", "\u202f", "  ", "\t", "   "})
_CAPITALISED = int(Kind.CAPITALISED)
_UPPER = int(Kind.UPPER)
_ELIDED = int(Kind.ELIDED)
_COMMON = int(Kind.COMMON)
_TELLS_NOTHING = int(Kind.CIVILITY | Kind.PARTICLE | Kind.FOREIGN_PARTICLE)
_NAME = int(Kind.FIRST_NAME | Kind.FOREIGN_FIRST_NAME | Kind.SURNAME)
_KEPT_WHEN_ELIDED = int(Kind.PARTICLE | Kind.FOREIGN_PARTICLE | Kind.COMMON | Kind.CAPITALISED)

#: A longer word is no name; this also bounds the work on endless ones.
_LONGEST_WORD = 40
#: From this share of words in capitals on, a capital says nothing.
_SHOUTING_SHARE = 0.7
_LONGEST_ELISION = 2
#: The last is the typographic one of Windows, read as Latin-1.
_APOSTROPHES = ("'", "’", "\x92")

# Nearly every French text can be written in cp1252, one byte per character: splitting bytes finds its words four times
# faster than a regular expression, at the same positions.
_ENCODING = "cp1252"
_HYPHEN = ord("-")
_TO_WORDS = bytes(
    code if code == _HYPHEN or bytes([code]).decode(_ENCODING, "replace").isalpha() else 32 for code in range(256)
)
_ELSEWHERE = re.compile(r"[^\x00-\xffŒœŠšŽžŸ\u2000-\u2bff\ufe00-\ufe0f\ufffd\U0001f000-\U0001faff]")
_LETTER = (
    r"[^\x00-@\[-`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf×÷\u2000-\u2bff\u3000-\u303f\ufe00-\ufe0f\ufffc-\uffff"
    r"\U0001f000-\U0010ffff]"
)
_WORD = re.compile(rf"{_LETTER}+(?:-{_LETTER}+)*")


_Word = tuple[int, int, str, int]


def _is_western(text: str) -> bool:
    """Return whether splitting the bytes of the text loses no letter."""
    return _ELSEWHERE.search(text) is None


@lru_cache(maxsize=1 << 16)
def _look_up_bytes(word: bytes) -> tuple[str, int, bool]:
    """Return the folded word, its kinds, and whether it needs a closer look: a stray hyphen, a possible elision."""
    key, kinds = look_up(word.decode(_ENCODING)) if len(word) <= _LONGEST_WORD else ("", 0)
    return key, kinds, len(word) <= _LONGEST_ELISION or _HYPHEN in (word[0], word[-1])


def _words_of_bytes(text: str) -> list[_Word]:
    words: list[_Word] = []
    position = 0
    for piece in text.encode(_ENCODING, "replace").translate(_TO_WORDS).split(b" "):
        length = len(piece)
        if length:
            key, kinds, is_odd = _look_up_bytes(piece)
            end = position + length
            if not is_odd or (_HYPHEN not in piece and text[end : end + 1] not in _APOSTROPHES):
                words.append((position, end, key, kinds))
            elif bare := piece.strip(b"-"):
                key, kinds, _ = _look_up_bytes(bare)
                start = position + length - len(piece.lstrip(b"-"))
                words.append(_with_elision(text, start, start + len(bare), key, kinds))
        position += length + 1
    return words


def _words_of_letters(text: str) -> list[_Word]:
    words: list[_Word] = []
    for found in _WORD.finditer(text):
        key, kinds = look_up(found[0]) if len(found[0]) <= _LONGEST_WORD else ("", 0)
        words.append(_with_elision(text, *found.span(), key, kinds))
    return words


def _with_elision(text: str, start: int, end: int, key: str, kinds: int) -> _Word:
    """Return a word, with its apostrophe when it is `d'`, `l'` or `O'` before a letter."""
    if end - start <= _LONGEST_ELISION and text[end : end + 1] in _APOSTROPHES and text[end + 1 : end + 2].isalpha():
        return start, end + 1, key, kinds & _KEPT_WHEN_ELIDED | _ELIDED
    return start, end, key, kinds


class Reading:
    """The words of a text.

    Attributes:
        text: The text.
        starts: Where each word begins.
        ends: Where each word ends; the apostrophe of an elision (`d'`, `O'`) belongs to its word.
        keys: Each word, folded, without its apostrophe.
        kinds: What each word may be, as bits of `vocabulary.Kind`.
        present: The bits of all words together.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        words = _words_of_bytes(text) if _is_western(text) else _words_of_letters(text)
        self.starts = [start for start, _, _, _ in words]
        self.ends = [end for _, end, _, _ in words]
        self.keys = [key for _, _, key, _ in words]
        self.kinds = [kinds for _, _, _, kinds in words]
        self.size = len(words)
        self.present = 0
        for kinds in self.kinds:
            self.present |= kinds

    def word(self, index: int) -> str:
        return self.text[self.starts[index] : self.ends[index]]

    def gap(self, index: int) -> str:
        """Return what stands between a word and the next; a line end after the last."""
        return self.text[self.ends[index] : self.starts[index + 1]] if index + 1 < self.size else "\n"

    def joins(self, index: int) -> bool:
        """Return whether only blanks part a word from the next."""
        return self.gap(index) in _BLANKS

    @cached_property
    def is_shouted(self) -> bool:
        """Whether the text is in capitals, so that a capital says nothing."""
        words = [kinds for key, kinds in zip(self.keys, self.kinds, strict=True) if len(key) > 1]
        return sum(1 for kinds in words if kinds & _UPPER) > _SHOUTING_SHARE * len(words)

    def has_capital(self, index: int) -> bool:
        """Return whether a word has a capital that means something."""
        kinds = self.kinds[index]
        return bool(kinds & _CAPITALISED) and not (kinds & _UPPER and self.is_loud(index))

    def is_loud(self, index: int) -> bool:
        """Return whether a word in capitals stands among common words in capitals."""
        if self.is_shouted:
            return True
        return any(
            self._is_loud_word(near) for near in range(max(0, index - 2), min(self.size, index + 3)) if near != index
        )

    def _is_loud_word(self, index: int) -> bool:
        kinds = self.kinds[index]
        return (
            bool(kinds & _UPPER and kinds & _COMMON)
            and not kinds & (_NAME | _TELLS_NOTHING)
            and len(self.keys[index]) > 1
        )


def replace_spans(text: str, spans: list[Span], mark: str) -> str:
    """Return the text with a mark in the place of each span.

    Of two that overlap, the one that begins first counts; of two that begin together, the longer.
    """
    kept: list[str] = []
    position = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= position:
            kept += [text[position:start], mark]
            position = end
    return "".join(kept) + text[position:] if kept else text
