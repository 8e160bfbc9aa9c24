"""Recognises the language of a text, whether it is a testimony, and which texts are copies of each other."""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analytics.text.words import clean, fold, words

FRENCH = "fr"
#: Languages that are distinguished: those that people in France write most, and their neighbours.
LANGUAGES = ("fr", "en", "de", "es", "it", "pt", "nl", "ar", "zh", "ru", "uk", "tr", "ro", "pl")
#: Probability and words from which a language is recognised: of short French texts one in a thousand is then taken for
#: another, see docs/verbatims.md.
_SURE, _FEWEST_WORDS = 0.9, 3
#: What of a text is looked at: more changes nothing.
_SAMPLE = 300

#: Words that somebody writes who tries a form.
_TRIALS = frozenset(("test", "tests", "testing", "essai", "essais", "azerty", "qwerty", "lorem", "ipsum", "dolor"))
#: From so many words on, a text whose share of different words is below it says one thing over and over.
_MANY, _VARIED = 12, 0.2
_REPEATED = re.compile(r"(.)\1{9,}")

_SHINGLE = 3
#: Share of common shingles from which two texts are copies of each other.
ALIKE = 0.7
_HASHES, _BANDS = 64, 16
#: Members of a bucket that a text is compared with: a bucket of many holds copies, and one comparison shows it.
_COMPARED = 4


class Kind(NamedTuple):
    """What a text is.

    Attributes:
        language: ISO 639-1 code, None where it is not recognised.
        set_aside: Why it is no testimony to be counted: `vide`, `essai`, `répétition`, `langue`; None if it is one.
    """

    language: str | None
    set_aside: str | None


def kind(text: str) -> Kind:
    """Return the language of a text, and why it is set aside, if it is."""
    cleaned = clean(text)
    detected = language(cleaned)
    return Kind(detected, _set_aside(cleaned, detected))


def _set_aside(cleaned: str, detected: str | None) -> str | None:
    if not any(mark.isalnum() for mark in cleaned):
        return "vide"
    found = [word for word in re.findall(r"\w+", fold(cleaned)) if not word.isdigit()]
    if found and set(found) <= _TRIALS:
        return "essai"
    if (len(found) >= _MANY and len(set(found)) < _VARIED * len(found)) or (
        len(_REPEATED.sub("", cleaned).split()) < _FEWEST_WORDS and _REPEATED.search(cleaned)
    ):
        return "répétition"
    return "langue" if detected not in (None, FRENCH) else None


def language(cleaned: str) -> str | None:
    """Return the language of a cleaned text, None where nothing is sure enough.

    Source: Lui and Baldwin (2012), "langid.py: an off-the-shelf language identification tool", ACL demonstrations.
    """
    sample = cleaned[:_SAMPLE].lower()  # capitals are other letters to it
    if sum(any(mark.isalpha() for mark in word) for word in sample.split()) < _FEWEST_WORDS and sample.isascii():
        return None
    code, probability = _identifier().classify(sample)
    return code if probability >= _SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def copies(texts: Sequence[str]) -> list[int]:
    """Return for each text the place of the first one that it is a copy of, its own where it is none.

    Copies share the same words, or at least `ALIKE` of their runs of three words; names of persons and places do not
    count. Candidates come from MinHash (Broder, 1997, "On the resemblance and containment of documents") cut into
    bands, and are compared exactly. A copy of a copy is a copy.
    """
    first: dict[tuple[str, ...], int] = {}
    said = [tuple(word for word in words(text) if word.isalnum()) for text in texts]
    exact = [first.setdefault(text, place) if text else place for place, text in enumerate(said)]
    shingled = {place: _shingles(text) for text, place in first.items() if len(text) > _SHINGLE}
    pairs = [*enumerate(exact), *_near(shingled)]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(texts)))
    _, groups = connected_components(links, directed=False)
    heads: dict[int, int] = {}
    return [heads.setdefault(group, place) for place, group in enumerate(groups.tolist())]


def _shingles(said: tuple[str, ...]) -> frozenset[int]:
    runs = (" ".join(said[start : start + _SHINGLE]) for start in range(len(said) - _SHINGLE + 1))
    return frozenset(zlib.crc32(run.encode()) for run in runs)


def _near(shingled: dict[int, frozenset[int]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of texts whose shingles are alike, found through the bands of their signatures."""
    draw = np.random.default_rng(0)
    factors = draw.integers(1 << 63, size=_HASHES, dtype=np.uint64) | np.uint64(1)
    offsets = draw.integers(1 << 63, size=_HASHES, dtype=np.uint64)
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for place, shingles in shingled.items():
        hashed = np.fromiter(shingles, dtype=np.uint64, count=len(shingles))
        # Multiply-shift (Dietzfelbinger et al., 1997): overflow is the modulo.
        signature = ((hashed[:, None] * factors + offsets) >> np.uint64(32)).min(axis=0)
        for band, part in enumerate(np.split(signature, _BANDS)):
            bucket = buckets[band, part.tobytes()]
            if len(bucket) < _COMPARED:
                bucket.append(place)
            else:
                yield from ((place, other) for other in bucket if _alike(shingles, shingled[other]))
    pairs = {pair for bucket in buckets.values() for pair in combinations(bucket, 2)}
    yield from ((first, other) for first, other in sorted(pairs) if _alike(shingled[first], shingled[other]))


def _alike(first: frozenset[int], other: frozenset[int]) -> bool:
    common = len(first & other)
    return common >= ALIKE * (len(first) + len(other) - common)
