"""A mailbox on loopback: it takes every mail over SMTP, keeps the last ones, and shows their text."""

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.places import PARIS

FOLDER = "mails"
KEPT, LARGEST_BYTES = 200, 10 * 1024**2
PATH = "/courriels"

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
_CSS = """
body { font: 1rem/1.5 sans-serif; max-width: 56rem; margin: 0 auto; padding: 1rem; color: #161616; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: #000091; }
"""
#: Only what is on this machine can be followed from a mail.
_LOCAL = re.compile(r"https?://(?:127\.0\.0\.1|localhost)(?::\d+)?/[^\s<>\"']*")


class _Catcher:
    """Keeps what it is given, as files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self._keep(envelope.content)
        return "250 OK"

    def _keep(self, content: bytes) -> None:
        name = f"{time.time_ns()}.eml"
        partial = self._folder / f"{name}.part"
        partial.write_bytes(content)
        partial.replace(self._folder / name)
        for old in _files(self._folder)[KEPT:]:
            old.unlink()


@contextmanager
def catching(folder: Path, port: int) -> Generator[None]:
    """Take mails on a port of 127.0.0.1 while the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    controller = Controller(_Catcher(folder), hostname="127.0.0.1", port=port, data_size_limit=LARGEST_BYTES)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def pages(folder: Path) -> list[Route]:
    """Return the pages of a mailbox: the list, which looks for new mails by itself, and each mail."""

    def listed(_: Request) -> Response:
        rows = "".join(
            f'<tr><td>{_when(file)}</td><td><a href="{PATH}/{file.stem}">{escape(_header(mail, "subject"))}</a></td>'
            f"<td>{escape(_header(mail, 'to'))}</td></tr>"
            for file, mail in ((file, _read(file)) for file in _files(folder))
        )
        table = f"<table><thead><tr><th>Reçu<th>Objet<th>Pour</tr></thead><tbody>{rows}</tbody></table>"
        return _page("Courriels de la démonstration", table if rows else "<p>Aucun courriel pour l'instant.</p>", 5)

    def one(request: Request) -> Response:
        file = folder / f"{request.path_params['number']}.eml"
        if not file.exists():
            raise HTTPException(404)
        mail = _read(file)
        said = f"<p>{_when(file)}, pour {escape(_header(mail, 'to'))}</p><pre>{_linked(_text(mail))}</pre>"
        return _page(_header(mail, "subject"), f'{said}<p><a href="{PATH}">Tous les courriels</a></p>')

    def style(_: Request) -> Response:
        return Response(_CSS, media_type="text/css")

    return [Route(PATH, listed), Route(f"{PATH}/{{number:int}}", one), Route(f"{PATH}.css", style)]


def _files(folder: Path) -> list[Path]:
    """Return the files of the mails, the last one first."""
    return sorted(folder.glob("*.eml"), reverse=True)


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), policy=policy.default)  # type: ignore[return-value]


def _header(mail: EmailMessage, name: str) -> str:
    return str(mail.get(name, "(sans objet)" if name == "subject" else ""))


def _when(file: Path) -> str:
    """Return when a mail was caught, in Paris."""
    return f"{datetime.fromtimestamp(int(file.stem) / 1e9, PARIS):%d/%m/%Y à %H h %M}"


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    try:
        return str(body.get_content()) if body else "(sans texte)"
    except LookupError:  # a charset that nobody knows
        return "(illisible)"


def _linked(text: str) -> str:
    """Return a text as HTML, with links to what is on this machine."""
    parts, end = [], 0
    for found in _LOCAL.finditer(text):
        address = escape(found[0])
        parts += [escape(text[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def _page(title: str, body: str, refresh_seconds: int = 0) -> HTMLResponse:
    again = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ""
    return HTMLResponse(
        '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}<title>{escape(title)}</title>'
        f'<link rel="stylesheet" href="{PATH}.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        headers=_HEADERS,
    )
