"""The contracts of those who send: an index, and each by name and version, as JSON Schema and ODCS."""

import json
from collections.abc import Callable
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from core.errors import ExpectedFailure
from ingestion import contracts
from ingestion.contracts import Contract
from web.failures import NotFound

router = Router(auth=None, tags=["contracts"])


class Listed(Schema):
    """A contract, and where its documents are."""

    name: str
    version: str
    platform: str
    description: str
    key: list[str]
    json_schema_url: str
    odcs_url: str


class Index(Schema):
    """Every contract."""

    contracts: list[Listed]


def _reads(path: str, **described: Any) -> Callable[[Callable], Callable]:
    """Return a decorator that answers GET, which the document describes, and HEAD."""

    def registered(view: Callable) -> Callable:
        router.api_operation(["HEAD"], path, include_in_schema=False)(view)
        return router.get(path, **described)(view)

    return registered


def _address(found: Contract, form: str) -> str:
    return f"/api/contracts/{found.name}/{found.table.version}/{form}"


@_reads("", response=Index, summary="Contrats de ceux qui envoient des données")
def index(request: HttpRequest) -> dict:  # noqa: ARG001 - ninja's signature
    listed = [
        {
            "name": found.name,
            "version": found.table.version,
            "platform": found.platform.title,
            "description": found.table.description,
            "key": list(found.key),
            "json_schema_url": _address(found, "json-schema"),
            "odcs_url": _address(found, "odcs"),
        }
        for found in contracts.contracts()
    ]
    return {"contracts": listed}


@_reads("/{name}/{version}/json-schema", summary="Contrat d'une table (JSON Schema)")
def json_schema(request: HttpRequest, name: str, version: str) -> HttpResponse:  # noqa: ARG001
    document = contracts.json_schema(_in_force(name, version))
    return HttpResponse(json.dumps(document, ensure_ascii=False), content_type="application/schema+json")


@_reads("/{name}/{version}/odcs", summary="Contrat d'une table (ODCS)")
def odcs(request: HttpRequest, name: str, version: str) -> HttpResponse:  # noqa: ARG001
    document = contracts.odcs(_in_force(name, version))
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    return HttpResponse(text, content_type="application/yaml; charset=utf-8")


def _in_force(name: str, version: str) -> Contract:
    """Return the contract of a name, if the version is that in force.

    Raises:
        NotFound: there is none of that name, or another version is in force.
    """
    try:
        found = contracts.contract(name)
    except ExpectedFailure:
        raise NotFound(f"Le contrat « {name} » n'existe pas.", "La liste est à l'adresse /api/contracts.") from None
    if version != found.table.version:
        raise NotFound(
            f"La version {version} du contrat « {name} » n'est pas en vigueur.",
            f"Celle qui l'est : {found.table.version}. Le dépôt dit ce qui a changé (docs/contracts-changelog.md).",
        )
    return found
