"""The API: published figures as JSON and CSV for whoever has a token, with the OpenAPI document of it."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI, P, PathEx, Query, Schema
from ninja.errors import AuthenticationError
from ninja.openapi.docs import DocsBase
from ninja.security import HttpBearer

from core.errors import ExpectedFailure
from operations import tokens
from operations.models import ApiToken
from warehouse import rights
from web import failures, reading
from web.access import open_to_all
from web.failures import Unavailable
from web.figures import MOST_ROWS, PARAMETERS, Figures, PeriodType, Question, Row, Shaped

_ABOUT = (
    "Lecture seule de la copie publiée. Un jeton voit ce que voit le rôle du même nom dans Superset : tout, ou la "
    "nation et les lignes d'un territoire. Une ligne sous secret statistique n'a pas de chiffres (is_suppressed)."
)


class Token(HttpBearer):
    """The token of a program."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:  # noqa: ARG002 - ninja's signature
        try:
            holder = tokens.holder_of(token.strip())
        except ExpectedFailure as failure:
            raise Unavailable(failure.what, failure.remedy) from None
        return holder if holder and holder.role else None


class Documentation(DocsBase):
    """The page of the document; the ones that ninja brings need styles inside of it, which our headers forbid."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **_: Any) -> HttpResponse:
        return render(request, "web/api.html", {"title": "API", "document": api.get_openapi_schema()})


api = NinjaAPI(
    title="Indicateurs publiés de cyberimpact",
    version="1",
    description=_ABOUT,
    docs=Documentation(),
    urls_namespace="api",
    auth=Token(),
)


@api.exception_handler(AuthenticationError)
def _without_token(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
    said = ExpectedFailure("Jeton absent, inconnu ou périmé.", "Envoyez l'en-tête « Authorization: Bearer JETON ».")
    refusal = failures.shown(request, HTTPStatus.UNAUTHORIZED, said)
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


# -- What is answered


class Publication(Schema):
    """The publication that an answer comes from."""

    publication_id: str
    published_at: datetime
    data_as_of: date | None
    code_version: str


class Definition(Schema):
    """What a KPI measures, how it is computed, and who answers for it."""

    kpi_code: str
    pillar: str
    pillar_label: str
    label: str
    definition: str
    formula: str
    unit: str
    direction: Literal["up", "down", "neutral"]
    target: float | None
    owner: str
    owner_label: str
    refresh: str
    sensitivity: str
    territory_of: str
    period_types: str
    territory_levels: str
    breakdown_dimensions: str
    is_additive: bool
    min_observations: int
    observed_figure: Literal["numerator", "denominator", "observations"]
    observed_noun: str
    interval_method: Literal["wilson", "poisson"] | None
    is_held_back: bool
    held_back_note: str | None
    values_of: datetime | None


class Value(Schema):
    """A row of a KPI; one that is suppressed has no figures."""

    period_type: PeriodType
    period_start: date
    territory_level: str
    territory_code: str
    breakdown_dimension: str
    breakdown_value: str
    value: float | None
    numerator: float | None
    denominator: float | None
    observations: int | None
    is_suppressed: bool


class Catalogue(Schema):
    """Every definition."""

    publication: Publication
    kpis: list[Definition]


class Values(Schema):
    """The rows of a KPI."""

    publication: Publication
    kpi: Definition
    values: list[Value]


class Refusal(Schema):
    """Why there is no answer, and what to do."""

    error: str
    remedy: str


def _reads(path: str, answer: type[Schema], summary: str, said: dict[int, str]) -> Callable[[Callable], Callable]:
    """Return a decorator that answers GET, which the document describes, and HEAD.

    Args:
        path: Below /api.
        answer: What is answered as JSON.
        summary: What it is.
        said: What each status means.
    """
    publication = {"description": "La publication d'où viennent les chiffres.", "schema": {"type": "string"}}
    described: dict[int, Any] = {status: {"description": text} for status, text in said.items()}
    described[200] |= {"headers": {"X-Publication-Id": publication}}
    described[200]["content"] = {"text/csv": {"schema": {"type": "string"}}}

    def registered(view: Callable) -> Callable:
        api.api_operation(["HEAD"], path, include_in_schema=False)(view)
        answers = dict.fromkeys(sorted(said), Refusal) | {200: answer}
        return api.get(path, response=answers, summary=summary, openapi_extra={"responses": described})(view)

    return registered


_ALWAYS = {401: "Jeton absent, inconnu ou périmé.", 503: "Rien n'est encore publié."}


@_reads(
    "/kpi",
    Catalogue,
    "Définition de chaque indicateur",
    {200: "Publication et définitions (kpis).", 400: "Paramètre faux.", **_ALWAYS},
)
def catalogue(request: HttpRequest, asked: Query[Shaped]) -> HttpResponse:
    return _answer(request, asked.format, lambda figures: {"kpis": figures.catalogue()})


@_reads(
    "/kpi/{code}",
    Values,
    "Valeurs d'un indicateur",
    {
        200: f"Publication, définition (kpi) et lignes (values), {MOST_ROWS} au plus.",
        400: "Paramètre inconnu ou faux, ou réponse trop longue.",
        403: "Territoire que le jeton ne voit pas.",
        404: "Indicateur inconnu.",
        **_ALWAYS,
    },
)
def values(
    request: HttpRequest, code: PathEx[str, P(description="Code de l'indicateur.")], asked: Query[Question]
) -> HttpResponse:
    for name in request.GET:
        if name not in PARAMETERS:
            raise ExpectedFailure(f"Le paramètre « {name} » n'existe pas.", f"Il y a {', '.join(PARAMETERS)}.")
    return _answer(
        request,
        asked.format,
        lambda figures: {"kpi": figures.definition(code), "values": figures.values(code, asked)},
    )


def _answer(request: Any, shape: str, read: Callable[[Figures], dict[str, Any]]) -> HttpResponse:
    """Return what is read with the right of the request's token; CSV has the rows alone, which stand last."""
    with reading.opened(rights.current().api_right(request.auth.role)) as copies:
        figures = Figures(copies.connection)
        publication = figures.publication()
        found = read(figures)
    if shape == "csv":
        rows = next(reversed(found.values()))
        response = HttpResponse(_csv(publication["publication_id"], rows), content_type="text/csv; charset=utf-8")
    else:
        response = failures.as_json(_plain({"publication": publication, **found}))
    response.headers["X-Publication-Id"] = publication["publication_id"]
    return response


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


urls = api.urls
for route in urls[0]:
    open_to_all("a token in the request decides")(route.callback)  # ty: ignore[invalid-argument-type]
