"""The verdict pages behind the links of an alert: one asks for confirmation, one confirms.

A mail scanner follows every link: asking records nothing, only the answer to the page does.
"""

from html import escape
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from core.errors import ExpectedFailure
from operations import verdicts
from operations.alerts import links
from operations.alerts.links import Link, RefusedLinkError

#: What a note may take in bytes, with room for its encoding.
LONGEST_BODY = 12 * verdicts.LONGEST_NOTE

_SAID = {
    "vu": ("Signal vu", "Vous dites avoir vu ce signal ; d'autres sauront qu'il est suivi."),
    "confirmé": ("Signal confirmé", "Vous confirmez qu'il se passe quelque chose."),
    "écarté": ("Signal écarté", "Vous écartez ce signal : ce n'est rien, ou c'est autre chose."),
}
_STYLE = (
    "body{font:17px/1.5 sans-serif;max-width:34em;margin:2em auto;padding:0 1em;color:#1d2329}"
    "textarea{width:100%;box-sizing:border-box;font:inherit}button{font:inherit;padding:.6em 1.2em;border:0;"
    "border-radius:4px;background:#1b3a6b;color:#fff}label{display:block;margin:1em 0}"
)


async def ask(request: Request) -> HTMLResponse:
    """Show what a link would record, and ask; record nothing."""
    try:
        link = links.opened(request.path_params["token"])
        await run_in_threadpool(verdicts.refuse_used, link)
    except RefusedLinkError as refusal:
        return _refused(refusal)
    return _page(_SAID[link.verdict][0], _form(link))


async def record(request: Request) -> HTMLResponse:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            return _page("Motif trop long", "<p>Le motif est trop long.</p>", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    note = parse_qs(body.decode("utf-8", "replace")).get("note", [""])[0]
    try:
        link = links.opened(request.path_params["token"])
        await run_in_threadpool(verdicts.answer, link, note)
    except RefusedLinkError as refusal:
        return _refused(refusal)
    except ExpectedFailure as failure:
        return _page(
            _SAID[link.verdict][0],
            f"<p><strong>{escape(str(failure))}</strong></p>{_form(link)}",
            HTTPStatus.BAD_REQUEST,
        )
    return _page(_SAID[link.verdict][0], "<p>C'est enregistré. Merci. Vous pouvez fermer cette page.</p>")


routes = [
    Route("/verdict/{token}", ask, methods=["GET"]),
    Route("/verdict/{token}", record, methods=["POST"]),
]


def _form(link: Link) -> str:
    needed = link.verdict == "écarté"
    field = (
        f"<label>{'Motif (obligatoire)' if needed else 'Remarque (facultative)'}, sans nom ni donnée personnelle"
        f'<textarea name="note" rows="3" maxlength="{verdicts.LONGEST_NOTE}"{" required" if needed else ""}></textarea>'
        "</label>"
    )
    return (
        f"<p>{escape(_SAID[link.verdict][1])}</p><p>Rien n'est encore enregistré.</p>"
        f'<form method="post">{field}<button>Enregistrer ce verdict</button></form>'
    )


def _refused(refusal: RefusedLinkError) -> HTMLResponse:
    remedy = (
        "Donner le verdict, ou en changer, par <code>cyberimpact signal verdict</code> ou par une alerte plus récente."
    )
    return _page("Lien refusé", f"<p>{escape(str(refusal))}</p><p>{remedy}</p>", HTTPStatus.GONE)


def _page(title: str, body: str, status: int = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(
        '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>",
        status,
    )
