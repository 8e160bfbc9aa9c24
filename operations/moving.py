"""Moves the operations from the SQLite file of the home to PostgreSQL."""

from itertools import islice

from django.apps import apps
from django.core.management.color import no_style
from django.db import connections, transaction

from core import settings
from core.errors import ExpectedFailure
from core.settings import Home
from operations import database, models

_FILE = "file"
_ROWS = 500


def move(home: Home) -> dict[str, int]:
    """Copy every row of the file to the database that the setting names, in one transaction, and rename the file.

    Nothing else may write either of them meanwhile: stop the platform first. A move that dies leaves the file as it was
    and the database empty.

    Args:
        home: The home whose file is moved.

    Returns:
        The number of rows by table.

    Raises:
        ExpectedFailure: no PostgreSQL database is named, there is no file, the database has rows already, or one of
            them cannot be used.
    """
    if settings.operations_url() is None:
        raise ExpectedFailure(
            f"{settings.OPERATIONS_SETTING} names no PostgreSQL database.", "Set it to the address of an empty one."
        )
    if not home.operations.exists():
        raise ExpectedFailure(f"{home.operations} does not exist.", "Nothing is to be moved: start the platform.")
    connections.databases[_FILE] = connections.configure_settings({"default": {}, _FILE: database.sqlite()})[_FILE]
    tables = _in_order_of_references()
    try:
        with transaction.atomic(), transaction.atomic(using=_FILE):
            filled = [model._meta.db_table for model in tables if model.objects.exists()]
            if filled:
                raise ExpectedFailure(
                    f"The PostgreSQL database has rows already, in {', '.join(filled)}.",
                    "Give the address of an empty database: rows of two homes are not mixed.",
                )
            moved = {model._meta.db_table: _copy(model) for model in tables}
            _go_on_counting(tables)
    finally:
        connections[_FILE].close()
        del connections[_FILE], connections.databases[_FILE]
    home.operations.rename(home.operations.with_name(f"{home.operations.name}.moved"))
    return moved


def _in_order_of_references() -> list[type[models.Record]]:
    """Return the models, each after those that its rows refer to, without that of machines, which is of each start."""
    left = [model for model in apps.get_app_config("operations").get_models() if model is not models.Lease]
    found: list[type[models.Record]] = []
    while left:
        ready = [model for model in left if not _referred(model) & set(left) - {model}]
        found += ready
        left = [model for model in left if model not in ready]
    return found


def _referred(model: type[models.Record]) -> set[type[models.Record]]:
    return {field.related_model for field in model._meta.concrete_fields if field.related_model}


def _copy(model: type[models.Record]) -> int:
    rows = model.objects.using(_FILE).order_by("pk").iterator(_ROWS)
    while page := list(islice(rows, _ROWS)):
        model.objects.bulk_create(page)
    copied, expected = model.objects.count(), model.objects.using(_FILE).count()
    if copied != expected:
        raise ExpectedFailure(
            f"{copied} of {expected} rows of {model._meta.db_table} arrived.", "Stop what writes the databases."
        )
    return copied


def _go_on_counting(tables: list[type[models.Record]]) -> None:
    """Set the numbers that PostgreSQL gives to rows after those that were moved."""
    connection = connections["default"]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
