"""What gunicorn calls; `server.py` beside this file names it."""

import faulthandler
from typing import Any


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn gives it
    """Have SIGABRT show where a worker that hangs is: gunicorn took it, and would have the worker end by itself."""
    if faulthandler.is_enabled():
        faulthandler.disable()
        faulthandler.enable()
