"""Leads from Superset to the platform's other web applications, Dagster's pages and those of `web/`, and back.

A cookie belongs to a host, whatever the port: without a public address, they are on the host that was asked.
"""

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, redirect, request
from flask_appbuilder.utils.base import get_safe_redirect
from flask_login import current_user

#: A cell that leads to a page, with its path there.
LINK = r'^<a href="/pages([^"<>]*)">[^<>]*</a>$'
DEFAULT_PORTS = {"SUPERSET": "8088", "DAGSTER": "3000", "WEB": "8091"}


def link_applications(app: Flask) -> None:
    """Add the ways to the other applications.

    `/dagster/?to=PATH` asks for a login where there is none; `/pages/PATH` leads to a page, which asks for its own;
    `/login/?next=ADDRESS` leads on who has come in before, which Superset's own page does not.
    """

    @app.get("/dagster/")
    def to_dagster() -> Response:
        if not current_user.is_authenticated:
            return redirect(f"/login/?next={quote(request.full_path)}")
        wanted = request.args.get("to", "/")
        is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
        return redirect(_address("DAGSTER") + (wanted if is_path else "/"))

    @app.get("/pages/", defaults={"path": ""})
    @app.get("/pages/<path:path>")
    def to_page(path: str) -> Response:
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        return redirect(f"{_address('WEB')}/{quote(path)}{query}")

    @app.before_request
    def lead_on() -> Response | None:
        wanted = request.args.get("next") if (request.method, request.path) == ("GET", "/login/") else None
        return redirect(get_safe_redirect(wanted)) if wanted and current_user.is_authenticated else None


def export_addresses() -> None:
    """Have a CSV or a workbook hold the address of a page where a table on the screen has a link to it."""
    from superset.common.chart_data import ChartDataResultFormat
    from superset.common.query_context_processor import QueryContextProcessor

    usual = QueryContextProcessor.get_data

    def get_data(processor: Any, df: Any, coltypes: Any) -> Any:
        if processor._query_context.result_format in ChartDataResultFormat.table_like():
            df = df.replace(LINK, rf"{_address('WEB')}\1", regex=True)
        return usual(processor, df, coltypes)

    QueryContextProcessor.get_data = get_data


def origins(service: str, hosts: Iterable[str]) -> list[str]:
    """Return where people may reach an application: at its public address, or else on its port of these hosts."""
    return [public] if (public := _public(service)) else on_ports(service, hosts)


def on_ports(service: str, hosts: Iterable[str]) -> list[str]:
    """Return where an application is on these hosts without a gateway."""
    return [f"http://{host}:{_port(service)}" for host in hosts]


def _address(service: str) -> str:
    here = urlsplit(request.host_url)
    return _public(service) or f"{here.scheme}://{here.hostname}:{_port(service)}"


def _public(service: str) -> str:
    return os.environ.get(f"CYBERIMPACT_{service}_URL", "").rstrip("/")


def _port(service: str) -> str:
    return os.environ.get(f"CYBERIMPACT_{service}_PORT") or DEFAULT_PORTS[service]
