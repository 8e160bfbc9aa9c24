"""Client of the tabular API of data.gouv.fr, page by page."""

from collections.abc import Iterator
from typing import Any

from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.engine.http import Api

Page = list[dict[str, Any]]

API = "https://tabular-api.data.gouv.fr/api/resources"
KEY_SETTING = "CYBERIMPACT_REFERENCE_API_KEY"

#: The resources, as data.gouv.fr numbers them, unless the settings name others.
UNITS_RESOURCE = "061a5736-8fc2-4388-9e55-8cc31be87fa0"
COMPETENCES_RESOURCE = "c53cd4d4-4623-4772-9b8c-bc72a9cdf4c2"

#: The API gives no more rows a page.
PAGE_ROWS = 50

#: France has 35 000 communes: a listing of 100 000 rows does not end.
MOST_PAGES = 2000


class Resource:
    """A table of data.gouv.fr.

    Args:
        name: Table of the contract; `CYBERIMPACT_REFERENCE_<NAME>_RESOURCE` names another resource for it.
        resource: Identifier of the resource.
    """

    def __init__(self, name: str, resource: str) -> None:
        self._resource = get(f"CYBERIMPACT_REFERENCE_{name.upper()}_RESOURCE", resource)
        key = get(KEY_SETTING)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._api = Api("reference", address(), KEY_SETTING, headers)

    def converted_at(self) -> str | None:
        """Return when data.gouv.fr last converted the file, `None` where it is unknown.

        Raises:
            ExpectedFailure: the API cannot be reached or refuses.
        """
        described = self._api.get(f"{self._resource}/")
        return described.get("created_at") if isinstance(described, dict) else None

    def pages(self) -> Iterator[Page]:
        """Yield the rows, and refuse at their end a listing that lacks some which the API counted.

        The file may be converted again while it is read: a page then repeats rows and others are missing.

        Raises:
            ExpectedFailure: the API cannot be read whole, or its next page is on another host.
        """
        path = f"{self._resource}/data/"
        announced, found = self._total(path), set()
        pages = self._api.pages(
            path,
            {"page": 1, "page_size": PAGE_ROWS},
            paginator=JSONLinkPaginator(next_url_path="links.next"),
            most=MOST_PAGES,
            selector="data",
        )
        for page in pages:
            found.update(row.get("__id", rank) for rank, row in enumerate(page, start=len(found)))
            yield page
        if len(found) < announced:
            raise ExpectedFailure(
                f"{self._api.where(path)}: {len(found)} rows came, and the API counted {announced}.",
                "Nothing was loaded, the data loaded before stays: load again later.",
            )

    def _total(self, path: str) -> int:
        answer = self._api.get(path, {"page": 1, "page_size": 1})
        try:
            return int(answer["meta"]["total"])
        except (KeyError, TypeError, ValueError):
            raise ExpectedFailure(
                f"{self._api.where(path)}: the answer does not say how many rows there are.",
                "Check CYBERIMPACT_REFERENCE_URL in .env.",
            ) from None


def address() -> str:
    """Return the address below which resources are asked."""
    return get("CYBERIMPACT_REFERENCE_URL", API).rstrip("/")
