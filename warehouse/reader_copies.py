"""Makes the file that the holders of a right open: only the tables and rows granted.

A copy is made once per published build and right, at its first use, in `published/<target>/<build>/rights/<key>/`, by a
process of its own. It vanishes with its build.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Container, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import duckdb

from warehouse.rights import AccessError, Right

FOLDER = "rights"
#: Stands beside a copy: the content of its right, which the name of their folder proves.
DECLARATION = "right.json"

#: Builds that may vanish under a reader who has just resolved the link, before it gives up.
_ATTEMPTS = 10
_SECONDS = 300
_REMEDY = "Free disk or memory, or publish again."
_CODE = Path(__file__).resolve().parents[1]
#: This process may have another environment than the one that the code is installed in, hence its folder comes last.
_MAKER = """
import sys
sys.path.append(sys.argv[1])
from warehouse.reader_copies import main
main(*sys.argv[2:])
"""
_TABLES = "select concat(schema_name, '.', table_name) from duckdb_tables() where database_name = 'original'"
_COMMENTS = """
    select schema_name, table_name, null as column_name, comment from duckdb_tables()
    where database_name = 'original' and comment is not null
    union all
    select schema_name, table_name, column_name, comment from duckdb_columns()
    where database_name = 'original' and comment is not null
"""


class CopyError(AccessError):
    """A reader's copy cannot be had."""


class NothingPublishedError(CopyError):
    """There is no published copy yet."""


def path_for(link: Path, right: Right) -> Path:
    """Return the copy of the current build for a right; make it at its first use.

    Readers of one right wait for one maker; readers of other rights wait for nobody.

    Args:
        link: The published copy by its `current` link, `published/daily/current/serving.duckdb`.
        right: What they may read.

    Raises:
        CopyError: the right grants nothing, nothing is published, or the copy cannot be made.
    """
    if not right:
        raise CopyError("This account may read no data.", "Give it a role of the project.")
    for _ in range(_ATTEMPTS):
        source = link.resolve()
        if not source.exists():
            break
        if right.is_everything:
            return source
        copy = source.parent / FOLDER / right.key / source.name
        try:
            if not copy.exists():
                _make(source, copy, right)
        except FileNotFoundError:
            continue  # the build was pruned meanwhile: it has a successor
        except OSError as problem:
            raise CopyError(f"The copy for readers could not be made: {problem.strerror}.", _REMEDY) from None
        return copy
    raise NothingPublishedError("Nothing was published in this home yet.", "Run `cyberimpact publish`.")


@contextmanager
def forgotten(build: Path) -> Generator[None]:
    """Remove the copies of a build, and let nobody make one while the block lasts, which may change the build."""
    with _locked(build / FOLDER, fcntl.LOCK_EX):
        for copy in (build / FOLDER).glob("*/*"):
            copy.unlink()
        yield


def _make(source: Path, copy: Path, right: Right) -> None:
    """Make a copy in a subprocess, unless another process has made it meanwhile.

    The maker holds the locks as well: if this process dies, nobody starts a second one, and the build is not pruned.
    """
    with ExitStack() as stack:
        held = [
            stack.enter_context(_locked(source.parent, fcntl.LOCK_SH, make=False)),
            stack.enter_context(_locked(copy.parent.parent, fcntl.LOCK_SH)),
            stack.enter_context(_locked(copy.parent, fcntl.LOCK_EX)),
        ]
        if copy.exists():
            return
        try:
            _run_maker(source, copy, right, held)
        finally:
            for leftover in copy.parent.glob(".*"):  # of a maker that failed or was killed, now or before
                leftover.unlink()


def _run_maker(source: Path, copy: Path, right: Right, held: list[int]) -> None:
    try:
        made = subprocess.run(
            [sys.executable, "-c", _MAKER, _CODE, source, copy],
            input=right.content,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            pass_fds=held,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CopyError(f"No copy could be made within {_SECONDS} s.", "Look at the load of the machine.") from None
    if made.returncode:
        last = (made.stderr.strip().splitlines() or [f"its maker ended with code {made.returncode}"])[-1]
        raise CopyError(f"The copy for readers could not be made: {last}", _REMEDY)


@contextmanager
def _locked(folder: Path, kind: int, *, make: bool = True) -> Generator[int]:
    """Hold a lock on a folder, which the kernel frees when its last holder dies, and yield its descriptor."""
    if make:
        folder.mkdir(mode=0o700, exist_ok=True)  # not its parent: a build that was pruned does not come back
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def write(source: Path, copy: Path, tables: Mapping[str, str | None]) -> None:
    """Write a copy under a private name, then give it its own.

    A table that lacks the column of its condition is left out: who may read no row for sure reads none.

    Args:
        source: The published copy.
        copy: The file to be made.
        tables: As `Right.tables`.
    """
    partial = copy.with_name(f".{uuid4().hex}")
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set temp_directory = ''")
        connection.execute(f"attach {_literal(str(source))} as original (read_only)")
        connection.execute(f"attach {_literal(str(partial))} as serving")
        connection.execute("use original")
        published = {table for (table,) in connection.execute(_TABLES).fetchall()}
        connection.execute("begin")  # each of hundreds of comments would wait for the disk otherwise
        made = {table for table in sorted(tables.keys() & published) if _copy(connection, table, tables[table])}
        for statement in _comments(connection, made):
            connection.execute(statement)
        connection.execute("commit")
        connection.execute("checkpoint serving")
        connection.execute("use memory")
        connection.execute("detach serving")
    _flush(partial)
    partial.rename(copy)
    _flush(copy.parent)


def _copy(connection: duckdb.DuckDBPyConnection, table: str, condition: str | None) -> bool:
    """Copy the rows of a table that fulfil a condition; return whether there is a table to hold them."""
    schema, name = (f'"{part}"' for part in table.split("."))
    connection.execute(f"create schema if not exists serving.{schema}")
    rows = f"from original.{schema}.{name}" + (f" where {condition}" if condition else "")
    try:
        connection.execute(f"create table serving.{schema}.{name} as {rows}")
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    return True


def _comments(connection: duckdb.DuckDBPyConnection, tables: Container[str]) -> Iterator[str]:
    """Yield the statements that describe tables of `serving` as those of `original` are described."""
    for schema, name, column, text in connection.execute(_COMMENTS).fetchall():
        if f"{schema}.{name}" in tables:
            target = f'serving."{schema}"."{name}"'
            what = f'column {target}."{column}"' if column else f"table {target}"
            yield f"comment on {what} is {_literal(text)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(source: str, copy: str) -> None:
    """Make the copy of the right that comes in on standard input."""
    os.umask(0o077)
    content = sys.stdin.read()
    try:
        Path(copy).with_name(DECLARATION).write_text(content, encoding="utf-8")
        write(Path(source), Path(copy), Right.parse(content).tables)
    except (duckdb.Error, OSError) as problem:
        sys.exit(str(problem).splitlines()[0])
