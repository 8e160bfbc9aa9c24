"""Limits what a request may cost this process: concurrency, size of the text, size of the table.

Queries have processes of their own (`query_workers.py`). What Superset does before and after them, it does here: it
reads the SQL, and it pivots answers.
"""

import math
import threading
from collections import Counter, defaultdict
from typing import Any

from flask import Flask, abort, g, request
from flask_login import current_user
from query_workers import CELLS

#: Requests in flight of one account and of all; some threads stay free for pages and logins. A browser has six, and
#: those that it gave up when its reader changed a filter are still at work here.
PER_ACCOUNT, TOTAL = 24, 48
BODY_BYTES = 4 << 20
#: Operations whose result can be far larger than what they are given, whatever they are given.
_UNBOUNDED = ("prophet", "resample")

_mutex = threading.Lock()
_in_flight: Counter[str] = Counter()
_turns: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)


def limit_requests(app: Flask) -> None:
    """Refuse the requests of an account that has many in flight already, and bodies that no page sends."""
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES

    @app.before_request
    def take_place() -> None:
        account = None if request.path.startswith("/static/") else _account()
        if account is None:
            return
        with _mutex:
            if _in_flight[account] >= PER_ACCOUNT or _in_flight.total() >= TOTAL:
                abort(429, "Trop de demandes sont en cours. Réessayez dans un instant.")
            _in_flight[account] += 1
        g.in_flight = account

    @app.teardown_request
    def give_place_back(_: BaseException | None) -> None:
        account = g.pop("in_flight", None)
        if account is not None:
            with _mutex:
                _in_flight[account] -= 1
                if not _in_flight[account]:
                    del _in_flight[account]
                    _turns.pop(account, None)


def _account() -> str | None:
    """Return the account of a request, from its session or its unverified credentials; None without any."""
    if current_user.is_authenticated:
        return f"account {current_user.get_id()}"
    proof = request.headers.get("Authorization")
    return f"proof {hash(proof)}" if proof else None


def turn() -> threading.RLock:
    """Return what lets one account read one text at a time, so that its texts leave the others their share."""
    return _turns[getattr(g, "in_flight", "")]


def _combinations(df: Any, names: list[str] | None) -> int:
    """Return how many combinations of values some columns have, at most; a column that is not there counts for none."""
    return min(math.prod(df[name].nunique() + 1 for name in names or () if name in df), max(len(df), 1))


def limit_post_processing() -> None:
    """Have Superset refuse tables that are too large to be pivoted, and operations that nothing bounds."""
    from superset.exceptions import InvalidPostProcessingError
    from superset.utils import pandas_postprocessing

    usual = pandas_postprocessing.pivot

    def pivot(df: Any, **options: Any) -> Any:
        rows, columns = (_combinations(df, options.get(side)) for side in ("index", "columns"))
        if rows * columns * max(len(options.get("aggregates") or ()), 1) > CELLS:
            raise InvalidPostProcessingError("Ce tableau croisé serait trop grand : filtrez ou regroupez davantage.")
        return usual(df, **options)

    def refuse(*_: Any, **__: Any) -> Any:
        raise InvalidPostProcessingError("Cette opération n'est pas permise ici.")

    pandas_postprocessing.pivot = pivot
    for name in _UNBOUNDED:
        setattr(pandas_postprocessing, name, refuse)
