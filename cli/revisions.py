"""Asks git about the revisions of the checkout."""

import subprocess
import tarfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from core import settings
from core.errors import ExpectedFailure

MAIN = "origin/main"


def git(*arguments: str) -> bytes:
    """Return what git answers about the checkout.

    Raises:
        ExpectedFailure: git cannot answer.
    """
    done = subprocess.run(["git", "-C", settings.CHECKOUT, *arguments], capture_output=True, check=False)
    if done.returncode:
        raise ExpectedFailure(
            f"git ne répond pas à « {' '.join(arguments)} » : {done.stderr.decode(errors='replace').strip()}",
            "Donnez deux révisions qui existent dans ce dépôt, par exemple HEAD~1 et HEAD.",
        )
    return done.stdout


def base() -> str | None:
    """Return the commit where the checkout left the main branch; None where that is unknown."""
    try:
        return git("merge-base", MAIN, "HEAD").decode().strip()
    except ExpectedFailure:
        return None


@contextmanager
def extracted(revision: str, parts: Iterable[str]) -> Generator[Path]:
    """Give a temporary folder with some files and folders of a revision.

    Raises:
        ExpectedFailure: there is no such revision, or it lacks one of them.
    """
    with TemporaryDirectory(prefix="cyberimpact-revision-") as temporary:
        tree = Path(temporary)
        with tarfile.open(fileobj=BytesIO(git("archive", "--format=tar", revision, *parts))) as archive:
            archive.extractall(tree, filter="data")
        yield tree


def added_lines(changelog: str, former: str) -> list[str]:
    """Return the lines that a file of the checkout has got since a revision."""
    if not git("ls-files", changelog):
        path = settings.CHECKOUT / changelog
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    changed = git("diff", "--unified=0", former, "--", changelog).decode().splitlines()
    return [line[1:] for line in changed if line.startswith("+") and not line.startswith("+++")]
