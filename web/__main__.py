"""Serves the application on loopback: `python -m web`."""

import faulthandler
import hashlib
import io
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")

import django
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from gunicorn.app.base import BaseApplication

from core import clock, settings
from web.settings import STATIC_ROOT

#: Parts of the design system that no page uses.
UNUSED = (
    *(f"dsfr/dist/{part}" for part in ("analytics", "component", "core", "dsfr", "layout", "legacy", "scheme")),
    *(
        "dsfr/dist/dsfr.min.css",
        "dsfr/dist/dsfr.legacy.min.css",
        "dsfr/dist/dsfr.print.min.css",
        "*.nomodule.*",
        "*.md",
    ),
    *("dsfr/dist/artwork", "django-dsfr", "css/dsfr-*", "js/formsets.js"),
    *("utility.*", "utility/colors", "icons-*", "*.legacy.min.css", "icons.min.css", "*.print.min.css"),
    *("ext", "htmx-4*", "htmax-4*", "htmx-2.js"),
)
OPTIONS = {
    "bind": f"127.0.0.1:{settings.port('web')}",
    # One process: its limits on requests and its answers of Superset hold for all. DuckDB works outside Python's lock.
    "workers": 1,
    "worker_class": "gthread",
    "threads": 24,
    "timeout": 120,
    "keepalive": 75,  # above that of clients: else one closes while a request is on its way
    "control_socket_disable": True,  # it would lie outside the data, where a unit of systemd may not write
    "limit_request_line": 8190,
    "loglevel": "error",  # a warning of a malformed request repeats its line, with the path
    "accesslog": None,  # the path of a request can hold the signature of a link: it is written down nowhere
}


class Server(BaseApplication):
    """gunicorn with our options."""

    def load_config(self) -> None:
        for name, value in OPTIONS.items():
            self.cfg.set(name, value)  # ty: ignore[missing-union-attribute]

    def load(self) -> Any:
        """Prepare and return the application: in the worker, for threads of DuckDB do not live on in a fork."""
        if faulthandler.is_enabled():  # gunicorn took SIGABRT, which is to show where a worker that hangs is
            faulthandler.disable()
            faulthandler.enable()
        django.setup()
        from ingestion.engine import drop_folder

        drop_folder.sweep_uploads(clock.now())
        call_command("check", tags=["security"], fail_level="ERROR", stdout=io.StringIO())
        collect()
        from web.wsgi import application  # which lists the files that were collected

        return application


def collect() -> None:
    """Collect the static files, if they are not those that were collected last."""
    files = [
        (path, storage.size(path), storage.get_modified_time(path).timestamp())
        for finder in get_finders()
        for path, storage in finder.list(UNUSED)
    ]
    state = hashlib.sha256(repr(sorted(files)).encode()).hexdigest()
    mark = STATIC_ROOT.with_suffix(".sha256")
    if not mark.exists() or mark.read_text() != state:
        call_command("collectstatic", interactive=False, clear=True, verbosity=0, ignore_patterns=list(UNUSED))
        mark.write_text(state)


def main() -> None:
    """Serve."""
    settings.keep_private()
    settings.make_folder(settings.home().run)
    Server().run()


if __name__ == "__main__":
    main()
