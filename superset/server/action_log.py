"""The action log of Superset, without the secrets that requests carry."""

import re
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from superset.utils import json
from superset.utils.log import DBEventLogger

#: Names of what is a secret, wherever they stand in a request: in a form, a body, a query string.
SECRET_NAME = re.compile(r"pass|pwd|secret|token|credential|private_?key|api_?key|encrypted_extra|mdp", re.IGNORECASE)
_IN_QUERY_STRING = re.compile(rf"([?&][^=&#\s]*(?:{SECRET_NAME.pattern})[^=&#\s]*=)[^&#\s]*", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(\w://[^:/?#@\s]*:)[^@\s]+@")


class ActionLog(DBEventLogger):
    """Superset's own log of actions; what has a secret's name is left out before it is written."""

    def log(self, user_id: int | None, action: str, *args: Any, referrer: str | None = None, **kwargs: Any) -> None:
        """Write an action, as `DBEventLogger` does."""
        cleaned = {name: without_secrets(value) for name, value in kwargs.items()}
        super().log(user_id, action, *args, referrer=without_secrets(referrer), **cleaned)


def without_secrets(value: Any) -> Any:
    """Return a value without the members that are secrets by their name, at any depth, JSON in a text included."""
    match value:
        case dict():
            return {name: without_secrets(of) for name, of in value.items() if not SECRET_NAME.search(str(name))}
        case list() | tuple():
            return [without_secrets(member) for member in value]
        case str():
            return _text_without_secrets(value)
    return value


def _text_without_secrets(text: str) -> str:
    if SECRET_NAME.search(text) and text.lstrip()[:1] in {"{", "["}:
        try:
            return json.dumps(without_secrets(json.loads(text)))
        except ValueError:
            return ""  # no JSON after all: its content is unknown
    return _IN_ADDRESS.sub(r"\1@", _IN_QUERY_STRING.sub(r"\1", text))


def clean(engine: Engine) -> int:
    """Take secrets out of the rows that earlier versions wrote, and return how many had some."""
    from superset.models.core import Log

    cleaned = 0
    with engine.connect() as connection, Session(connection) as session:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("pragma secure_delete = on")  # the bytes go, too
        rows = session.query(Log).filter(Log.json.ilike("%pass%") | Log.referrer.ilike("%pass%"))
        for row in rows.yield_per(1_000):
            kept, referrer = without_secrets(row.json), without_secrets(row.referrer)
            if (kept, referrer) != (row.json, row.referrer):
                row.json, row.referrer = kept, referrer
                cleaned += 1
        session.commit()
        if cleaned and engine.dialect.name == "sqlite":
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    return cleaned
