"""Reads the export that Je donne mon avis sends by mail: one column per question, recognised by its wording."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from core.normalize_text import fold
from ingestion.connectors.jdma.contract import ANSWERS, CONTRACT, REVIEWS
from ingestion.connectors.jdma.flattening import answers, review
from ingestion.connectors.jdma.questionnaire import BY_LABEL, VERBATIM, Question
from ingestion.engine.contract import Table
from ingestion.engine.files import CsvFile, open_csv
from ingestion.engine.parsed_file import JSON_SUFFIXES, Adapt, ParsedFile, Part, as_it_is, parse_tabular, parsed_csv
from ingestion.engine.records import Record
from privacy import redact_label

#: Between several answers to one question, and between an answer and what was answered below it (§1.5) [CERTAIN].
BETWEEN_ANSWERS = " / "
BELOW = " : "

_FILE_NAME = re.compile(r"Avis_(?P<service>.+)_\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}\.csv", re.IGNORECASE)

#: Columns that say whose answers these are.
_OF_REVIEW = ("Identifiant Avis", "Date de l'avis")


def open_export(path: Path) -> ParsedFile:
    """Return an export: `Avis_<service>_<time>.csv`, or reviews as the API gives them in JSON; with their answers.

    Raises:
        ExpectedFailure: the file cannot be read, or a column that every export has is missing.
    """
    if path.suffix.lower() in JSON_SUFFIXES:
        return parse_tabular(path, "jdma", CONTRACT, _of_api)
    file = open_csv(path, "jdma", REVIEWS.recognised)
    reviews = [label for label in file.header if REVIEWS.recognised([label])]
    REVIEWS.understand(reviews, f"jdma, file {file.name}")
    questions = [label for label in file.header if label not in reviews]
    return parsed_csv(file, Part(REVIEWS, _reviews(file, reviews, path.name)), Part(ANSWERS, _answers(file, questions)))


def _of_api(labels: Sequence[str], where: str) -> Sequence[tuple[Table | None, Adapt]]:
    """Return how reviews of `/avis` become those of the contract; records that are flat already stay as they are."""
    if "answers" not in labels:
        return [(None, as_it_is)]
    return [(REVIEWS, lambda values: [review(values)]), (ANSWERS, lambda values: answers(values, where))]


def _reviews(file: CsvFile, columns: list[str], file_name: str) -> Iterator[Record]:
    named = _FILE_NAME.fullmatch(file_name)
    verbatim = next((label for label in file.header if fold(label) == fold(VERBATIM.label)), None)
    for record in file.records():
        values = {label: record.values.get(label) for label in columns}
        if named is not None:
            values["product_title"] = named["service"].replace("_", " ")
        if verbatim is not None:
            values["has_verbatim"] = str(bool((record.values.get(verbatim) or "").strip())).lower()
        yield Record(record.position, values, record.problem, record.is_cut)


def _answers(file: CsvFile, questions: list[str]) -> Iterator[Record]:
    """Yield the answers of the complete records; the others are reported once, as reviews."""
    of_review = {fold(label): label for label in file.header if fold(label) in map(fold, _OF_REVIEW)}
    for record in file.records():
        if record.problem is not None:
            continue
        whose = {label: record.values[of_review[fold(label)]] for label in _OF_REVIEW}
        for label in questions:
            said = record.values[label].strip()
            if said:
                for answer in _of_question(label, said):
                    yield Record(record.position, {**whose, "field_label": label, **answer})


def _of_question(label: str, said: str) -> Iterator[Mapping[str, str | None]]:
    """Yield what a cell says; the cell of a question that the questionnaire lacks is one text."""
    question = BY_LABEL.get(fold(label))
    if question is None or not question.items:
        yield {
            "field_code": question.code if question else fold(redact_label(label)),
            "answer_item_id": "0",
            "parent_field_code": None,
            "parent_answer": None,
            "answer_text": said,
            "intention": "neutral" if question else None,
            "kind": "text",
        }
        return
    for answer in said.split(BETWEEN_ANSWERS):
        yield _ticked(question, answer.strip())


def _ticked(question: Question, answer: str) -> Mapping[str, str | None]:
    above, separator, wording = answer.rpartition(BELOW) if question.parent else ("", "", answer)
    item = question.by_label.get(fold(wording))
    return {
        "field_code": question.code,
        "answer_item_id": str(item.number) if item else wording,
        "parent_field_code": question.parent if separator else None,
        "parent_answer": above.strip() or None,
        "answer_text": wording,
        "intention": item.intention if item else None,
        "kind": question.kind,
    }
