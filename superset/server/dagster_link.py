"""Redirects users to Dagster's pages after they log in to Superset."""

import os
from urllib.parse import quote, urlsplit

from flask import Flask, Response, redirect, request
from flask_login import current_user

PATH = "/dagster/"


def link_dagster(app: Flask) -> None:
    """Add `/dagster/?to=PATH`, which asks for a login where there is none."""

    @app.get(PATH)
    def to_dagster() -> Response:
        if not current_user.is_authenticated:
            return redirect(f"/login/?next={quote(request.full_path)}")
        wanted = request.args.get("to", "/")
        is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
        return redirect(_address() + (wanted if is_path else "/"))


def _address() -> str:
    """Return where Dagster's pages are: a cookie belongs to a host, whatever the port."""
    if address := os.environ.get("CYBERIMPACT_DAGSTER_URL"):
        return address.rstrip("/")
    here = urlsplit(request.host_url)
    return f"{here.scheme}://{here.hostname}:{os.environ.get('CYBERIMPACT_DAGSTER_PORT') or 3000}"
