"""Client of the news API of Ma Sécurité.

The path, the header of the key and the JSON names are not published [not found]: they are inferred from the public
description and from the kind of server that it shows, and each can be set.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.ma_securite.contract import NEWS, moment
from ingestion.engine.http import Api

Record = dict[str, Any]
Page = list[Record]

ADDRESS = "https://masecurite-api.interieur.gouv.fr"
PATH = "api/actualites"
KEY_SETTING = "CYBERIMPACT_MA_SECURITE_API_KEY"
NAMES_SETTING = "CYBERIMPACT_MA_SECURITE_NAMES"

#: Names of the answer's own parts and of the order, when `NAMES_SETTING` gives no others [inferred: Spring's pages].
NAMES = {"items": "content", "pages": "totalPages", "created_at": "dateCreation"}

PAGE_ROWS = 100
MOST_PAGES = 10_000

_CHANGED = (
    "Nothing was loaded, the data loaded before stays: compare the answer with the API's description and set its names"
    f" in {NAMES_SETTING} (.env)."
)


class NumberedPages(BasePaginator):
    """Pages numbered from 0, up to the announced number of pages, or to an empty one where none is announced.

    Args:
        client: Tells the parts of an answer.
    """

    def __init__(self, client: "News") -> None:
        super().__init__()
        self._client = client
        self._number = 0

    def init_request(self, request: Request) -> None:
        self.update_request(request)

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:  # noqa: ARG002 (of the interface)
        body = response.json()
        announced = self._client.announced_pages(body)
        self._number += 1
        self._has_next_page = bool(self._client.items(body)) and (announced is None or self._number < announced)

    def update_request(self, request: Request) -> None:
        query = request.params if isinstance(request.params, dict) else {}
        request.params = {**query, "page": self._number}


class News:
    """The API at the address, and with the names, that the settings give."""

    def __init__(self) -> None:
        key = get(KEY_SETTING)
        header = get("CYBERIMPACT_MA_SECURITE_KEY_HEADER", "X-API-KEY")
        base = get("CYBERIMPACT_MA_SECURITE_URL", ADDRESS).rstrip("/")
        self._api = Api("ma_securite", base, KEY_SETTING, {header: key} if key else {})
        self._path = get("CYBERIMPACT_MA_SECURITE_PATH", PATH).strip("/")
        self._names = NAMES | _configured_names()
        self._where = self._api.where(self._path)

    @property
    def address(self) -> str:
        return self._api.base_url

    def latest(self) -> Iterator[Page]:
        """Yield the news as flat records, the latest first.

        Raises:
            ExpectedFailure: the platform refuses, its answer has another form, or it does not keep the order.
        """
        query = {"size": PAGE_ROWS, "sort": f"{self._names['created_at']},desc"}
        pages = self._api.pages(self._path, query, paginator=NumberedPages(self), most=MOST_PAGES, selector="$")
        seen: set[str] = set()
        earliest = ""
        for (body,) in pages:
            page = [self._flat(item) for item in self.items(body)]
            # what was published meanwhile pushes news of the page before onto this one: those are no disorder
            fresh = [record for record in page if str(record.get("id")) not in seen]
            created = [text for record in fresh if (text := created_at(record))]
            if (page and not fresh) or (earliest and created and max(created) > earliest):
                raise ExpectedFailure(
                    f"{self._where}: the news do not come in the order of their creation, latest first.",
                    "Nothing was loaded, since some could be missed: check the name of the creation date in"
                    f" {NAMES_SETTING} (.env), or load again later.",
                )
            yield page
            seen.update(str(record.get("id")) for record in fresh)
            earliest = min(created, default=earliest)

    def items(self, body: Any) -> list[Record]:
        """Return the news of an answer.

        Raises:
            ExpectedFailure: it has no list of objects under the expected name.
        """
        items = body.get(self._names["items"]) if isinstance(body, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ExpectedFailure(f"{self._where}: the answer has no list {self._names['items']!r} of news.", _CHANGED)
        return items

    def announced_pages(self, body: Any) -> int | None:
        """Return the number of pages that an answer announces, if it does."""
        number = body.get(self._names["pages"]) if isinstance(body, dict) else None
        return number if isinstance(number, int) else None

    def _flat(self, item: Record) -> Record:
        """Return a piece of news with the contract's names."""
        ours = {theirs: name for name, theirs in self._names.items() if name in NEWS.field_names}
        return {ours.get(name, name): value for name, value in item.items()}


def created_at(record: Mapping[str, Any]) -> str:
    """Return when a piece of news was created, UTC, ISO 8601; nothing where the contract rejects it."""
    try:
        return moment(str(record["created_at"])).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (KeyError, ValueError):
        return ""


def _configured_names() -> dict[str, str]:
    """Return the names that the settings give, ours to theirs.

    Raises:
        ExpectedFailure: an entry is not of the form `ours=theirs`, or ours is none.
    """
    known = {*NAMES, *(field.name for field in NEWS.fields if not field.filled_by_load)}
    names = {}
    for entry in filter(None, (part.strip() for part in get(NAMES_SETTING, "").split(","))):
        ours, _, theirs = (part.strip() for part in entry.partition("="))
        if ours not in known or not theirs:
            raise ExpectedFailure(
                f"{NAMES_SETTING} holds {entry!r}, which names nothing.",
                f"Write NAME=JSON_NAME, separated by commas; NAME is one of: {', '.join(sorted(known))}.",
            )
        names[ours] = theirs
    return names
