"""Serves the application on loopback: `python -m web`."""

import uvicorn

from core import settings
from web.app import build_app

settings.keep_private()
#: The path of a request holds the signature of a link: it is written down nowhere.
uvicorn.run(build_app(), host="127.0.0.1", port=settings.port("api"), log_level="warning", access_log=False)
