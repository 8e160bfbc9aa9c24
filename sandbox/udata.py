"""Stand-in of a udata catalogue, as data.gouv.fr runs one: datasets of an organisation, and their files.

Its addresses, fields and refusals follow udata's API 1, but were not compared with a running udata. It keeps nothing
when it ends.
"""

import hashlib
import itertools
from collections.abc import Callable
from datetime import date
from email import message_from_bytes, policy
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PREFIX = "/udata"
SETTINGS = {"CYBERIMPACT_UDATA_URL": PREFIX}

Record = dict[str, Any]

FREQUENCIES = ("monthly", "quarterly", "annual", "unknown")
SHORTEST_TAG, LONGEST_TAG = 3, 96
#: Datasets on a page, where a request names no size.
PAGE = 20


def _problems(asked: Record) -> Record:
    """Return what is wrong with the metadata of a dataset, by field."""
    found = {name: ["Ce champ est requis."] for name in ("title", "description") if not asked.get(name)}
    if asked.get("frequency", "unknown") not in FREQUENCIES:
        found["frequency"] = ["Choix inconnu."]
    if any(not SHORTEST_TAG <= len(tag) <= LONGEST_TAG for tag in asked.get("tags", [])):
        found["tags"] = [f"Un mot-clé a de {SHORTEST_TAG} à {LONGEST_TAG} caractères."]
    return found


class Catalogue:
    """The datasets of a catalogue, each with its files."""

    def __init__(self) -> None:
        self.datasets: dict[str, Record] = {}
        self._numbers = itertools.count(1)

    async def listed(self, request: Request) -> Response:
        """Answer with a page of the datasets of an organisation."""
        page = int(request.query_params.get("page", 1))
        size = int(request.query_params.get("page_size", PAGE))
        organization = request.path_params["organization"]
        found = [dataset for dataset in self.datasets.values() if dataset["organization"] == {"id": organization}]
        begin, end = (page - 1) * size, page * size
        more = str(request.url.include_query_params(page=page + 1)) if end < len(found) else None
        return JSONResponse({"data": found[begin:end], "page": page, "total": len(found), "next_page": more})

    async def created(self, request: Request) -> Response:
        asked = await request.json()
        if found := _problems(asked):
            return JSONResponse({"message": "Données invalides", "errors": found}, 400)
        dataset = {"resources": [], **asked, "id": f"{next(self._numbers):024x}"}
        dataset["organization"] = {"id": asked.get("organization")}
        self.datasets[dataset["id"]] = dataset
        return JSONResponse(dataset, 201)

    async def updated(self, request: Request) -> Response:
        dataset = self.datasets.get(request.path_params["dataset"])
        asked = await request.json()
        if dataset is None:
            return JSONResponse({"message": "Introuvable"}, 404)
        if found := _problems(dataset | asked):
            return JSONResponse({"message": "Données invalides", "errors": found}, 400)
        dataset |= {name: value for name, value in asked.items() if name not in {"organization", "resources"}}
        return JSONResponse(dataset)

    async def uploaded(self, request: Request) -> Response:
        """Take a file: a new one, or in the place of another."""
        dataset = self.datasets.get(request.path_params["dataset"])
        file = await _file(request)
        if dataset is None or file is None:
            return JSONResponse({"message": "Introuvable" if file else "Fichier absent"}, 404 if file else 400)
        name, content = file
        resource = self._resource(dataset, request.path_params.get("resource"))
        if resource is None:
            resource = Record({"id": f"{next(self._numbers):08x}", "type": "main", "description": None})
            dataset["resources"].append(resource)
        checksum = {"type": "sha1", "value": hashlib.sha1(content, usedforsecurity=False).hexdigest()}
        resource |= {"title": name, "filetype": "file", "format": name.rpartition(".")[2], "filesize": len(content)}
        resource["checksum"] = checksum
        return JSONResponse(resource, 201)

    async def described(self, request: Request) -> Response:
        dataset = self.datasets.get(request.path_params["dataset"], {"resources": []})
        resource = self._resource(dataset, request.path_params["resource"])
        if resource is None:
            return JSONResponse({"message": "Introuvable"}, 404)
        resource |= {name: value for name, value in (await request.json()).items() if name in {"type", "description"}}
        return JSONResponse(resource)

    @staticmethod
    def _resource(dataset: Record, identifier: str | None) -> Record | None:
        return next((resource for resource in dataset["resources"] if resource["id"] == identifier), None)


async def _file(request: Request) -> tuple[str, bytes] | None:
    """Return name and content of the file of a form."""
    heading = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    form = message_from_bytes(heading + await request.body(), policy=policy.HTTP)
    for part in form.iter_parts():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return str(part.get_filename()), content
    return None


def _with_key(view: Callable) -> Callable:
    async def answered(request: Request) -> Response:
        if not request.headers.get("x-api-key"):
            return JSONResponse({"message": "Clé absente"}, 401)
        return await view(request)

    return answered


def routes(seed: int, today: Callable[[], date]) -> list[Route]:  # noqa: ARG001 - a catalogue has no history
    catalogue, base = Catalogue(), f"{PREFIX}/api/1"
    views = (
        ("GET", "/organizations/{organization}/datasets/", catalogue.listed),
        ("POST", "/datasets/", _with_key(catalogue.created)),
        ("PUT", "/datasets/{dataset}/", _with_key(catalogue.updated)),
        ("POST", "/datasets/{dataset}/upload/", _with_key(catalogue.uploaded)),
        ("POST", "/datasets/{dataset}/resources/{resource}/upload/", _with_key(catalogue.uploaded)),
        ("PUT", "/datasets/{dataset}/resources/{resource}/", _with_key(catalogue.described)),
    )
    return [Route(base + path, view, methods=[method]) for method, path, view in views]
