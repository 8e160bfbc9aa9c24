"""Normalises spellings that hide an identifier: entities, percent signs, wide digits, invisible marks.

A text is rewritten as a reader sees it, each character with the place that it comes from, so that what is found there
can be replaced where it was written.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

Span = tuple[int, int]

#: Characters that are not seen: soft hyphen, joiners, directions, fillers, selectors of variants, tags, keycaps.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
#: Characters that may be another spelling of an ASCII one, or of a letter with its accent.
_RESPELT = (
    "\u0300-\u036f\u0660-\u0669\u06f0-\u06f9\u07c0-\u07c9\u0966-\u096f\u09e6-\u09ef\u0a66-\u0a6f\u0ae6-\u0aef\u0b66-\u0b6f"
    "\u0be6-\u0bef\u0c66-\u0c6f\u0ce6-\u0cef\u0d66-\u0d6f\u0de6-\u0def\u0e50-\u0e59\u0ed0-\u0ed9\u0f20-\u0f29\u1040-\u1049"
    "\u17e0-\u17e9\u1810-\u1819\u2024\u2070-\u209c\u2102-\u2113\u2115\u2119-\u211d\u2124-\u2139\u2145-\u2149\u2460-\u24ff"
    "\u2776-\u2793\ufb00-\ufb06\ufe50-\ufe6b\uff01-\uff5e\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\U0001fbf0-\U0001fbf9"
)
_ENTITY = r"&(?:\#\d{1,7};?|\#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};|nbsp)"
#: One character in UTF-8.
_PERCENT = r"%(?:[0-7]\w|[CDcd]\w%\w\w|[Ee]\w(?:%\w\w){2}|[Ff][0-4](?:%\w\w){3})"
_ACCENTED = r"[^\W\d_][\u0300-\u036f]+"
_PIECE = re.compile(rf"{_ENTITY}|{_PERCENT}|{_ACCENTED}|[{_UNSEEN}]+|[{_RESPELT}]")
_SIGNS = re.compile(f"[&%{_UNSEEN}{_RESPELT}]")
#: Where a text may be spelt oddly. What is unseen counts inside words and numbers only: emojis are made with it.
_ODD = re.compile(rf"{_ENTITY}|{_PERCENT}|[\w@.)\]\-+][{_UNSEEN}]+[\w@.(\[\-+]|\d[ .\-]?[{_UNSEEN}]|[{_RESPELT}]")
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
#: What is written twice over (`&amp;#64;`, `%2540`) is read twice.
_MOST_LAYERS = 3


@dataclass(frozen=True)
class Seen:
    """A text as a reader sees it.

    Attributes:
        text: What is seen.
        places: For each of its characters, the span of the written text that it comes from.
    """

    text: str
    places: tuple[Span, ...]


def is_odd(text: str) -> bool:
    """Return whether a text may be seen otherwise than it is written."""
    if text.isascii() and "&" not in text and "%" not in text:
        return False
    return _SIGNS.search(text) is not None and _ODD.search(text) is not None


def seen(text: str) -> Seen:
    """Return a text without entities, percent encoding, characters that are not seen and other alphabets' digits."""
    result = Seen(text, tuple(pairwise(range(len(text) + 1))))
    for _ in range(_MOST_LAYERS):
        further = _without_a_layer(result)
        if further.text == result.text:
            break
        result = further
    return result


def replace_as_seen(text: str, replace: Callable[[str], str], mark: re.Pattern[str]) -> str:
    """Replace in a text what is found in it as a reader sees it; where nothing is found it comes back as it is.

    Args:
        text: The text as it is written.
        replace: Puts marks in the place of what it finds, and changes nothing else.
        mark: A mark.
    """
    return replace_in(text, seen(text), replace, mark)


def replace_in(text: str, as_seen: Seen, replace: Callable[[str], str], mark: re.Pattern[str]) -> str:
    """Do what `replace_as_seen` does, for a text that is read otherwise than it is written."""
    replaced = replace(as_seen.text)
    if replaced == as_seen.text:
        return text
    hidden = _hidden(as_seen.text, mark.split(replaced))
    if hidden is None:
        return replaced
    kept: list[str] = []
    position = 0
    for (start, end), found in zip(hidden, mark.finditer(replaced), strict=True):
        kept += [text[position : as_seen.places[start][0]], found[0]]
        position = max(position, as_seen.places[end - 1][1])
    return "".join(kept) + text[position:]


def _hidden(text: str, kept: list[str]) -> list[Span] | None:
    """Return the spans between the pieces that are kept, in their order; each hides at least one character.

    The pieces may fit in several ways. Each is as good: what is kept reads the same.
    """
    if not text.startswith(kept[0]):
        return None
    spans: list[Span] = []
    position = len(kept[0])
    for piece in kept[1:-1]:
        found = text.find(piece, position + 1)
        if found < 0:
            return None
        spans.append((position, found))
        position = found + len(piece)
    last = len(text) - len(kept[-1])
    if len(kept) > 1:
        if last <= position or not text.endswith(kept[-1]):
            return None
        spans.append((position, last))
    return spans


def _without_a_layer(before: Seen) -> Seen:
    text, places = before.text, before.places
    characters: list[str] = []
    origins: list[Span] = []
    position = 0
    for found in _PIECE.finditer(text):
        as_read = _as_read(found[0])
        if as_read == found[0]:
            continue
        characters.append(text[position : found.start()])
        characters.append(as_read)
        origins += places[position : found.start()]
        origins += [(places[found.start()][0], places[found.end() - 1][1])] * len(as_read)
        position = found.end()
    characters.append(text[position:])
    origins += places[position:]
    return Seen("".join(characters), tuple(origins))


@lru_cache(maxsize=4096)
def _as_read(piece: str) -> str:
    """Return what a reader sees of an entity, of percent encoding, of a letter with its accent, of an odd character."""
    if piece[0] == "&":
        return html.unescape(piece if piece.endswith(";") else f"{piece};")
    if piece[0] == "%":
        return _decoded(piece)
    if _INVISIBLE.match(piece):
        return ""
    if len(piece) > 1:
        return unicodedata.normalize("NFC", piece)
    digit = unicodedata.digit(piece, None)
    compatible = unicodedata.normalize("NFKC", piece) if digit is None else str(digit)
    return compatible if compatible.isascii() and not compatible.isspace() else piece


def _decoded(piece: str) -> str:
    try:
        return bytes.fromhex(piece.replace("%", "")).decode()
    except ValueError:
        return piece
