"""The OpenAPI document of the API, and a page rendered from it."""

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from web.figures import MOST_ROWS, PERIOD_TYPES
from web.kpi import FORMATS

_ERROR = {"type": "object", "properties": {"error": {"type": "string"}, "remedy": {"type": "string"}}}
_FORMAT = {
    "name": "format",
    "in": "query",
    "description": "Forme de la réponse.",
    "schema": {"type": "string", "enum": list(FORMATS), "default": "json"},
}
_ABOUT = (
    "Lecture seule de la copie publiée. Un jeton voit ce que voit le rôle du même nom dans Superset : tout, ou la "
    "nation et les lignes d'un territoire. Une ligne sous secret statistique n'a pas de chiffres (is_suppressed)."
)
_STYLE = (
    "body{font:16px/1.5 Marianne,Inter,Arial,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#161616}"
    "h1,h2{color:#000091}code{background:#f6f6f6;padding:.1em .3em}table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid #ddd;padding:.4em;text-align:left;vertical-align:top}"
)


def _parameter(name: str, description: str, schema: dict[str, Any], place: str = "query") -> dict[str, Any]:
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "description": description, "schema": schema, **required}


def _answers(description: str, *refusals: tuple[str, str]) -> dict[str, Any]:
    header = {
        "X-Publication-Id": {"description": "La publication d'où viennent les chiffres.", "schema": {"type": "string"}}
    }
    return {
        "200": {
            "description": description,
            "headers": header,
            "content": {"application/json": {"schema": {"type": "object"}}, "text/csv": {"schema": {"type": "string"}}},
        },
        **{
            status: {"description": said, "content": {"application/json": {"schema": _ERROR}}}
            for status, said in (("401", "Jeton absent, inconnu ou périmé."), *refusals)
        },
        "503": {"description": "Rien n'est encore publié.", "content": {"application/json": {"schema": _ERROR}}},
    }


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the figures."""
    period = {"type": "string", "examples": ["2026", "2026-Q4", "2026-10", "2026-W43", "2026-10-21"]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Indicateurs publiés de cyberimpact",
            "version": "1",
            "description": _ABOUT,
        },
        "components": {"securitySchemes": {"jeton": {"type": "http", "scheme": "bearer"}}},
        "security": [{"jeton": []}],
        "paths": {
            "/api/kpi": {
                "get": {
                    "summary": "Définition de chaque indicateur",
                    "parameters": [_FORMAT],
                    "responses": _answers("Publication et définitions (kpis).", ("400", "Paramètre inconnu.")),
                }
            },
            "/api/kpi/{code}": {
                "get": {
                    "summary": "Valeurs d'un indicateur",
                    "parameters": [
                        _parameter("code", "Code de l'indicateur.", {"type": "string"}, "path"),
                        _parameter(
                            "period_type",
                            "Type de période.",
                            {"type": "string", "enum": list(PERIOD_TYPES), "default": "month"},
                        ),
                        _parameter("from", "Première période, par le premier de ses jours.", period),
                        _parameter("to", "Dernière période, par le dernier de ses jours.", period),
                        _parameter(
                            "territory",
                            "FR, FR-33, FR-BRE, GN-BRE, XX ou ZZ ; sans lui, tous ceux que voit le jeton.",
                            {"type": "string"},
                        ),
                        _parameter(
                            "breakdown", "Ventilation, total pour l'ensemble.", {"type": "string", "default": "total"}
                        ),
                        _FORMAT,
                    ],
                    "responses": _answers(
                        f"Publication, définition (kpi) et lignes (values), {MOST_ROWS} au plus.",
                        ("400", "Paramètre inconnu ou faux, ou réponse trop longue."),
                        ("403", "Territoire que le jeton ne voit pas."),
                        ("404", "Indicateur inconnu."),
                    ),
                }
            },
        },
    }


def page() -> str:
    """Return the document as a self-contained HTML page."""
    specification = document()
    parts = [f"<h1>{escape(specification['info']['title'])}</h1><p>{escape(specification['info']['description'])}</p>"]
    for path, methods in specification["paths"].items():
        asked = methods["get"]
        rows = "".join(
            _row(
                f"<code>{escape(parameter['name'])}</code>",
                f"{escape(parameter['description'])} {_values(parameter['schema'])}",
            )
            for parameter in asked["parameters"]
        )
        answers = "".join(
            _row(status, escape(response["description"])) for status, response in asked["responses"].items()
        )
        parts.append(
            f"<h2>GET <code>{escape(path)}</code></h2><p>{escape(asked['summary'])}.</p>"
            f"<table><tr><th>Paramètre</th><th>Sens</th></tr>{rows}</table>"
            f"<table><tr><th>Réponse</th><th>Sens</th></tr>{answers}</table>"
        )
    parts.append(
        "<h2>Exemple</h2><p><code>curl -H 'Authorization: Bearer JETON' "
        "'…/api/kpi/experiences?period_type=month&amp;from=2026-01&amp;territory=FR&amp;format=csv'</code></p>"
        "<p>Le document : <a href='/api/openapi.json'>/api/openapi.json</a>.</p>"
    )
    head = f"<!doctype html><html lang='fr'><meta charset='utf-8'><title>API</title><style>{_STYLE}</style>"
    return f"{head}{''.join(parts)}</html>"


def _row(name: str, sense: str) -> str:
    return f"<tr><td>{name}</td><td>{sense}</td></tr>"


def _values(schema: dict[str, Any]) -> str:
    known = schema.get("enum") or schema.get("examples") or []
    default = f" (par défaut <code>{escape(schema['default'])}</code>)" if "default" in schema else ""
    return ", ".join(f"<code>{escape(value)}</code>" for value in known) + default


async def _document(_: Request) -> JSONResponse:
    return JSONResponse(document())


async def _page(_: Request) -> HTMLResponse:
    return HTMLResponse(page())


routes = [Route("/api/openapi.json", _document, methods=["GET"]), Route("/api/docs", _page, methods=["GET"])]
