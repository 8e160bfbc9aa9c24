"""Publishes a database as a read-only copy that readers never see half written."""

import shutil
import subprocess
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from uuid import uuid4

import duckdb

from core import disk, home_format, settings
from core.content_store import flush
from core.errors import ExpectedFailure, first_of
from core.locks import writer_lock
from core.settings import Home
from core.sql import literal
from warehouse import dbt_project
from warehouse.engine import engine
from warehouse.held_back import SOUND
from warehouse.published import DAILY, LIVE, Copy, unpinned

KEPT_BUILDS = 3
SHOWN_NODES = 8
COMMENTS = """
    select schema_name, table_name, null, comment from duckdb_tables()
    where database_name = 'original' and comment is not null
    union all
    select schema_name, view_name, null, comment from duckdb_views()
    where database_name = 'original' and comment is not null
    union all
    select schema_name, table_name, column_name, comment from duckdb_columns()
    where database_name = 'original' and comment is not null
"""


class Relation(NamedTuple):
    """A table of a database, by schema and name."""

    schema: str
    name: str

    def quoted(self, catalog: str) -> str:
        return f'{catalog}."{self.schema}"."{self.name}"'


class Origin(NamedTuple):
    """What a copy is made from, and how it is described.

    Attributes:
        database: Name of the file in the home.
        build: The command that builds it.
        dated_by: Table and column whose latest day is that of the data.
        signature: Table of the copy that says which publication it is; no name may occur in both copies.
    """

    database: Literal["warehouse", "live"]
    build: str
    dated_by: tuple[Relation, str]
    signature: Relation


ORIGINS = {
    DAILY: Origin(
        "warehouse",
        "cyberimpact build",
        (Relation("audit", "freshness"), "data_as_of"),
        Relation("audit", "publication"),
    ),
    LIVE: Origin(
        "live",
        "cyberimpact build --live",
        (Relation("visibility", "live_mention"), "published_on"),
        Relation("audit", "live_publication"),
    ),
}


@dataclass(frozen=True)
class Publication:
    """One published copy.

    Attributes:
        publication_id: UTC time of its start and six random characters; also the name of its folder.
        published_at: When the copy was begun.
        data_as_of: Latest day that the figures cover, None while there is no data.
        code_version: Git commit, with `-dirty` where the checkout was changed.
        rows: Rows by table.
        file: The copy.
    """

    publication_id: str
    published_at: datetime
    data_as_of: date | None
    code_version: str
    rows: Mapping[Relation, int]
    file: Path


class Recorder(Protocol):
    """Keeps what was published: `audit.recording.Recorder`."""

    def prepare(self, home: Home, facts: Mapping[str, Any]) -> Any:
        """Write the evidence of the warehouse, and return a draft of the ledger's entry."""

    def complete(self, home: Home, copy: Path, draft: Any) -> Any:
        """Add to the copy the tables that describe its publication, and return the signed entry."""

    def commit(self, entry: Any) -> None:
        """Append the entry to the ledger."""


def exposed_relations(manifest: Mapping[str, Any], target: str = DAILY.target) -> list[Relation]:
    """Return the tables that are to be published of what a dbt target builds."""
    nodes = dbt_project.exposed(manifest, target)
    return sorted(map(relation_of, nodes))


def former_names(manifest: Mapping[str, Any], target: str = DAILY.target) -> dict[Relation, str]:
    """Return the former name of each table to be published that was renamed in this version (`meta.formerly`)."""
    nodes = dbt_project.exposed(manifest, target)
    return {relation_of(node): former for node in nodes if (former := dbt_project.meta(node).get("formerly"))}


def relation_of(node: Mapping[str, Any]) -> Relation:
    return Relation(node["schema"], node.get("alias") or node["name"])


def publish(
    home: Home,
    relations: Sequence[Relation],
    made: Copy = DAILY,
    recorder: Recorder | None = None,
    *,
    former: Mapping[Relation, str] | None = None,
) -> Publication:
    """Copy tables of a database into a new file and make it the current one, in one atomic step for readers.

    A process that dies at any point leaves the former copy in place; what it left behind goes at the next publication.
    The ledger has a publication just before readers do: what they see is always recorded.

    Args:
        home: The home.
        relations: The tables.
        made: The copy that is made; it says from which database.
        recorder: Records evidence and ledger of what is published; None where the copy holds no KPI.
        former: Former names by which the copy shows tables besides.

    Raises:
        ExpectedFailure: nothing was built, the last build did not end with every check passed, or the disk is full.
    """
    origin = ORIGINS[made]
    database = home.database(origin.database)
    if not database.exists():
        raise ExpectedFailure(f"There is nothing to publish: {database.name} is empty.", f"Run `{origin.build}` first.")
    target = home.published / made.target
    target.mkdir(parents=True, exist_ok=True)
    with writer_lock(database), disk.explained():
        home_format.mark(home.root)
        sweep(target)
        started = datetime.now(UTC)
        publication_id = f"{started:%Y%m%dT%H%M%S.%fZ}-{uuid4().hex[:6]}"
        partial = target / f".{publication_id}.partial"
        partial.mkdir()
        with attached(database, partial / made.file_name) as connection:
            refuse_unless_green(connection, origin)
            engine().refuse_changed(home, made.target)
            connection.begin()
            rows = {relation: copy(connection, relation, origin) for relation in relations}
            describe(connection, relations)
            for relation, name in (former or {}).items():
                # The view names no file: it reads the one that it lies in, wherever that is attached.
                alias = Relation(relation.schema, name).quoted("serving")
                connection.execute(f'create view {alias} as from "{relation.schema}"."{relation.name}"')
            publication = Publication(
                publication_id=publication_id,
                published_at=started,
                data_as_of=data_as_of(connection, origin),
                code_version=code_version(),
                rows=rows,
                file=target / publication_id / made.file_name,
            )
            sign(connection, publication, origin.signature)
            connection.commit()
        if recorder:
            draft = recorder.prepare(home, facts(publication))
            recorded = recorder.complete(home, partial / publication.file.name, draft)
        flush(partial / publication.file.name)
        if recorder:
            recorder.commit(recorded)
        make_current(partial, publication)
        prune(target)
    return publication


@contextmanager
def attached(database: Path, copy_file: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a database for reading as `original` and a new file for writing as `serving`, in one connection.

    Raises:
        ExpectedFailure: the database is damaged, or open elsewhere without its lock.
    """
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(f"attach {literal(str(database))} as original (read_only)")
        except duckdb.IOException as problem:
            raise ExpectedFailure(
                f"The file {database.name} cannot be read: {str(problem).splitlines()[0]}",
                "If another program has it open, close that; if it is damaged, move it away, load and build again.",
            ) from None
        connection.execute(f"attach {literal(str(copy_file))} as serving")
        yield connection
        connection.execute("checkpoint serving")
        connection.execute("detach serving")


def scalar(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    [(value,)] = connection.execute(query).fetchall()
    return value


def refuse_unless_green(connection: duckdb.DuckDBPyConnection, origin: Origin) -> None:
    """Check that every node of the last builds has been built and every blocking check has passed.

    Raises:
        ExpectedFailure: a node failed, was skipped, or was being built when the build was interrupted.
    """
    try:
        bad = connection.execute(
            "select status, name from original.audit.build_status where status not in (select unnest(?)) order by 1, 2",
            [SOUND],
        ).fetchall()
    except duckdb.CatalogException:
        raise ExpectedFailure(
            "There is nothing to publish: nothing was built.", f"Run `{origin.build}` first."
        ) from None
    if bad:
        shown = first_of((f"{name} ({status})" for status, name in bad), SHOWN_NODES)
        raise ExpectedFailure(
            f"The last build is not sound, so readers keep the copy they have: {shown}.",
            f"Correct what failed and run `{origin.build}` again; `running` means that a build was interrupted.",
        )


def copy(connection: duckdb.DuckDBPyConnection, relation: Relation, origin: Origin) -> int:
    """Copy one table and return its number of rows.

    Raises:
        ExpectedFailure: the database lacks the table.
    """
    source, target = relation.quoted("original"), relation.quoted("serving")
    connection.execute(f'create schema if not exists serving."{relation.schema}"')
    try:
        connection.execute(f"create table {target} as from {source}")
    except duckdb.CatalogException:
        raise not_built(relation, origin) from None
    return scalar(connection, f"select count(*) from {target}")  # noqa: S608 - quoted names of the manifest


def describe(connection: duckdb.DuckDBPyConnection, relations: Iterable[Relation]) -> None:
    """Give the copy the descriptions of the original."""
    copied = set(relations)
    for schema, table, column, text in connection.execute(COMMENTS).fetchall():
        relation = Relation(schema, table)
        if relation in copied:
            named = relation.quoted("serving")
            about = f"table {named}" if column is None else f'column {named}."{column}"'
            connection.execute(f"comment on {about} is {literal(text)}")


def data_as_of(connection: duckdb.DuckDBPyConnection, origin: Origin) -> date | None:
    """Return the latest day that the figures cover; a row that is dated in the future does not move it.

    Raises:
        ExpectedFailure: the table that says so was never built.
    """
    relation, column = origin.dated_by
    today = "cast(timezone('Europe/Paris', now()) as date)"
    query = f"select max({column}) from {relation.quoted('original')} where {column} <= {today}"  # noqa: S608 - ours
    try:
        return scalar(connection, query)
    except duckdb.CatalogException:
        raise not_built(relation, origin) from None


def not_built(relation: Relation, origin: Origin) -> ExpectedFailure:
    return ExpectedFailure(
        f"The table {relation.schema}.{relation.name} is to be published but was never built.",
        f"Run `{origin.build}` without --select.",
    )


def code_version() -> str:
    """Return the commit of the code: that of the checkout, or the one that the installed version names."""
    if not settings.IS_CHECKOUT:
        return version("cyberimpact").rpartition("+g")[2]
    described = subprocess.run(
        ["git", "-C", settings.CODE, "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def sign(connection: duckdb.DuckDBPyConnection, publication: Publication, signature: Relation) -> None:
    """Write the identity of the publication into the copy."""
    connection.execute(f'create schema if not exists serving."{signature.schema}"')
    connection.execute(
        f"create table {signature.quoted('serving')} as select ?::varchar as publication_id, "
        "?::timestamptz as published_at, ?::date as data_as_of, ?::varchar as code_version",
        [publication.publication_id, publication.published_at, publication.data_as_of, publication.code_version],
    )


def facts(publication: Publication) -> dict[str, Any]:
    """Return what the ledger keeps of a publication."""
    return {
        "publication_id": publication.publication_id,
        "published_at": publication.published_at.isoformat(),
        "data_as_of": publication.data_as_of and publication.data_as_of.isoformat(),
        "code_version": publication.code_version,
    }


def make_current(partial: Path, publication: Publication) -> None:
    """Give the finished copy its name and swap the `current` link.

    The link is to the folder: a link to the file would change DuckDB's name of the catalog with each build.
    """
    flush(partial)
    folder = publication.file.parent
    partial.rename(folder)
    link = folder.with_name(f".current.{publication.publication_id}")
    link.symlink_to(folder.name)
    link.replace(folder.with_name("current"))
    flush(folder.parent)


def sweep(target: Path) -> None:
    """Remove what a publication that died has left."""
    for leftover in (*target.glob(".*.partial"), *target.glob(".current.*")):
        leftover.unlink() if leftover.is_symlink() else shutil.rmtree(leftover)


def prune(target: Path) -> None:
    """Remove all but the last builds and the pinned ones; the current one stays even if the clock was set back."""
    current = (target / "current").resolve()
    builds = [path for path in target.iterdir() if path.is_dir() and not path.is_symlink()]
    by_age = sorted(builds, key=lambda build: (build == current, build.name))
    for build in by_age[:-KEPT_BUILDS]:
        with unpinned(build) as free:
            if free:
                shutil.rmtree(build)
