"""Takes over what a home of version 0.1.0 holds: `operations.sqlite`, with times as texts, and `api_tokens.sqlite`."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

from django.db import models

from core import settings
from core.errors import ExpectedFailure

TABLES = ("topics", "verdicts", "crises", "crisis_events", "outbox", "used_links")
_ASIDE = "former_{}"
TOKENS = "api_tokens.sqlite"
#: What the roles of old tokens began with, and begin with.
_FORMER_ROLE, _ROLE = "gendarmerie_region-", "region-gendarmerie-"


def set_aside(_: Any, editor: Any) -> None:
    """Rename the tables of a former version, so that today's can be made."""
    if editor.connection.vendor != "sqlite":
        return
    with editor.connection.cursor() as cursor:
        for table in set(TABLES).intersection(editor.connection.introspection.table_names(cursor)):
            cursor.execute(f'alter table "{table}" rename to "{_ASIDE.format(table)}"')


def take_over(apps: Any, editor: Any) -> None:
    """Copy the rows that were set aside into today's tables, and drop the former ones."""
    if editor.connection.vendor != "sqlite":
        return
    with editor.connection.cursor() as cursor:
        known = editor.connection.introspection.table_names(cursor)
        models_of = {model._meta.db_table: model for model in apps.get_app_config("operations").get_models()}
        for table in TABLES:  # what is referred to before what refers to it
            model, aside = models_of[table], _ASIDE.format(table)
            if aside in known:
                rows = _rows(cursor, aside)
                if table == "crisis_events":
                    _number(rows)
                model.objects.bulk_create(_made(model, row) for row in rows)
        for table in reversed(TABLES):  # what refers to a table goes before it
            cursor.execute(f'drop table if exists "{_ASIDE.format(table)}"')


def _rows(cursor: Any, table: str) -> list[dict[str, Any]]:
    cursor.execute(f'select * from "{table}"')  # noqa: S608 - a name of this module
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _number(rows: list[dict[str, Any]]) -> None:
    """Number the entries of each crisis in the order in which they happened."""
    rows.sort(key=lambda row: (_instant(row["happened_at"]), row["event_id"]))
    last: dict[str, int] = {}
    for row in rows:
        row["number"] = last[row["crisis_id"]] = last.get(row["crisis_id"], 0) + 1


def _made(model: Any, row: dict[str, Any]) -> models.Model:
    made = model()
    for field in model._meta.concrete_fields:
        if field.column in row:
            value = row[field.column]
            is_time = isinstance(field, models.DateTimeField) and value is not None
            setattr(made, field.attname, _instant(value) if is_time else value)
    return made


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def take_tokens() -> None:
    """Move the tokens of a former version into the database, and remove their file; a repeat changes nothing.

    Raises:
        ExpectedFailure: the file cannot be read.
    """
    from operations.models import ApiToken

    file = settings.home().root / TOKENS
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            rows = connection.execute("select name, sha256, role, created_on, expires_on from tokens").fetchall()
    except sqlite3.Error as problem:
        raise ExpectedFailure(
            f"The tokens in {TOKENS} cannot be read: {problem}.",
            "Check the rights of the file; if it is damaged, remove it and make the tokens anew.",
        ) from None
    ApiToken.objects.bulk_create(
        [
            ApiToken(
                name=name,
                sha256=sha256,
                role=_ROLE + role.removeprefix(_FORMER_ROLE) if role.startswith(_FORMER_ROLE) else role,
                created_on=date.fromisoformat(created_on),
                expires_on=date.fromisoformat(expires_on),
            )
            for name, sha256, role, created_on, expires_on in rows
        ],
        ignore_conflicts=True,
    )
    file.unlink()
