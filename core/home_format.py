"""The form of the files of a home: an older version of the platform refuses newer data.

`format.json` in the home names the form and the version that wrote there last. A home without it is of 0.1.0, or empty.
The operations database has its own record, the migrations that were applied.
"""

import json
import os
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from core import denied
from core.errors import ExpectedFailure

#: One more with each change of raw tables, models, detector states, ledger or evidence after which the version before
#: must not run on a home any more.
FORMAT = 2
FILE = "format.json"
#: The form of a home without the file.
_FIRST = 1


def refuse_newer(root: Path) -> None:
    """Check that this version knows the form of a home, or of a backup.

    Raises:
        ExpectedFailure: a newer version has written there, or the file that says so is damaged.
    """
    _refuse_newer(root, *_read(root))


def mark(root: Path) -> None:
    """Note that this version writes in a home.

    Raises:
        ExpectedFailure: as `refuse_newer`.
    """
    found = _read(root)
    _refuse_newer(root, *found)
    if found == (FORMAT, version("cyberimpact")):
        return
    unfinished = root / f".{FILE}.{os.getpid()}"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "version": version("cyberimpact")}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(root / FILE)


def _refuse_newer(root: Path, found: int, writer: str) -> None:
    if found > FORMAT:
        raise ExpectedFailure(
            f"{root} was written by version {writer} of the platform, which is newer than this one, "
            f"{version('cyberimpact')}: its data have form {found}, and this version knows {FORMAT} at most.",
            "Run that version, or put back a backup that this one made: `cyberimpact restore`.",
        )


def _read(root: Path) -> tuple[int, str]:
    """Return the form of a home and the version that wrote there last."""
    file = root / FILE
    try:
        status = file.stat()
        return _content(str(file), status.st_ino, status.st_mtime_ns, status.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return _FIRST, "0.1.0"
    except PermissionError:
        raise denied.failure(file, os.R_OK) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ExpectedFailure(
            f"{file}, which says what version wrote there, cannot be read.",
            "Take it from the last backup.",
        ) from None


@lru_cache(maxsize=8)
def _content(file: str, *_status: int) -> tuple[int, str]:
    """Read the file once for each inode, time and size that it has: every query of the operations database asks.

    A file server may give the former ones for up to a minute.
    """
    content = json.loads(Path(file).read_bytes())
    return int(content["format"]), str(content["version"])
