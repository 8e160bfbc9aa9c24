"""Asks the Opendatasoft portal of Services Publics+ (Explore API v2.1). What records mean stands in `contract.py`."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import Any

from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

from ingestion.errors import ExpectedFailure
from ingestion.http import Api
from ingestion.services_publics_plus.contract import EXPERIENCES
from ingestion.settings import get

Page = list[dict[str, Any]]

PORTAL = "https://opendata.plus.transformation.gouv.fr/api/explore/v2.1"
DATASET = "export-experiences"
KEY_SETTING = "CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY"

#: Limits of the Explore API: records per page, and the offset beyond which it refuses to page.
PAGE_ROWS = 100
WINDOW_ROWS = 10_000

#: A question with more records is exported instead: its last page would reach the window.
MOST_PAGED_ROWS = WINDOW_ROWS - PAGE_ROWS

EXPORT_BATCH_ROWS = 5000

#: A complete order: without one, pages may repeat some records and leave out others.
ORDER = "date_de_publication, id_experience"

#: An answer changes an experience after its publication; what was published less than this ago is read again.
LAG = timedelta(days=40)


class Portal:
    """The dataset of experiences on the portal that the settings name."""

    def __init__(self) -> None:
        base = get("CYBERIMPACT_SERVICES_PUBLICS_PLUS_URL", PORTAL).rstrip("/")
        dataset = get("CYBERIMPACT_SERVICES_PUBLICS_PLUS_DATASET", DATASET)
        key = get(KEY_SETTING)
        headers = {"Authorization": f"Apikey {key}"} if key else {}
        self._api = Api("services_publics_plus", f"{base}/catalog/datasets/{dataset}", KEY_SETTING, headers)

    @property
    def address(self) -> str:
        return self._api.base_url

    def everything(self) -> Iterator[Page]:
        """Yield all experiences, for a first load.

        Raises:
            ExpectedFailure: the portal cannot be read whole.
        """
        self._fields()
        query = {"order_by": ORDER}
        yield from self._whole(self._export(query), self._count(query))

    def since(self, last_publication: date) -> Iterator[Page]:
        """Yield what was published, or first answered, since the last publication read, less `LAG`.

        Raises:
            ExpectedFailure: the portal cannot be read whole.
        """
        start = (last_publication - LAG).isoformat()
        where = f"date_de_publication >= date'{start}'"
        if "date_de_premiere_reponse" in self._fields():
            where += f" or date_de_premiere_reponse >= date'{start}'"
        query = {"where": where, "order_by": ORDER}
        announced = self._count(query)
        pages = self._records(query) if announced <= MOST_PAGED_ROWS else self._export(query)
        yield from self._whole(pages, announced)

    def _fields(self) -> tuple[str, ...]:
        """Return the columns that the portal announces, after refusing those that break the contract."""
        described = self._api.get("")
        try:
            fields = tuple(field["name"] for field in described["fields"])
        except (KeyError, TypeError):
            raise ExpectedFailure(
                f"{self._api.where('')}: the answer does not describe a dataset.",
                "Check the address and the dataset in .env.",
            ) from None
        EXPERIENCES.understand(fields, self._api.where(""))
        return fields

    def _count(self, query: Mapping[str, str]) -> int:
        return _total(self._api.get("records", {**query, "limit": 1}), self._api.where("records"))

    def _records(self, query: Mapping[str, str]) -> Iterator[Page]:
        return self._api.pages(
            "records",
            query,
            paginator=OffsetPaginator(limit=PAGE_ROWS, total_path="total_count"),
            most=WINDOW_ROWS // PAGE_ROWS,
            selector="results",
        )

    def _export(self, query: Mapping[str, str]) -> Iterator[Page]:
        lines = self._api.lines("exports/jsonl", query)
        return iter(lambda: list(islice(lines, EXPORT_BATCH_ROWS)), [])

    def _whole(self, pages: Iterator[Page], announced: int) -> Iterator[Page]:
        """Yield pages, and refuse at their end an answer that lacks records which the portal counted before."""
        found: set[str] = set()
        for page in pages:
            found.update(str(record.get(EXPERIENCES.key)) for record in page)
            yield page
        if len(found) < announced:
            raise ExpectedFailure(
                f"{self._api.where('')}: {len(found)} experiences came, and the portal counted {announced}.",
                "Nothing was loaded, the data loaded before stays: load again later.",
            )


def _total(answer: Any, where: str) -> int:
    total = answer.get("total_count") if isinstance(answer, dict) else None
    if not isinstance(total, int):
        raise ExpectedFailure(f"{where}: the answer has no total_count.", "Check the address and the dataset in .env.")
    return total
