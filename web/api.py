"""The API: published figures as JSON, CSV and Parquet for whoever has a token, with the OpenAPI document of it."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_vary_headers
from ninja import NinjaAPI, P, PathEx, Query, Schema
from ninja.errors import AuthenticationError
from ninja.openapi.docs import DocsBase
from ninja.security import HttpBearer
from pyarrow import parquet
from pydantic import ConfigDict

from core.errors import ExpectedFailure
from operations.models import ApiToken
from warehouse import rights
from web import contracts, failures, reading, senders
from web.access import open_to_all
from web.failures import NotAcceptable, Unavailable
from web.figures import (
    MOST_KPIS,
    MOST_ROWS,
    Figures,
    PeriodType,
    Question,
    QuestionOfSeveral,
    Row,
    Shape,
    Shaped,
    chosen,
)

#: By media type, which the header Accept names, the form of an answer; the first where any will do.
SHAPES: dict[str, Shape] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
}

_ABOUT = (
    "Lecture seule de la copie publiée. Un jeton voit ce que voit le rôle du même nom dans Superset : tout, ou la "
    "nation et les lignes d'un territoire. Une ligne sous secret statistique n'a pas de chiffres (is_suppressed)."
)


class Token(HttpBearer):
    """The token of a program."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:  # noqa: ARG002 - ninja's signature
        try:
            holder = senders.holder_of(request)
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
api.add_router("/contracts", contracts.router)


@api.exception_handler(AuthenticationError)
def _without_token(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
    said = ExpectedFailure("Jeton absent, inconnu ou périmé.", "Envoyez l'en-tête « Authorization: Bearer JETON ».")
    refusal = failures.shown(request, HTTPStatus.UNAUTHORIZED, said)
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


# -- What is answered


def _may_be_left_out(document: dict[str, Any]) -> None:
    document.pop("required", None)


#: Of a row of which `fields` chooses the columns.
_CHOSEN = ConfigDict(json_schema_extra=_may_be_left_out)


class Publication(Schema):
    """The publication that an answer comes from."""

    publication_id: str
    published_at: datetime
    data_as_of: date | None
    code_version: str


class Definition(Schema):
    """What a KPI measures, how it is computed, and who answers for it."""

    model_config = _CHOSEN

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

    model_config = _CHOSEN

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
    next: str | None


class ValueOfSeveral(Value):
    """A row, and its KPI."""

    kpi_code: str


class ValuesOfSeveral(Schema):
    """The rows of several KPIs."""

    publication: Publication
    kpis: list[Definition]
    values: list[ValueOfSeveral]
    next: str | None


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
    described: dict[int, Any] = {status: {"description": text} for status, text in said.items()}
    described[200] |= {"headers": {name: _header(text) for name, text in _HEADERS.items()}}
    described[200]["content"] = {
        "text/csv": {"schema": {"type": "string"}},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    }
    described[304] = {"description": "Rien n'a été publié depuis (If-None-Match)."}

    def registered(view: Callable) -> Callable:
        api.api_operation(["HEAD"], path, include_in_schema=False)(view)
        answers = dict.fromkeys(sorted(said), Refusal) | {200: answer}
        return api.get(path, response=answers, summary=summary, openapi_extra={"responses": described})(view)

    return registered


def _header(text: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}}


_HEADERS = {
    "X-Publication-Id": "La publication d'où viennent les chiffres.",
    "ETag": "L'empreinte de la réponse, à renvoyer dans If-None-Match.",
    "RateLimit-Limit": "Demandes permises par minute à ce jeton.",
    "RateLimit-Remaining": "Demandes qui restent.",
    "RateLimit-Reset": "Secondes jusqu'à ce qu'il en reste davantage.",
}
_ALWAYS = {
    400: "Paramètre inconnu ou faux, ou réponse trop longue.",
    401: "Jeton absent, inconnu ou périmé.",
    406: "Aucune des formes que l'en-tête Accept demande.",
    429: "Trop de demandes de ce jeton : attendez les secondes de Retry-After.",
    503: "Rien n'est encore publié.",
}
_OF_VALUES = {
    403: "Territoire que le jeton ne voit pas.",
    404: "Indicateur inconnu.",
    409: "De nouveaux chiffres ont été publiés depuis la première page : reprenez sans cursor.",
    **_ALWAYS,
}


class Answer(NamedTuple):
    """What was found: what JSON says above the rows, how it names them, the rows, and the cursor of the next page."""

    above: dict[str, Any]
    name: str
    rows: pa.Table
    below: dict[str, str | None]


@_reads("/kpi", Catalogue, "Définition de chaque indicateur", {200: "Publication et définitions (kpis).", **_ALWAYS})
def catalogue(request: HttpRequest, asked: Query[Shaped]) -> HttpResponse:
    return _answer(request, asked, lambda figures: Answer({}, "kpis", figures.catalogue(), {}))


@_reads(
    "/kpi/{code}",
    Values,
    "Valeurs d'un indicateur",
    {200: f"Publication, définition (kpi) et lignes (values), {MOST_ROWS} au plus.", **_OF_VALUES},
)
def values(
    request: HttpRequest, code: PathEx[str, P(description="Code de l'indicateur.")], asked: Query[Question]
) -> HttpResponse:
    def read(figures: Figures) -> Answer:
        (definition,) = figures.definitions([code])
        rows, following = figures.values([code], asked)
        return Answer({"kpi": definition}, "values", rows.drop_columns(["kpi_code"]), {"next": following})

    return _answer(request, asked, read)


@_reads(
    "/values",
    ValuesOfSeveral,
    "Valeurs de plusieurs indicateurs",
    {
        200: f"Publication, définitions (kpis) et lignes (values) de {MOST_KPIS} indicateurs au plus.",
        **_OF_VALUES,
    },
)
def values_of_several(request: HttpRequest, asked: Query[QuestionOfSeveral]) -> HttpResponse:
    def read(figures: Figures) -> Answer:
        definitions = figures.definitions(asked.codes)
        rows, following = figures.values(asked.codes, asked)
        return Answer({"kpis": definitions}, "values", rows, {"next": following})

    return _answer(request, asked, read)


def _answer(request: Any, asked: Shaped, read: Callable[[Figures], Answer]) -> HttpResponse:
    """Return what is read with the right of the request's token, or that it has not changed."""
    if isinstance(asked, Question):
        _refuse_unknown(request, type(asked))
    shape = asked.format or _shape(request)
    right = rights.current().api_right(request.auth.role)
    with reading.opened(right) as copies:
        figures = Figures(copies.connection)
        publication = figures.publication()
        publication_id = publication["publication_id"]
        etag = _etag(publication_id, right.key, request.get_full_path(), shape)
        response = get_conditional_response(request, etag)
        if response is None:
            found = read(figures)
            rows = chosen(found.rows, asked.fields)
            response = _shaped(shape, publication, found._replace(rows=rows), with_publication=asked.fields is None)
            if following := found.below.get("next"):
                response.headers["Link"] = _link(request, following)
    marks = {"X-Publication-Id": publication_id, "ETag": etag, "Cache-Control": "private, no-cache"}
    for name, value in marks.items():
        response.headers[name] = value
    patch_vary_headers(response, ["Accept", "Authorization"])
    return response


def _refuse_unknown(request: HttpRequest, asked: type[Schema]) -> None:
    known = [field.alias or name for name, field in asked.model_fields.items()]
    for name in request.GET:
        if name not in known:
            raise ExpectedFailure(f"Le paramètre « {name} » n'existe pas.", f"Il y a {', '.join(known)}.")


def _shape(request: HttpRequest) -> Shape:
    """Return the form that the header Accept asks for.

    Raises:
        NotAcceptable: it is none that there is.
    """
    preferred = request.get_preferred_type(list(SHAPES))
    if preferred is None:
        raise NotAcceptable("Aucune des formes demandées n'existe.", f"Il y a {', '.join(SHAPES)}.")
    return SHAPES[preferred]


def _etag(*parts: str) -> str:
    """Return the mark of an answer: the same publication, right, question and form give the same bytes."""
    return f'"{hashlib.sha256(json.dumps([api.version, *parts]).encode()).hexdigest()[:32]}"'


def _link(request: HttpRequest, cursor: str) -> str:
    asked = request.GET.copy()
    asked["cursor"] = cursor
    return f'<{request.path}?{asked.urlencode()}>; rel="next"'


def _shaped(shape: Shape, publication: Row, found: Answer, *, with_publication: bool) -> HttpResponse:
    """Return an answer in a form; CSV and Parquet have the rows alone, each with its publication."""
    if shape == "json":
        rows = found.rows.to_pylist()
        return failures.as_json(_plain({"publication": publication, **found.above, found.name: rows, **found.below}))
    rows = found.rows
    if with_publication:
        publications = pa.array([publication["publication_id"]] * rows.num_rows, pa.string())
        rows = rows.add_column(0, "publication_id", publications)
    if shape == "csv":
        return HttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
    content = io.BytesIO()
    parquet.write_table(rows, content)
    return HttpResponse(content.getvalue(), content_type="application/vnd.apache.parquet")


def _csv(rows: pa.Table) -> str:
    """Write rows as CSV: UTF-8, comma, point for decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(rows.column_names)
    writer.writerows(map(_plain, row.values()) for row in rows.to_pylist())
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
