"""The mentions around a signal: new terms, examples, sources, and how they spread."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from urllib.parse import urlsplit

from analytics.signals.novelty import Term, novel_terms
from analytics.signals.rumour import Pattern, Post, pattern
from privacy.vocabulary import Kind, fold, look_up, word_set

_HOUR = timedelta(hours=1)
_TERMS, _EXAMPLES, _SOURCES = 8, 3, 8
_NOVEL = 3.0  # standard errors
_FEWEST_TEXTS = 3  # that say a term
_SAME_TEXT_LENGTH = 25
_WORD = re.compile(r"[a-zà-öø-ÿœæ]{4,}")
_MARK = re.compile(r"\[[A-ZÉÈ_ ]{2,30}\]|https?://\S+|[@#]?\S*[@_/]\S*")
_EMPTY = word_set(
    "dans avec pour plus cette sont elle nous vous leur leurs mais donc alors comme tout tous toute toutes bien fait"
    " faire etre avoir encore aussi sans sous chez apres avant depuis entre vers tres meme quel quelle quand votre"
    " notre merci cela celui celle ceux ainsi parce etait ete une ont peut ici rien voici tellement vraiment"
)
_NAMES = int(
    Kind.FIRST_NAME | Kind.FOREIGN_FIRST_NAME | Kind.SURNAME | Kind.FREQUENT_SURNAME | Kind.COMMUNE | Kind.TOWN
)


@dataclass(frozen=True)
class Mention:
    """A mention, as far as it explains a signal; its text is redacted."""

    mention_id: str
    at: datetime
    network: str
    url: str | None
    text: str | None
    reach: int | None
    sentiment: int | None
    author_id: str | None
    followers: int | None
    is_share: bool | None
    parent_id: str | None


@dataclass(frozen=True)
class Source:
    """A site or network, with what came from there."""

    name: str
    mentions: int
    reach: int


@dataclass(frozen=True)
class Context:
    """What stands beside a signal's evidence."""

    mentions: int = 0
    terms: tuple[Term, ...] = ()
    examples: tuple[Mention, ...] = ()
    sources: tuple[Source, ...] = ()
    networks: int = 0
    reach: int | None = None
    negative_share: float | None = None
    velocity: float | None = None
    spreading: Pattern | None = field(default=None)

    @property
    def novelty(self) -> float | None:
        """How new the newest term is, in standard errors."""
        return self.terms[0].z if self.terms else None


def around(mentions: Sequence[Mention], before: Counter[str], until: datetime) -> Context:
    """Return what the mentions of a signal say.

    Args:
        mentions: Those of its topic and territory since it opened.
        before: In how many texts of the last 28 days each term was.
        until: End of the hour whose velocity is measured.
    """
    if not mentions:
        return Context()
    known = [mention.sentiment for mention in mentions if mention.sentiment is not None]
    last = sum(until - _HOUR <= mention.at < until for mention in mentions)
    earlier = sum(until - 2 * _HOUR <= mention.at < until - _HOUR for mention in mentions)
    return Context(
        mentions=len(mentions),
        terms=new_terms(terms_of(mention.text for mention in mentions), before),
        examples=_examples(mentions),
        sources=_sources(mentions),
        networks=len({mention.network for mention in mentions}),
        reach=sum(mention.reach or 0 for mention in mentions),
        negative_share=sum(mood < 0 for mood in known) / len(known) if known else None,
        velocity=last / max(earlier, 1) if last or earlier else None,
        spreading=pattern(posts(mentions)),
    )


def terms_of(texts: Iterable[str | None]) -> Counter[str]:
    """Return in how many texts each word, or pair of words, stands; names of persons and places are left out."""
    found: Counter[str] = Counter()
    for text in texts:
        if text:
            words = [word for word in _WORD.findall(_MARK.sub(" ", text).lower()) if _tells(word)]
            found.update(list(dict.fromkeys([*words, *(f"{first} {second}" for first, second in pairwise(words))])))
    return found


def new_terms(now: Counter[str], before: Counter[str], most: int = _TERMS) -> tuple[Term, ...]:
    """Return the terms that are new, the newest first; a word that a newer pair of words holds is not repeated."""
    new: list[Term] = []
    places = {term: place for place, term in enumerate(now)}
    # Of what is as new, the pair says more than its words, and the text's own order is the reader's.
    for term in sorted(
        novel_terms(now, before), key=lambda term: (-round(term.z, 6), " " not in term.term, places[term.term])
    ):
        if term.z < _NOVEL or len(new) == most:
            break
        if term.now >= _FEWEST_TEXTS and not any(set(term.term.split()) & set(newer.term.split()) for newer in new):
            new.append(term)
    return tuple(new)


@lru_cache(maxsize=1 << 15)
def _tells(word: str) -> bool:
    key, kinds = look_up(word)
    return key not in _EMPTY and (bool(kinds & int(Kind.COMMON)) or not kinds & _NAMES)


def _examples(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """Return the mentions with the greatest reach that have a text of their own, no two the same."""
    chosen: dict[str, Mention] = {}
    for mention in sorted(
        mentions, key=lambda mention: (bool(mention.is_share), -(mention.reach or 0), mention.mention_id)
    ):
        if mention.text and fold(mention.text) not in chosen:
            chosen[fold(mention.text)] = mention
        if len(chosen) == _EXAMPLES:
            break
    return tuple(chosen.values())


def _sources(mentions: Sequence[Mention]) -> tuple[Source, ...]:
    counted: dict[str, list[int]] = {}
    for mention in mentions:
        counted.setdefault(site(mention), []).append(mention.reach or 0)
    sources = [Source(name, len(reach), sum(reach)) for name, reach in counted.items()]
    return tuple(sorted(sources, key=lambda source: (-source.mentions, -source.reach, source.name))[:_SOURCES])


def site(mention: Mention) -> str:
    """Return the site of a mention; of what is published by accounts, the network, for an address may name one."""
    if mention.network not in ("press", "web", "forum"):
        return mention.network
    return urlsplit(mention.url or "").hostname or mention.network


def posts(mentions: Sequence[Mention]) -> list[Post]:
    """Return mentions as posts; who repeats a long text word for word shares what the first who wrote it did."""
    originals: dict[str, str] = {}
    found = []
    for mention in sorted(mentions, key=lambda mention: (mention.at, mention.mention_id)):
        folded = fold(mention.text or "")
        is_long = len(folded) >= _SAME_TEXT_LENGTH
        shared = mention.parent_id or (originals.get(folded) if is_long else None)
        if shared is None and mention.is_share:
            shared = f"?{mention.mention_id}"  # an original that is not known
        if is_long:
            originals.setdefault(folded, shared or mention.mention_id)
        found.append(Post(mention.mention_id, mention.at, mention.followers or mention.reach or 0, shared))
    return found
