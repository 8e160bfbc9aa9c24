"""Applies the text methods to all texts of the warehouse: feelings, themes, terms, key words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from analytics.text import discovery, keyness, model, polarity, themes
from analytics.text.keyness import spelled_words
from analytics.text.kinds import Kind, copies, kind
from analytics.text.service import Served
from analytics.text.words import fold, stem, terms, words

#: Probability under which the model hesitates: about half of such answers are wrong, see docs/verbatims.md.
UNDECIDED = 0.55
#: Most texts that are learnt from, so that a build takes minutes whatever has been collected.
MOST_TEXTS = 5_000
#: Fewest complaints of a theme and service whose words are reported, and most examples of them.
FEWEST_COMPLAINTS, EXAMPLES = 5, 3
#: Most words by which a term of the search's index is shown.
MOST_WRITINGS = 4
#: Texts that repeat are read once.
_REMEMBERED = 1 << 16


class Feeling(NamedTuple):
    """The feeling of a text and its source; both are None where it is unknown.

    Attributes:
        verbatim_id: Identifier of the text.
        feeling: The feeling.
        feeling_source: `usager` or `modèle`.
        model_version: Version of the model in service that says so; None for one that was made on the spot.
        probability: The model's, from 0 to 1.
        is_undecided: Whether the model hesitates, or nobody can say.
        is_mixed: Whether the text praises in one clause and blames in another, whatever its feeling.
    """

    verbatim_id: str
    feeling: str | None
    feeling_source: str | None
    model_version: str | None
    probability: Decimal | None
    is_undecided: bool
    is_mixed: bool


def feelings(texts: Iterable[tuple[str, str, str | None]], served: Served | None = None) -> list[Feeling]:
    """Return the feeling of each text: the one that its writer gave, else the model's; none for another language.

    Args:
        texts: Identifier, text, and the feeling that its writer gave, of each.
        served: The model in service; without one, the first texts in the order given are learnt from.
    """
    texts = list(texts)
    labelled = dict.fromkeys((text, feeling) for _, text, feeling in texts if feeling is not None)
    unlabelled = [
        text
        for text in dict.fromkeys(text for _, text, feeling in texts if feeling is None)
        if text_kind(text).set_aside is None
    ]
    answers = _answers(served, list(labelled)[:MOST_TEXTS], unlabelled)
    return [
        Feeling(verbatim_id, feeling, "usager", None, None, is_undecided=False, is_mixed=is_mixed(text))
        if feeling
        else _by_model(verbatim_id, text, answers.get(text), served)
        for verbatim_id, text, feeling in texts
    ]


def _answers(served: Served | None, labelled: list[tuple[str, str]], unlabelled: list[str]) -> dict[str, model.Answer]:
    """Return the answers to unlabelled texts; none where too few labelled texts exist to learn from."""
    if served:
        classifier = served.classifier
    else:
        try:
            classifier, _ = model.train([text for text, _ in labelled], [feeling for _, feeling in labelled])
        except model.TooFewTexts:
            return {}
    return dict(zip(unlabelled, classifier.answer(unlabelled), strict=True))


def _by_model(verbatim_id: str, text: str, answer: model.Answer | None, served: Served | None) -> Feeling:
    if answer is None or answer.label is None or answer.probability is None:
        return Feeling(verbatim_id, None, None, None, None, is_undecided=True, is_mixed=is_mixed(text))
    return Feeling(
        verbatim_id,
        answer.label,
        "modèle",
        served.version if served else None,
        Decimal(f"{answer.probability:.6f}"),
        is_undecided=answer.probability < UNDECIDED,
        is_mixed=is_mixed(text),
    )


@lru_cache(maxsize=_REMEMBERED)
def is_mixed(text: str) -> bool:
    """Return whether a text praises in one clause and blames in another."""
    return polarity.is_mixed(text)


@lru_cache(maxsize=_REMEMBERED)
def text_kind(text: str) -> Kind:
    """Return what a text is: its language, whether it is a testimony."""
    return kind(text)


def copy_groups(texts: Sequence[tuple[str, str]]) -> list[str]:
    """Return for each text the identifier of the first one that it is a copy of, its own where it is none.

    Args:
        texts: Identifier and text of each, in the order in which the first one counts.
    """
    return [texts[head][0] for head in copies([text for _, text in texts])]


@lru_cache(maxsize=_REMEMBERED)
def theme_codes(text: str) -> tuple[str, ...]:
    return themes.spoken_of(themes.logarithms(text))


def themes_of(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return a row for each theme of each text: identifier of the text, code of the theme, label.

    Args:
        texts: Identifier and text of each.
    """
    labels = themes.labels()
    return [(verbatim_id, code, labels[code]) for verbatim_id, text in texts for code in theme_codes(text)]


@lru_cache(maxsize=_REMEMBERED)
def term_frequencies(text: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(terms(text).items()))


class Posting(NamedTuple):
    """A posting of the search index: a term and a text that contains it.

    Attributes:
        term: Stem of a word.
        words: How the term is written in all texts, the commonest first, so that a reader recognises what is searched.
        verbatim_id: Identifier of the text.
        frequency: How often the term stands in it.
    """

    term: str
    words: str
    verbatim_id: str
    frequency: int


def index(texts: Sequence[tuple[str, str]]) -> list[Posting]:
    """Return the terms of each text.

    Args:
        texts: Identifier and text of each.
    """
    written = writings(text for _, text in texts)
    return [
        Posting(term, written.get(term, term), verbatim_id, times)
        for verbatim_id, text in texts
        for term, times in term_frequencies(text)
    ]


def writings(texts: Iterable[str]) -> dict[str, str]:
    """Return how each term is written: its commonest words, and the first of them without accents too."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for word, times in Counter(word for text in texts for word in spelled_words(text)).items():
        for folded in words(word):  # none where it is a name
            counted[stem(folded)][word] += times
    shown = {}
    for term, found in counted.items():
        commonest = sorted(found, key=lambda word: (-found[word], word))[:MOST_WRITINGS]
        shown[term] = ", ".join(dict.fromkeys((*commonest, fold(commonest[0]))))
    return shown


class Complaint(NamedTuple):
    """A text on a theme, once for each theme and service that it counts under."""

    verbatim_id: str
    text: str
    copy_of: str
    theme: str
    service_name: str
    is_negative: bool


class PainPointWord(NamedTuple):
    """A word by which the complaints of a theme and service are known."""

    theme: str
    service_name: str
    rank: int
    word: str
    z: Decimal
    texts: int


class PainPointExample(NamedTuple):
    """A typical complaint of a theme and service."""

    theme: str
    service_name: str
    rank: int
    verbatim_id: str
    typicality: Decimal


def pain_point_words(texts: Iterable[Complaint]) -> list[PainPointWord]:
    """Return the words that distinguish the complaints of each theme from all other texts of the same service."""
    found = []
    for (theme, service), mine, others in _by_pain_point(texts):
        distinctive = keyness.distinctive_words([complaint.text for complaint in mine], [text.text for text in others])
        found += [
            PainPointWord(theme, service, rank, word.word, Decimal(f"{word.z:.3f}"), word.texts)
            for rank, word in enumerate(distinctive, 1)
        ]
    return found


def pain_point_examples(texts: Iterable[Complaint]) -> list[PainPointExample]:
    """Return the most typical complaints of each theme and service, one of those that are copies of each other."""
    found = []
    for (theme, service), mine, _ in _by_pain_point(texts):
        chosen = keyness.examples(
            [complaint.text for complaint in mine], [complaint.copy_of for complaint in mine], EXAMPLES
        )
        found += [
            PainPointExample(
                theme, service, rank, mine[example.place].verbatim_id, Decimal(f"{example.typicality:.3f}")
            )
            for rank, example in enumerate(chosen, 1)
        ]
    return found


def _by_pain_point(texts: Iterable[Complaint]) -> Iterator[tuple[tuple[str, str], list[Complaint], list[Complaint]]]:
    """Yield each theme and service with its complaints, and with every other text of the service, each once."""
    by_service: dict[str, list[Complaint]] = defaultdict(list)
    for text in texts:
        by_service[text.service_name].append(text)
    for service, of_service in sorted(by_service.items()):
        whole = {text.verbatim_id: text for text in of_service}
        for theme in sorted({text.theme for text in of_service}):
            mine = [text for text in of_service if text.theme == theme and text.is_negative]
            if len(mine) >= FEWEST_COMPLAINTS:
                ids = {text.verbatim_id for text in mine}
                yield (theme, service), mine, [text for key, text in whole.items() if key not in ids]


class ThemeProposal(NamedTuple):
    """A theme that a person may add to the taxonomy."""

    rank: int
    words: str
    texts: int
    share: Decimal
    coherence: Decimal
    example_verbatim_id: str


def proposed_themes(texts: Sequence[tuple[str, str]]) -> list[ThemeProposal]:
    """Return the themes that texts of no known theme may have.

    Args:
        texts: Identifier and text of each, the latest first.
    """
    return [
        ThemeProposal(
            rank,
            ", ".join(proposal.words),
            len(proposal.places),
            Decimal(f"{len(proposal.places) / len(texts):.6f}"),
            Decimal(f"{proposal.coherence:.6f}"),
            texts[proposal.places[0]][0],
        )
        for rank, proposal in enumerate(discovery.proposals([text for _, text in texts]), 1)
    ]
