"""Files that a user names."""

from pathlib import Path

from core.errors import ExpectedFailure


def write_text(file: Path, text: str) -> None:
    """Write a text in UTF-8.

    Raises:
        ExpectedFailure: the file cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise unwritable(file, problem) from None


def unwritable(file: Path, problem: OSError) -> ExpectedFailure:
    """Return the failure to raise where a file cannot be written."""
    return ExpectedFailure(
        f"Le fichier {file} ne peut pas être écrit : {problem.strerror}.", "Choisissez un autre emplacement."
    )
