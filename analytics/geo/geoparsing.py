"""Finds the French places that a text names (geoparsing).

A name counts as a place when its context supports it; ambiguous names need more context: `Marseille` alone is the city,
`Orange` only in *à Orange*. The département that the text names decides between communes of the same name; without
one, a commune that is far larger than the others wins, else none does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from analytics.geo import place_words as vocabulary
from analytics.geo.gazetteer import KNOWN, Entry, all_names, bearers, bears, by_number, glued, greatest, parts_of
from privacy.vocabulary import Kind, look_up
from privacy.vocabulary import fold as fold_word

_TOKEN = re.compile(r"#?[A-Za-zÀ-ÖØ-öø-ÿœŒæÆ0-9]+")
_JOIN = re.compile(r"[ \-\u2010-\u2015'’\u00a0]{1,2}")
_MARK = re.compile(r"\[[A-ZÉÈ_ ]{2,30}\]|https?://\S+|\w\S*@\S+|@\w+")
#: Accounts of authorities bear the number of their département, or the name of their town.
_HANDLE = re.compile(
    r"@(?:gendarmerie|gend|prefet|prefete|prefecture|police|policenat|policenationale|sdis|pompiers|mairie|villede)_?(?:de_?|du_?|d_?)?"
    r"(?P<name>\d{2,3}|2[ab]|[a-z_]{3,})",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[A-ZÀ-Ö][a-zà-ÿ]+")
_NUMBER = re.compile(r"\d{5}|\d{2,3}|2[ab]")

_GREAT, _KNOWN_WORDS = 100_000, 2_000
_FAR_GREATER = 8
_WINDOW = 4  # words before a name that may still say what it is
_SENTENCE_END = re.compile(r"[.!?:\n]\s*$|[«\"(]\s*$")


@dataclass(frozen=True)
class Place:
    """A place that a text names.

    Attributes:
        name: Its official name.
        level: `commune`, `departement` or `region`.
        code: Its code in the COG.
        territory_code: The territory that it is, or that it lies in: `FR-33`, `FR-NAQ`.
        start: Where it begins in the text.
        end: Behind its last character.
    """

    name: str
    level: str
    code: str
    territory_code: str
    start: int
    end: int


class _Token(NamedTuple):
    folded: str
    written: str
    start: int
    end: int
    is_hashtag: bool


def find(text: str) -> list[Place]:
    """Return the places of France that a text names, in its order."""
    plain = _MARK.sub(lambda mark: " " * len(mark.group()), text)
    tokens = [
        _Token(
            vocabulary.ABBREVIATED.get(word, word), match.group(), match.start(), match.end(), match.group()[0] == "#"
        )
        for match in _TOKEN.finditer(plain)
        if (word := fold_word(match.group().lstrip("#")))
    ]
    reading = _Reading(plain, tokens)
    return sorted([*reading.places(), *_of_handles(text)], key=lambda place: place.start)


def _of_handles(text: str) -> Iterator[Place]:
    """Yield what accounts of authorities are called after: `@gendarmerie_33`, `@mairiedelille`."""
    for handle in _HANDLE.finditer(text):
        name = fold_word(handle["name"]).replace("_", "")
        entry = by_number().get(name) or greatest(bearers(glued(name)))
        if entry:
            yield Place(*entry[:4], handle.start(), handle.end())


def territory(text: str) -> str | None:
    """Return the territory of a text: the narrowest that contains all its places, else that of the first."""
    found = find(text)
    narrow = [place.territory_code for place in found if place.level != "region"]
    return (narrow or [place.territory_code for place in found] or [None])[0]


class _Reading:
    """One text during the search for its places."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.shouts = sum(t.written.isupper() for t in tokens) * 2 > len(tokens) > 3  # noqa: PLR2004

    def places(self) -> Iterator[Place]:
        candidates = list(self._candidates())
        numbers = list(self._numbers())
        named = {
            entry.territory_code
            for first, last, entries in candidates
            for entry in entries
            if entry.level == "departement" and self._is_departement(first, last, entry)
        } | {entry.territory_code for _, entry, _ in numbers}
        for first, last, entries in candidates:
            entry = self._chosen(first, last, entries, named)
            if entry is not None:
                yield Place(*entry[:4], self.tokens[first].start, self.tokens[last].end)
        for at, entry, is_said in numbers:
            if is_said:
                yield Place(*entry[:4], self.tokens[at].start, self.tokens[at].end)

    def _candidates(self) -> Iterator[tuple[int, int, tuple[Entry, ...]]]:
        """Yield first and last token of each name, and what bears it; names do not overlap, the longest wins."""
        at = 0
        while at < len(self.tokens):
            if self.tokens[at].is_hashtag:
                yield from self._of_hashtag(at)
                at += 1
                continue
            name = self._name_at(at)
            if name:
                entries = self._bearers(name, at)
                if entries:
                    yield at, at + len(name) - 1, entries
            at += max(1, len(name))

    def _name_at(self, at: int) -> tuple[str, ...]:
        """Return the words of the longest name that begins at a token; none where none does."""
        index = all_names()
        for length in index.lengths.get(self.tokens[at].folded, ()):
            parts = tuple(token.folded for token in self.tokens[at : at + length])
            if parts not in index.places or not self._is_joined(at, length):
                continue
            # `la Marne` is not the commune La Marne; without its article, Havre is none of the names
            opens = self.tokens[at].written.islower() or self._begins_sentence(at)
            if opens and parts[0] in vocabulary.ARTICLES and bears(parts[1:], "departement"):
                continue
            if parts[0] in vocabulary.ARTICLES and len(self._name_at(at + 1)) >= len(
                parts
            ):  # le Pas-de-Calais is not Le Pas
                continue
            if index.places[parts] and not self._bearers(parts, at):
                continue
            return parts
        return ()

    def _bearers(self, parts: tuple[str, ...], at: int) -> tuple[Entry, ...]:
        """Return the places of a name, without those whose article is neither there nor merged into the word before."""
        return tuple(
            entry
            for entry in all_names().places[parts]
            if (own := parts_of(entry.name)) == parts or own[1:] != parts or self._merged_article(at) == own[0]
        )

    def _merged_article(self, at: int) -> str:
        return vocabulary.MERGED.get(self.tokens[at - 1].folded, "") if at else ""

    def _is_joined(self, at: int, length: int) -> bool:
        words = self.tokens[at : at + length]
        return len(words) == length and all(
            not word.is_hashtag and _JOIN.fullmatch(self.text[before.end : word.start])
            for before, word in pairwise(words)
        )

    def _of_hashtag(self, at: int) -> Iterator[tuple[int, int, tuple[Entry, ...]]]:
        written = self.tokens[at].written[1:]
        words = _CAMEL.findall(written)
        runs = ["".join(words[i:j]) for i in range(len(words)) for j in range(len(words), i, -1)]
        for word in dict.fromkeys([written, *runs]):
            name = glued("".join(parts_of(word)))
            entry = greatest(bearers(name))
            if entry and (entry.level != "commune" or len(name) > 1 or self._is_known_tag(word, written, entry)):
                yield at, at, (entry,)
                return

    def _is_known_tag(self, word: str, written: str, entry: Entry) -> bool:
        return not self._may_be_a_word(parts_of(word)[0]) or (word == written and entry.population >= _GREAT)

    # What stands around a name -----------------------------------------------------------------------------------

    def _before(self, at: int, words: int = _WINDOW) -> list[str]:
        """Return the words just before a name, nearest first, not beyond the sentence; small words included."""
        found = []
        for index in range(at - 1, max(-1, at - 1 - words), -1):
            if re.search(r"[.!?\n;]", self.text[self.tokens[index].end : self.tokens[index + 1].start]):
                break
            found.append(self.tokens[index].folded)
        return found

    def _after(self, at: int) -> str:
        return self.tokens[at + 1].folded if at + 1 < len(self.tokens) else ""

    def _is_located(self, first: int, last: int) -> bool:
        """Return whether the words before or after make a place of a name, whatever else it could be."""
        if self._is_dateline(first, last):
            return True
        before = self._before(first)
        while before and before[0] in vocabulary.ARTICLES:
            before = before[1:]
        if before and before[0] in vocabulary.AT - {"en", "dans"}:
            return True
        if before and before[0] in vocabulary.OF and any(word in vocabulary.PLACED for word in before[1:3]):
            return True
        if before and before[0] in ("et", "ou") and any(word in vocabulary.AT for word in before[1:]):
            return True
        return self._has_number(last)

    def _is_dateline(self, first: int, last: int) -> bool:
        """Return whether a text begins with a name and a colon, as news do: `Gap : deux skieurs emportés`."""
        return first == 0 and bool(re.match(r"\s*:|[.,] |\s+[-–—]\s|\s*\(\d", self.text[self.tokens[last].end :]))

    def _has_number(self, last: int) -> bool:
        """Return whether a number of département or postal code, or a département, follows, in brackets or not."""
        if last + 1 >= len(self.tokens):
            return False
        between, token = self.text[self.tokens[last].end : self.tokens[last + 1].start], self.tokens[last + 1]
        if _NUMBER.fullmatch(token.folded) and (token.folded[:2].isdigit() or "(" in between):
            return "(" in between or len(token.folded) == 5  # noqa: PLR2004
        return "(" in between and bears(self._name_at(last + 1), "departement")

    def _numbers(self) -> Iterator[tuple[int, Entry, bool]]:
        """Yield the départements of numbers, and whether the number names them: (33), dans le 33, but not 33000."""
        for at, token in enumerate(self.tokens):
            number = token.folded
            if not _NUMBER.fullmatch(number):
                continue
            is_said = len(number) < 5  # noqa: PLR2004
            if not is_said:
                number = number[:3] if number.startswith(("97", "98")) else number[:2]
            if number in by_number() and (not is_said or self._is_said_of_departement(at)):
                yield at, by_number()[number], is_said

    def _is_said_of_departement(self, at: int) -> bool:
        start, end = self.tokens[at].start, self.tokens[at].end
        if self.text[max(0, start - 1) : start] == "(" and self.text[end : end + 1] == ")":
            return True
        after, number = self._after(at), self.tokens[at].folded
        if re.match(r"[.,:/%°€]?\d|\s?[%°€/h]", self.text[end:]) or after in vocabulary.MONTHS | vocabulary.COUNTED:
            return False
        before = self._before(at, 3)
        if before[:2] in (["le", "dans"], ["le", "tout"]) or before[:1] in (["dpt"], ["dept"], ["departement"]):
            return True
        if before[:1] == ["du"] and len(before) > 1 and before[1] in vocabulary.PLACED | vocabulary.OF_DEPARTEMENT:
            return True
        is_no_day = not number.isdigit() or int(number) > 31  # noqa: PLR2004
        return is_no_day and before[:1] in (["le"], ["du"])

    def _is_capitalised(self, first: int, last: int) -> bool:
        own = [t for t in self.tokens[first : last + 1] if t.folded not in vocabulary.SMALL_WORDS]
        return bool(own) and all(t.written.lstrip("#")[0].isupper() for t in own)

    def _begins_sentence(self, first: int) -> bool:
        start = self.tokens[first - 1].end if first else 0
        return bool(_SENTENCE_END.search(self.text[start : self.tokens[first].start])) or first == 0

    def _is_thing(self, first: int, last: int) -> bool:
        """Return whether the words around make a street, a club, a cheese, a firm or a person of the name."""
        before = self._before(first)
        name = " ".join(t.folded for t in self.tokens[first : last + 1])
        if self._after(last) in vocabulary.NOT_BEFORE.get(name, ()) or self._is_abroad(last):
            return True
        if not self._is_located(first, last) and any(token.folded in vocabulary.SPORTS for token in self.tokens):
            return True
        if name == "orange" and any(word in vocabulary.SAID_OF_COMPANIES for word in before):
            return True
        return bool(before) and (self._is_of_a_thing(before) or self._is_of_a_person(first, before[0]))

    def _is_abroad(self, last: int) -> bool:
        """Return whether a country follows: `Valence (Espagne)`, `Brest, en Biélorussie`."""
        following = self.tokens[last + 1 : last + 3]
        if not following:
            return False
        between = self.text[self.tokens[last].end : following[0].start]
        if following[0].folded in vocabulary.ABROAD:
            return bool(re.fullmatch(r"\s*[,(]\s*|\s+", between))
        return following[0].folded in ("en", "au", "aux") and following[-1].folded in vocabulary.ABROAD

    @staticmethod
    def _is_of_a_thing(before: list[str]) -> bool:
        joined = [word for word in before if word not in vocabulary.OF and word not in vocabulary.ARTICLES]
        if not joined:
            return False
        linked = len(joined) < len(before) and before[0] in (vocabulary.OF | {"la", "l"})
        return (linked and joined[0] in vocabulary.STREETS_ONLY) or (
            joined[0] in vocabulary.NOT_AFTER and before[0] not in vocabulary.AT
        )

    def _is_of_a_person(self, first: int, word: str) -> bool:
        if word in vocabulary.SMALL_WORDS or word in vocabulary.AT:
            return False
        _, kinds = look_up(self.tokens[first - 1].written)
        adjacent = self.text[self.tokens[first - 1].end : self.tokens[first].start] == " "
        given = kinds & int(Kind.FIRST_NAME) and kinds & int(Kind.CAPITALISED)
        return adjacent and bool(given or kinds & int(Kind.CIVILITY))

    def _may_be_a_word(self, word: str) -> bool:
        if word in vocabulary.WELL_KNOWN:
            return False
        _, kinds = look_up(word)
        return word in vocabulary.TREACHEROUS or bool(kinds & int(Kind.COMMON | Kind.INSTITUTION))

    # Which place ---------------------------------------------------------------------------------------------------

    def _chosen(self, first: int, last: int, entries: tuple[Entry, ...], named: set[str]) -> Entry | None:
        if self._is_thing(first, last):
            return None
        for entry in entries:
            if entry.level == "departement" and self._is_departement(first, last, entry):
                return entry
        for entry in entries:
            if entry.level == "region" and self._is_capitalised(first, last) and not self._only_shouted(first, last):
                return entry
        if self._is_water(first, last) and any(entry.level == "departement" for entry in entries):
            return None
        communes = [entry for entry in entries if entry.level == "commune"]
        if not communes or not self._is_commune(first, last, communes, named):
            return None
        return self._one_of(communes, named)

    def _only_shouted(self, first: int, last: int) -> bool:
        """Return whether capitals do not mark a name, since all is in capitals, and nothing else does."""
        return self.shouts and not self._is_located(first, last)

    def _is_commune(self, first: int, last: int, communes: list[Entry], named: set[str]) -> bool:
        own = [t.folded for t in self.tokens[first : last + 1] if t.folded not in vocabulary.SMALL_WORDS]
        if not own:
            return False
        population = max(entry.population for entry in communes)
        located = self._is_located(first, last)
        confirmed = any(entry.territory_code in named for entry in communes)
        if len(own) > 1:
            return self._is_long_name(first, last, own, population)
        word = own[0]
        if self._only_shouted(first, last):
            return population >= _GREAT
        doubtful = self._may_be_a_word(word)
        if not self._is_capitalised(first, last):
            return located and population >= (_GREAT if doubtful else KNOWN)
        if self.tokens[first].is_hashtag or located or confirmed:
            is_read = word in vocabulary.BRANDS or not self._is_dateline(first, last) or confirmed
            return is_read or population >= (KNOWN if doubtful else _KNOWN_WORDS)
        return self._stands_alone(first, word, population)

    def _is_long_name(self, first: int, last: int, own: list[str], population: int) -> bool:
        hyphened = "-" in self.text[self.tokens[first].start : self.tokens[last].end]
        words = all(self._may_be_a_word(word) or word == "saint" for word in own)
        if hyphened or (last - first > 1 and population >= KNOWN and not words):
            return True
        located = self._is_located(first, last)
        if self._is_capitalised(first, last):
            return population >= _KNOWN_WORDS or located or not words
        return located and population >= KNOWN

    def _stands_alone(self, first: int, word: str, population: int) -> bool:
        """Return whether a capitalised word is a commune without support from its context."""
        _, kinds = look_up(word)
        if self._may_be_a_word(word):
            return population >= _GREAT and not kinds & int(Kind.INSTITUTION)
        person = bool(kinds & int(Kind.FIRST_NAME | Kind.SURNAME | Kind.FREQUENT_SURNAME))
        opens = self._begins_sentence(first)
        if population >= KNOWN:
            return not (word in vocabulary.WELL_KNOWN and opens) and (population >= _GREAT or not person or not opens)
        return not person and population >= _KNOWN_WORDS and not opens

    def _is_departement(self, first: int, last: int, entry: Entry) -> bool:
        parts = parts_of(entry.name)
        before = self._before(first)
        preposition = next((word for word in before if word not in vocabulary.ARTICLES), "")
        if not self._is_capitalised(first, last):
            return len(parts) > 2 or (preposition in vocabulary.IN and parts[-1] not in vocabulary.RIVERS)  # noqa: PLR2004
        if self.tokens[first].is_hashtag or self._is_dateline(first, last):
            return True
        if entry.territory_code in vocabulary.ISLANDS:
            return parts[0] == "la" or entry.territory_code != "FR-974" or not {"la", "a", "de"}.isdisjoint(before[:2])
        is_named_alone = len(parts) > 1 and parts[0] not in vocabulary.ARTICLES
        return is_named_alone or self._is_in_brackets(first) or self._has_its_article(first, last, parts[0])

    def _is_in_brackets(self, first: int) -> bool:
        """Return whether a name completes another, as in `Mons (Var)` or `Mons, Var`."""
        between = self.text[max(0, self.tokens[first].start - 2) : self.tokens[first].start]
        return "(" in between or (", " in between and first > 0 and self.tokens[first - 1].written[0].isupper())

    def _has_its_article(self, first: int, last: int, name: str) -> bool:
        """Return whether a département that is called after a river is spoken of, and not the river."""
        before = self._before(first)
        plain = [word for word in before if word not in vocabulary.ARTICLES]
        if self._is_water(first, last) or self.tokens[first].written.isupper() > self.shouts:
            return False
        if plain[:1] in (["dans"], ["en"]):
            return True
        if name in vocabulary.SEAS_AND_POINTS:
            of_it = len(plain) > 1 and plain[0] in vocabulary.OF and plain[1] in vocabulary.OF_DEPARTEMENT
            return of_it or before == ["la"]
        return bool(before) and before[0] in (vocabulary.ARTICLES | vocabulary.OF | {"en", "et"})

    def _is_water(self, first: int, last: int) -> bool:
        before = self._before(first)
        if any(word in ("dans", "en") for word in before[:2]):  # en crue dans le Lot
            return not vocabulary.DROWNED.isdisjoint(before)
        after = (token.folded for token in self.tokens[last + 1 : last + 3 + _WINDOW])
        return not vocabulary.WATERS.isdisjoint([*before, *after])

    def _one_of(self, communes: list[Entry], named: set[str]) -> Entry | None:
        here = [entry for entry in communes if entry.territory_code in named]
        if here:
            return max(here, key=lambda entry: entry.population)
        first, *others = sorted(communes, key=lambda entry: -entry.population)
        if not others or first.population >= _FAR_GREATER * others[0].population:
            return first
        return None
