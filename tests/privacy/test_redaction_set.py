"""How much of what is personal the redactor hides, and how much else, on texts written without having read it.

Both sets have the same targets. `redaction_set.jsonl` may be used to improve the redactor, `redaction_holdout.jsonl`
may not, so that its figures are those of texts never seen: the redactor is never changed for a text that stands in it.
Each line is a text, its personal data in order (`spans`: kind and exact words, each looked for from the end of the one
before), and what a reader may hide or keep (`either`: the town after an address).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from privacy import redact

SEEN, UNSEEN = SETS = ("redaction_set", "redaction_holdout")
#: Kinds that their form identifies: of these, nothing may remain.
STRUCTURED = ("TÉLÉPHONE", "MAIL", "IBAN", "CARTE", "NIR", "PLAQUE", "IP")
TOLD_BY_CONTEXT = ("NOM", "ADRESSE", "PSEUDO", "DATE DE NAISSANCE")
KINDS = STRUCTURED + TOLD_BY_CONTEXT
MARK = re.compile(rf"\[({'|'.join(KINDS)})\]")

#: Words around a personal datum that identify nobody: they need not go, and may.
_FRAME = """
    m mr mme mlle dr pr monsieur madame mademoiselle maître docteur professeur sieur tonton famille épouse née né nés
    gendarme gnd mdc adj adc major adjudant chef brigadier lieutenant lieutenante capitaine commandant colonel officier
    sous soussigné rue r avenue av boulevard bd place allée impasse chemin route cours quai square sq faubourg
    lotissement hameau lieu dit résidence appartement appt bât bis ter
    de du des la le les l d à au aux et von van
"""
FRAME = frozenset(_FRAME.split())


class Span(NamedTuple):
    """A stretch of a text, its end not included."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Snippet:
    """A text, where its personal data are, and what may be hidden or kept."""

    text: str
    personal: tuple[Span, ...]
    either: tuple[Span, ...]

    @classmethod
    def read(cls, line: str) -> "Snippet":
        entry = json.loads(line)
        either = ((text, "") for text in entry.get("either", ()))
        return cls(
            entry["text"],
            tuple(_located(entry["text"], entry["spans"])),
            tuple(_located(entry["text"], [("", words) for words, _ in either])),
        )


def _located(text: str, spans: Sequence[Sequence[str]]) -> Iterator[Span]:
    end = 0
    for kind, words in spans:
        start = text.index(words, end)
        end = start + len(words)
        yield Span(kind, start, end)


def hidden_by(text: str, redacted: str) -> list[Span]:
    """Return the stretches of a text in whose place the redacted one has marks."""
    kept = MARK.split(redacted)[::2]
    found = re.fullmatch("(.+?)".join(map(re.escape, kept)), text, re.DOTALL)
    assert found, f"more than marks was changed: {redacted!r}"
    return [Span(kind, *found.span(rank)) for rank, kind in enumerate(MARK.findall(redacted), 1)]


def positions(spans: Sequence[Span]) -> set[int]:
    return {position for span in spans for position in range(span.start, span.end)}


def tokens(text: str, span: Span) -> Iterator[range]:
    """Yield where the runs of letters and the runs of digits of a stretch stand."""
    for run in re.finditer(r"[^\W\d_]+|\d+", text[span.start : span.end]):
        yield range(span.start + run.start(), span.start + run.end())


def word(text: str, where: range) -> str:
    return text[where.start : where.stop]


def identifying(text: str, span: Span) -> list[range]:
    """Return what of a personal datum would still identify the person.

    All of a structured one; otherwise numbers, and words of three letters, but for titles, particles, kinds of street.
    """
    everything = list(tokens(text, span))
    if span.kind in STRUCTURED:
        return everything
    telling = [t for t in everything if word(text, t).lower() not in FRAME and (len(t) > 2 or word(text, t).isdigit())]
    return telling or everything


def is_right(snippet: Snippet, mark: Span) -> bool:
    """Tell whether at least half of the letters and digits that a mark hides are personal."""
    personal, either = positions(snippet.personal), positions(snippet.either)
    hidden = [
        position
        for token in tokens(snippet.text, mark)
        for position in token
        if position in personal or (position not in either and word(snippet.text, token).lower() not in FRAME)
    ]
    if not hidden:
        return bool(positions([mark]) & either)
    return 2 * sum(position in personal for position in hidden) >= len(hidden)


class Score(NamedTuple):
    """What the redactor did with the whole set: counts per kind, and the texts to look at."""

    present: Counter[str]
    found: Counter[str]
    marks: Counter[str]
    right: Counter[str]
    missed: list[str]
    wrong: list[str]
    changed: list[str]

    def recall(self, kind: str) -> float:
        return self.found[kind] / self.present[kind]

    @property
    def precision(self) -> float:
        return self.right.total() / self.marks.total()

    def __str__(self) -> str:
        head = f"{'kind':<18}{'present':>8}{'found':>7}{'recall':>8}{'marks':>7}{'right':>7}{'precision':>11}"
        rows = [
            f"{kind:<18}{self.present[kind]:>8}{self.found[kind]:>7}{self.recall(kind):>8.3f}"
            f"{self.marks[kind]:>7}{self.right[kind]:>7}{self.right[kind] / (self.marks[kind] or 1):>11.3f}"
            for kind in KINDS
        ]
        return "\n".join([head, *rows, f"precision of all marks: {self.precision:.3f}"])


@cache
def snippets(name: str) -> list[Snippet]:
    lines = Path(__file__).with_name(f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Snippet.read(line) for line in lines]


@cache
def score(name: str) -> Score:
    result = Score(Counter(), Counter(), Counter(), Counter(), [], [], [])
    for snippet in snippets(name):
        redacted = redact(snippet.text)
        marks = hidden_by(snippet.text, redacted)
        hidden = positions(marks)
        for span in snippet.personal:
            is_found = all(position in hidden for token in identifying(snippet.text, span) for position in token)
            result.present[span.kind] += 1
            result.found[span.kind] += is_found
            if not is_found:
                result.missed.append(f"{span.kind}: {snippet.text[span.start : span.end]!r} in {redacted!r}")
        for mark in marks:
            right = is_right(snippet, mark)
            result.marks[mark.kind] += 1
            result.right[mark.kind] += right
            if not right:
                result.wrong.append(f"{mark.kind}: {snippet.text[mark.start : mark.end]!r} in {snippet.text!r}")
        if not snippet.personal and redacted != snippet.text:
            result.changed.append(f"{snippet.text!r} became {redacted!r}")
    return result


def listed(name: str, lines: Sequence[str]) -> str:
    # A failure must not show the texts that nobody may tune the redactor on.
    shown = lines if name == SEEN else ()
    return "\n".join([name, str(score(name)), *shown])


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_large_enough_to_judge(name):
    clean = [snippet for snippet in snippets(name) if not snippet.personal]
    present = Counter(span.kind for snippet in snippets(name) for span in snippet.personal)
    assert len({snippet.text for snippet in snippets(name)}) == len(snippets(name)) >= 200
    assert len(clean) >= 60
    assert present["NOM"] >= 120
    assert min(present["ADRESSE"], present["PSEUDO"]) >= 25
    assert present["DATE DE NAISSANCE"] >= 20
    assert set(present) == set(KINDS)


def test_the_sets_share_no_text():
    seen = {snippet.text for snippet in snippets(SEEN)}
    assert not [rank for rank, snippet in enumerate(snippets(UNSEEN), 1) if snippet.text in seen]


@pytest.mark.parametrize(
    ("redacted", "found", "right"),
    [
        ("Mme [NOM], née le [DATE DE NAISSANCE], vit à Pau avec toute sa petite troupe.", True, [True, True]),
        ("Mme [NOM] Petit, née le [DATE DE NAISSANCE], vit à Pau avec toute sa petite troupe.", False, [True, True]),
        ("[NOM], née le [DATE DE NAISSANCE]/1960, vit à Pau avec toute sa petite troupe.", False, [True, True]),
        ("Mme [NOM], née le [DATE DE NAISSANCE], vit à [NOM] avec toute sa petite troupe.", True, [True, True, False]),
        ("Mme [NOM]", True, [False]),
    ],
)
def test_a_mark_is_judged_by_what_it_hides(redacted, found, right):
    text = "Mme Anne Petit, née le 02/03/1960, vit à Pau avec toute sa petite troupe."
    snippet = Snippet(text, tuple(_located(text, [("NOM", "Anne Petit"), ("DATE DE NAISSANCE", "02/03/1960")])), ())
    marks = hidden_by(text, redacted)
    hidden = positions(marks)
    is_hidden = all(p in hidden for span in snippet.personal for token in identifying(text, span) for p in token)
    assert (is_hidden, [is_right(snippet, mark) for mark in marks]) == (found, right)


@pytest.mark.parametrize("kind", STRUCTURED)
@pytest.mark.parametrize("name", SETS)
def test_nothing_remains_of_a_structured_identifier(name, kind):
    recall = score(name).recall(kind)
    assert recall == 1, listed(name, [line for line in score(name).missed if line.startswith(kind)])


@pytest.mark.parametrize("name", SETS)
def test_of_what_context_tells_little_is_missed(name):
    present = sum(score(name).present[kind] for kind in TOLD_BY_CONTEXT)
    found = sum(score(name).found[kind] for kind in TOLD_BY_CONTEXT)
    assert found >= 0.95 * present, listed(name, score(name).missed)


@pytest.mark.parametrize("kind", TOLD_BY_CONTEXT)
@pytest.mark.parametrize("name", SETS)
def test_what_context_tells_is_found(name, kind):
    recall = score(name).recall(kind)
    assert recall >= 0.95, listed(name, [line for line in score(name).missed if line.startswith(kind)])


@pytest.mark.parametrize("name", SETS)
def test_little_else_is_hidden(name):
    print(name, score(name), sep="\n")
    precision = score(name).precision
    assert precision >= 0.97, listed(name, score(name).wrong)


@pytest.mark.parametrize("name", SETS)
def test_texts_without_personal_data_come_back_unchanged(name):
    clean = sum(not snippet.personal for snippet in snippets(name))
    changed = len(score(name).changed)
    assert changed <= 0.03 * clean, listed(name, score(name).changed)
