"""Client of the Opendatasoft portal of Services Publics+ (Explore API v2.1)."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from http import HTTPStatus
from itertools import islice
from typing import Any

import requests
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.services_publics_plus.contract import EXPERIENCES, QUALITY_RESULTS
from ingestion.engine.contract import Header, Table
from ingestion.engine.http import AnswerCheck, Api, without_query
from ingestion.engine.windows import ONE_DAY, Window

Page = list[dict[str, Any]]

PORTAL = "https://opendata.plus.transformation.gouv.fr/api/explore/v2.1"
DATASET = "export-experiences"
#: [INFERRED] from the title of the programme's API of quality results (§2.4).
RESULTS_DATASET = "resultats-de-qualite"
KEY_SETTING = "CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY"

#: Limits of the Explore API: records per page, and the offset beyond which it refuses to page.
PAGE_ROWS = 100
WINDOW_ROWS = 10_000

#: A question with more records is exported instead: its last page would reach the window.
MOST_PAGED_ROWS = WINDOW_ROWS - PAGE_ROWS

EXPORT_BATCH_ROWS = 5000

#: A complete order: without one, pages may repeat some records and leave out others.
ORDER = "date_de_publication, id_experience"

#: An answer changes an experience after its publication, and a result may be corrected; what was published less than
#: this ago is read again.
LAG = timedelta(days=40)


class DatasetAbsent(ExpectedFailure):
    """The portal has no such dataset."""


class Dataset:
    """A dataset of the portal that the settings name.

    Args:
        name: Its identifier.
        table: What its records must be.
        check: As `ingestion.engine.http.Api` takes it.
    """

    def __init__(self, name: str, table: Table, check: AnswerCheck | None = None) -> None:
        key = get(KEY_SETTING)
        headers = {"Authorization": f"Apikey {key}"} if key else {}
        address = f"{portal_address()}/catalog/datasets/{name}"
        self._table = table
        self.api = Api("services_publics_plus", address, KEY_SETTING, headers, check=check)

    def header(self) -> Header:
        """Return the columns that the portal announces, after refusing those that break the contract.

        Raises:
            ExpectedFailure: it announces none, or a required one is missing.
        """
        described, where = self.api.get(""), self.api.where("")
        try:
            fields = tuple(field["name"] for field in described["fields"])
        except (KeyError, TypeError):
            raise ExpectedFailure(
                f"{where}: the answer does not describe a dataset.", "Check the address and the dataset in .env."
            ) from None
        return self._table.understand(fields, where)

    def count(self, query: Mapping[str, str]) -> int:
        """Return how many records answer a question.

        Raises:
            ExpectedFailure: the portal does not say.
        """
        answer, where = self.api.get("records", {**query, "limit": 1}), self.api.where("records")
        total = answer.get("total_count") if isinstance(answer, dict) else None
        if not isinstance(total, int):
            raise ExpectedFailure(
                f"{where}: the answer has no total_count.", "Check the address and the dataset in .env."
            )
        return total

    def pages(self, query: Mapping[str, str]) -> Iterator[Page]:
        """Yield the records that answer a question, a hundred at a time; refused beyond `MOST_PAGED_ROWS`."""
        return self.api.pages(
            "records",
            query,
            paginator=OffsetPaginator(limit=PAGE_ROWS, total_path="total_count"),
            most=WINDOW_ROWS // PAGE_ROWS,
            selector="results",
        )

    def export(self, query: Mapping[str, str]) -> Iterator[Page]:
        """Yield the records that answer a question, however many, from one streamed answer."""
        lines = self.api.lines("exports/jsonl", query)
        return iter(lambda: list(islice(lines, EXPORT_BATCH_ROWS)), [])


class Experiences:
    """The dataset of experiences."""

    def __init__(self) -> None:
        self._dataset = Dataset(get("CYBERIMPACT_SERVICES_PUBLICS_PLUS_DATASET", DATASET), EXPERIENCES)

    def everything(self) -> Iterator[Page]:
        """Yield all experiences, for a first load.

        Raises:
            ExpectedFailure: the portal cannot be read whole.
        """
        self._dataset.header()
        query = {"order_by": ORDER}
        yield from self._whole(self._dataset.export(query), self._dataset.count(query))

    def since(self, last_publication: date) -> Iterator[Page]:
        """Yield what was published, or first answered, since the last publication read, less `LAG`.

        Raises:
            ExpectedFailure: the portal cannot be read whole.
        """
        start = (last_publication - LAG).isoformat()
        where = f"date_de_publication >= date'{start}'"
        if "date_de_premiere_reponse" in self._dataset.header().columns:
            where += f" or date_de_premiere_reponse >= date'{start}'"
        yield from self._asked(where)

    def published(self, window: Window) -> Iterator[Page]:
        """Yield what was published on some days.

        Raises:
            ExpectedFailure: the portal cannot be read whole.
        """
        self._dataset.header()
        yield from self._asked(_within("date_de_publication", window))

    def _asked(self, where: str) -> Iterator[Page]:
        query = {"where": where, "order_by": ORDER}
        announced = self._dataset.count(query)
        ask = self._dataset.pages if announced <= MOST_PAGED_ROWS else self._dataset.export
        yield from self._whole(ask(query), announced)

    def _whole(self, pages: Iterator[Page], announced: int) -> Iterator[Page]:
        """Yield pages, and refuse at their end an answer that lacks records which the portal counted before."""
        found: set[str] = set()
        for page in pages:
            found.update(str(record.get(EXPERIENCES.key)) for record in page)
            yield page
        _refuse_fewer("experiences", len(found), announced, self._dataset)


class QualityResults:
    """The dataset of quality results, which a portal may lack."""

    def __init__(self) -> None:
        self._dataset = Dataset(results_dataset(), QUALITY_RESULTS, _absent)

    def since(self, last_update: date | None) -> Iterator[Page]:
        """Yield the results that were updated since the last update read, less `LAG`; all when there is none.

        They are always exported: an export has no pages that could overlap, and its records need no order.

        Raises:
            DatasetAbsent: the portal has no such dataset.
            ExpectedFailure: the portal cannot be read whole.
        """
        column = self._updated_on()
        if last_update is None:
            yield from self._asked({})
        else:
            yield from self._asked({"where": f"{column} >= date'{last_update - LAG}'"})

    def updated(self, window: Window) -> Iterator[Page]:
        """Yield the results that were updated on some days.

        Raises:
            DatasetAbsent: the portal has no such dataset.
            ExpectedFailure: the portal cannot be read whole.
        """
        yield from self._asked({"where": _within(self._updated_on(), window)})

    def _updated_on(self) -> str:
        """Return the portal's name of the day of update."""
        columns = {declared.name: label for label, declared in self._dataset.header().columns.items()}
        return columns["date_mise_a_jour"]

    def _asked(self, query: Mapping[str, str]) -> Iterator[Page]:
        announced, found = self._dataset.count(query), 0
        for page in self._dataset.export(query):
            found += len(page)
            yield page
        _refuse_fewer("results", found, announced, self._dataset)


def _within(column: str, window: Window) -> str:
    return f"{column} >= date'{window.start}' and {column} < date'{window.end + ONE_DAY}'"


def portal_address() -> str:
    return get("CYBERIMPACT_SERVICES_PUBLICS_PLUS_URL", PORTAL).rstrip("/")


def results_dataset() -> str:
    return get("CYBERIMPACT_SERVICES_PUBLICS_PLUS_RESULTS_DATASET", RESULTS_DATASET)


def _absent(response: requests.Response) -> ExpectedFailure | None:
    if response.status_code != HTTPStatus.NOT_FOUND:
        return None
    return DatasetAbsent(
        f"services_publics_plus, address {without_query(response.url)}: there is no such dataset (status 404).",
        "Set its name in CYBERIMPACT_SERVICES_PUBLICS_PLUS_RESULTS_DATASET (.env).",
    )


def _refuse_fewer(what: str, found: int, announced: int, dataset: Dataset) -> None:
    if found < announced:
        raise ExpectedFailure(
            f"{dataset.api.where('')}: {found} {what} came, and the portal counted {announced}.",
            "Nothing was loaded, the data loaded before stays: load again later.",
        )
