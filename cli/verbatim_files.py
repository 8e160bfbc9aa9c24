"""Trains and runs the classification of texts on CSV files; reports are in French."""

import csv
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from rich.progress import track

from analytics.text import model
from cli.output import progress
from core import french
from core.errors import ExpectedFailure
from core.files import unwritable

ADDED = ("feeling", "probability", "themes")
#: What a spreadsheet takes for the beginning of a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DELIMITERS = ",;\t|"
#: Longest cell, in characters: the standard library's own limit is met by real files.
_LONGEST_CELL = 2**31 - 1


class Table(NamedTuple):
    """A CSV file that is being read: the names of its columns, and its rows one after the other."""

    columns: list[str]
    rows: Iterator[list[str]]

    def column(self, name: str, path: Path) -> int:
        """Return the place of a column.

        Raises:
            ExpectedFailure: there is no such column, or two; the message names those that exist.
        """
        if name not in self.columns:
            raise ExpectedFailure(
                f"{path} n'a pas de colonne « {name} ».", f"Colonnes présentes : {', '.join(self.columns)}."
            )
        if self.columns.count(name) > 1:
            raise ExpectedFailure(
                f"{path} a plusieurs colonnes « {name} ».", "En renommer une : rien ne dit laquelle lire."
            )
        return self.columns.index(name)


def train(path: Path, text: str, label: str, folder: Path) -> list[str]:
    """Train a model on a CSV file, save it, and return what is known of it, line by line.

    Raises:
        ExpectedFailure: the file cannot be read, or there is too little in it to learn from.
    """
    with opened(path) as table:
        texts_at, labels_at = table.column(text, path), table.column(label, path)
        pairs = [(row[texts_at], row[labels_at]) for row in counted(table.rows, "lecture")]
    progress().print(f"Apprentissage sur {len(pairs)} lignes…", markup=False)
    try:
        classifier, card = model.train([text for text, _ in pairs], [label for _, label in pairs])
    except model.TooFewTexts as failure:
        found = ", ".join(f"« {name} » : {number}" for name, number in sorted(failure.found.items())) or "aucun texte"
        raise ExpectedFailure(
            f"{path} : trop peu de textes pour apprendre ({found}).",
            f"Il faut au moins deux étiquettes ayant chacune {model.FEWEST} textes différents.",
        ) from None
    try:
        model.save(folder, classifier, card)
    except OSError as error:
        raise ExpectedFailure(
            f"Le modèle ne peut pas être écrit dans {folder} : {error.strerror}.", "Choisissez un autre dossier."
        ) from None
    return [*report(card), f"Modèle enregistré dans {folder}."]


def classify(folder: Path, path: Path, text: str, out: Path) -> str:
    """Write a CSV file again, with the feeling and the themes of each of its texts, and say how many rows it has.

    Raises:
        ExpectedFailure: the model or the file cannot be read, or the other cannot be written.
    """
    try:
        model.load(folder)
    except model.NoModel:
        raise ExpectedFailure(
            f"{folder} ne contient pas de modèle lisible.",
            "Donnez le dossier écrit par `cyberimpact verbatims train`, ou entraînez-le de nouveau.",
        ) from None
    with opened(path) as table, written(out) as file:
        texts_at = table.column(text, path)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([safe(name) for name in [*kept_names(table.columns), *ADDED]])
        count = 0
        for row, answer in answered(folder, counted(table.rows, "classement"), texts_at):
            probability = "" if answer.probability is None else f"{answer.probability:.4f}"
            writer.writerow([*map(safe, row), safe(answer.label or ""), probability, "|".join(answer.themes)])
            count += 1
    return f"{count} lignes classées, dans {out}."


def answered(folder: Path, rows: Iterable[list[str]], texts_at: int) -> Iterator[tuple[list[str], model.Answer]]:
    """Yield each row with its answer; only the rows whose answer is awaited are in memory."""
    waiting: deque[list[str]] = deque()

    def texts() -> Iterator[str]:
        for row in rows:
            waiting.append(row)
            yield row[texts_at]

    for answer in model.stream(folder, texts()):
        yield waiting.popleft(), answer


@contextmanager
def opened(path: Path) -> Generator[Table, None, None]:
    """Open a CSV file in UTF-8, with or without a byte order mark, whichever usual delimiter it has.

    Raises:
        ExpectedFailure: it is no such file; the message names the line.
    """
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = delimiter_of(file)
            reader = csv.reader(file, delimiter=delimiter)
            columns = next(reader, None)
            if not columns:
                raise ExpectedFailure(
                    f"{path} est vide.", "Donnez un fichier CSV dont la première ligne nomme les colonnes."
                )
            yield Table(columns, whole(reader, len(columns), path))
    except UnicodeDecodeError:
        raise ExpectedFailure(f"{path} n'est pas en UTF-8.", "L'enregistrer en « CSV UTF-8 ».") from None
    except csv.Error as error:
        raise ExpectedFailure(f"{path} n'est pas un fichier CSV lisible : {error}.", "Corrigez le fichier.") from None
    except FileNotFoundError:
        raise ExpectedFailure(f"{path} n'existe pas.", "Vérifiez le chemin.") from None
    except OSError as error:
        raise ExpectedFailure(f"{path} ne peut pas être lu : {error.strerror}.", "Vérifiez le chemin.") from None


def delimiter_of(file: TextIO) -> str:
    """Return the delimiter that the first line holds most of, a comma where it holds none."""
    first = file.readline()
    file.seek(0)
    return max(_DELIMITERS, key=first.count)


def whole(reader: Any, width: int, path: Path) -> Iterator[list[str]]:
    """Yield the rows of a file, each as wide as its header; an empty line is an empty text where there is one column.

    Raises:
        ExpectedFailure: a row is wider.
    """
    for row in reader:
        if len(row) > width:
            raise ExpectedFailure(
                f"{path}, ligne {reader.line_num} : {len(row)} cellules pour {width} colonnes.",
                "Mettez entre guillemets les textes qui contiennent le séparateur.",
            )
        if row or width == 1:
            yield row + [""] * (width - len(row))


@contextmanager
def written(path: Path) -> Generator[TextIO, None, None]:
    """Open a file that replaces another only when it is complete.

    Raises:
        ExpectedFailure: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        file = draft.open("w", encoding="utf-8", newline="", errors="replace")
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        with file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def kept_names(columns: Sequence[str]) -> list[str]:
    """Return the names of the input's columns; one that an added column bears becomes `…_origine`."""
    return [f"{name}_origine" if name in ADDED else name for name in columns]


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet runs: an apostrophe goes before a formula; a number is none."""
    if not cell.lstrip(" ").startswith(_FORMULA) and not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return f"'{cell}"
    return cell


def report(card: model.Card) -> list[str]:
    """Return what is known of a model, as a French reader reads it."""
    metrics = card.metrics
    lines = [
        f"{sum(card.texts.values())} textes différents, validation croisée en {card.folds} parts, intervalles à 95 %.",
        f"F1 moyen : {share(metrics['macro_f1'])}",
    ]
    for name, figures in metrics["labels"].items():
        lines.append(
            f"{name} ({figures['texts']} textes) : précision {share(figures['precision'])}, "
            f"rappel {share(figures['recall'])}, F1 {share(figures['f1'])}"
        )
    lines.append(f"Erreur de calibration (ECE) : {number(metrics['calibration_error'])}")
    for name, row in metrics["confusion"].items():
        lines.append(f"« {name} » classé : {', '.join(f'{other} {times}' for other, times in row.items())}")
    for name, texts in card.passed_over.items():
        lines.append(f"Étiquette « {name} » écartée : {texts} texte, il en faut {model.FEWEST}.")
    return lines


def share(estimate: dict[str, float]) -> str:
    """Return a share with its interval."""
    return f"{number(estimate['value'])} [{number(estimate['low'])} ; {number(estimate['high'])}]"


def number(value: float) -> str:
    return french.decimal(value, 3)


def counted(rows: Iterable[list[str]], what: str) -> Iterator[list[str]]:
    """Yield rows, and show how many have gone by."""
    yield from track(rows, description=what, console=progress())
