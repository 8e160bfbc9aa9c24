"""The KPI API: JSON and CSV over HTTP."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core import settings
from core.errors import ExpectedFailure
from operations import tokens
from web.figures import (
    PERIOD_TYPES,
    Figures,
    HiddenTerritoryError,
    NothingToReadError,
    Question,
    Row,
    UnknownKpiError,
    first_day,
    last_day,
    opened,
)

FORMATS = ("json", "csv")
PARAMETERS = ("period_type", "from", "to", "territory", "breakdown", "format")

_STATUS = {
    UnknownKpiError: HTTPStatus.NOT_FOUND,
    HiddenTerritoryError: HTTPStatus.FORBIDDEN,
    NothingToReadError: HTTPStatus.SERVICE_UNAVAILABLE,
}

Answer = Callable[[Figures, Request], tuple[dict[str, Any], list[Row]]]


class _WrongRequestError(ExpectedFailure):
    """The request has an invalid parameter."""


def _catalogue(figures: Figures, _: Request) -> tuple[dict[str, Any], list[Row]]:
    return {}, figures.catalogue()


def _values(figures: Figures, request: Request) -> tuple[dict[str, Any], list[Row]]:
    asked = _question(request)
    return {"kpi": figures.definition(asked.code)}, figures.values(asked)


def _question(request: Request) -> Question:
    """Read the request.

    Raises:
        ExpectedFailure: a parameter is unknown, or its value is none of those it may have.
    """
    given = request.query_params
    for name in given:
        if name not in PARAMETERS:
            raise _WrongRequestError(f"Le paramètre « {name} » n'existe pas.", f"Il y a {', '.join(PARAMETERS)}.")
    period_type = given.get("period_type", "month")
    if period_type not in PERIOD_TYPES:
        raise _WrongRequestError(
            f"« {period_type} » n'est pas un type de période.", f"Écrivez {', '.join(PERIOD_TYPES)}."
        )
    return Question(
        code=request.path_params["code"],
        period_type=period_type,
        breakdown=given.get("breakdown", "total"),
        first=first_day(given.get("from")),
        last=last_day(given.get("to")),
        territory=given.get("territory"),
    )


def _endpoint(answer: Answer, rows_name: str) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_respond, request, answer, rows_name)

    return endpoint


def _respond(request: Request, answer: Answer, rows_name: str) -> Response:
    home = settings.home()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        holder = tokens.holder_of(token.strip()) if scheme.lower() == "bearer" else None
    except ExpectedFailure as failure:
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, failure)
    if holder is None:
        return _refusal(
            HTTPStatus.UNAUTHORIZED,
            ExpectedFailure("Jeton absent, inconnu ou périmé.", "Envoyez l'en-tête « Authorization: Bearer JETON »."),
            {"WWW-Authenticate": "Bearer"},
        )
    try:
        shape = request.query_params.get("format", "json")
        if shape not in FORMATS:
            raise _WrongRequestError(f"« {shape} » n'est pas un format.", f"Écrivez {' ou '.join(FORMATS)}.")
        with opened(home, holder.role) as figures:
            publication = figures.publication()
            body, rows = answer(figures, request)
    except ExpectedFailure as failure:
        return _refusal(_STATUS.get(type(failure), HTTPStatus.BAD_REQUEST), failure)
    headers = {"X-Publication-Id": publication["publication_id"]}
    if shape == "csv":
        return Response(_csv(publication["publication_id"], rows), media_type="text/csv", headers=headers)
    return JSONResponse(_plain({"publication": publication, **body, rows_name: rows}), headers=headers)


def _refusal(status: HTTPStatus, failure: ExpectedFailure, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": failure.what, "remedy": failure.remedy}, status, headers)


def _csv(publication_id: str, rows: list[Row]) -> str:
    """Write rows as CSV, each with its publication; UTF-8, comma, point for decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if rows:
        writer.writerow(["publication_id", *rows[0]])
        writer.writerows([publication_id, *map(_plain, row.values())] for row in rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a decimal of six places fits a double exactly as it is written."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            return value.isoformat()
    return value


routes = [
    Route("/api/kpi", _endpoint(_catalogue, "kpis"), methods=["GET"]),
    Route("/api/kpi/{code}", _endpoint(_values, "values"), methods=["GET"]),
]
