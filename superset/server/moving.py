"""Moves Superset's metadata from the SQLite file of a home to an empty PostgreSQL database, in one transaction."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from flask_appbuilder import Model
from sqlalchemy import MetaData, Table, create_engine, func, inspect, select, text
from sqlalchemy.engine import Connection

PAGE_ROWS = 500
#: Each database has its own: which migrations it has seen.
REVISION = "alembic_version"

FOREIGN_KEYS = """
    select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint
    where contype = 'f' and connamespace = current_schema()::regnamespace
"""
SEQUENCES = """
    select quote_ident(table_name), quote_ident(column_name),
        pg_get_serial_sequence(quote_ident(table_name), column_name)
    from information_schema.columns
    where table_schema = current_schema() and column_default like 'nextval(%'
"""


def move(file: Path, target: Connection) -> dict[str, int]:
    """Copy every row of the file into the database, whose tables are made and hold no account.

    Args:
        file: The SQLite file; it is read only.
        target: A transaction in the database.

    Returns:
        The number of rows by table.
    """
    source = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    with source.connect() as read:
        if revision(read) != revision(target):
            sys.exit("The file is of another version of Superset: start the platform on it once, then move it.")
        if target.execute(select(func.count()).select_from(Model.metadata.tables["ab_user"])).scalar():
            sys.exit("The database has accounts already: give the address of an empty one.")
        present = set(inspect(target).get_table_names()) - {REVISION}
        if strange := {name for name in inspect(read).get_table_names() if count(read, name)} - present - {REVISION}:
            sys.exit(f"The database has no table for the rows of {', '.join(sorted(strange))}.")
        keys = target.execute(text(FOREIGN_KEYS)).fetchall()
        for table, name, _ in keys:  # rows of a table refer to later ones of the same
            target.execute(text(f"alter table {table} drop constraint {name}"))
        moved = {name: copy(read, target, table_of(target, name)) for name in sorted(present)}
        for table, name, definition in keys:
            target.execute(text(f"alter table {table} add constraint {name} {definition}"))
        go_on_counting(target)
    return moved


def revision(connection: Connection) -> set[str]:
    return {found for (found,) in connection.execute(text(f"select version_num from {REVISION}"))}  # noqa: S608


def count(connection: Connection, table: str) -> int:
    return connection.execute(text(f'select count(*) from "{table}"')).scalar()  # noqa: S608


def table_of(target: Connection, name: str) -> Table:
    """Return a table with the types that Superset gives it, which know both engines, or as the database has it."""
    known = Model.metadata.tables.get(name)
    return known if known is not None else Table(name, MetaData(), autoload_with=target)


def copy(source: Connection, target: Connection, table: Table) -> int:
    """Replace the rows of a table, and return their number."""
    target.execute(table.delete())
    if not inspect(source).has_table(table.name):
        return 0
    here = {column["name"] for column in inspect(source).get_columns(table.name)}
    there = {column["name"] for column in inspect(target).get_columns(table.name)}
    columns = [column for column in table.columns if column.name in here & there]
    keys = [column.key for column in columns]
    rows = iter(source.execute(select(*columns)))
    for page in pages(rows):
        target.execute(table.insert(), [dict(zip(keys, row, strict=True)) for row in page])
    moved, expected = count(target, table.name), count(source, table.name)
    if moved != expected:
        sys.exit(f"{moved} of {expected} rows of {table.name} arrived: stop what writes the databases.")
    return moved


def pages(rows: Iterator) -> Iterator[list]:
    while page := list(islice(rows, PAGE_ROWS)):
        yield page


def go_on_counting(target: Connection) -> None:
    """Set the numbers that PostgreSQL gives to rows after those that were moved."""
    for table, column, sequence in target.execute(text(SEQUENCES)).fetchall():
        target.execute(
            text(f"select setval('{sequence}', (select coalesce(max({column}), 0) + 1 from {table}), false)")  # noqa: S608
        )
