"""Client of the open API of Je donne mon avis, one key after the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.connectors.jdma.flattening import Page, statistics
from ingestion.engine.contract import CHANGED_FORMAT
from ingestion.engine.http import AnswerCheck, Api

#: The host is [INFERRED] from the addresses of the platform's buttons; the path is [CERTAIN] (§1.1).
PUBLIC_ADDRESS = "https://jedonnemonavis.numerique.gouv.fr/api/open-api"
KEYS_SETTING = "CYBERIMPACT_JDMA_API_KEYS"

#: Most services in one question for statistics, and reviews on a page (§1.3, §1.4) [CERTAIN].
SERVICES_PER_CALL = 10
PAGE_ROWS = 100
MOST_PAGES = 20_000

#: How the platform says that it knows the route and not the form; without it, a 404 means that there is no such route.
_UNKNOWN_FORM = "Formulaire introuvable"


@dataclass(frozen=True)
class Version:
    """A version of the API, by the names of its routes; the first one knows no forms (§1.1) [CERTAIN]."""

    name: str
    services: str
    statistics: str


FIRST_VERSION = Version("v1", "demarches", "stats")
SECOND_VERSION = Version("v2", "services", "statistiques")


class RouteAbsent(ExpectedFailure):
    """The platform has no such route: it has another version, or has closed it."""


class FormAbsent(ExpectedFailure):
    """The platform does not know the form any more, or not for this key."""


def base_address() -> str:
    return get("CYBERIMPACT_JDMA_URL", PUBLIC_ADDRESS).rstrip("/")


def accounts() -> tuple["Account", ...]:
    """Return one account per key of the settings, in their order.

    Raises:
        ExpectedFailure: there is no key.
    """
    keys = [key.strip() for key in get(KEYS_SETTING, "").split(",") if key.strip()]
    if not keys:
        raise ExpectedFailure(
            f"jdma: the setting {KEYS_SETTING} is absent.",
            "Put the keys of the services or of the organisation into .env, separated by commas; or load an export"
            " with --file.",
        )
    return tuple(Account(key, rank) for rank, key in enumerate(keys, start=1))


class Account:
    """What one key may read: a service, or the services of an organisation.

    Args:
        key: The key; it appears in no message.
        rank: Its place in the setting, from 1, which messages name instead.
    """

    def __init__(self, key: str, rank: int) -> None:
        self._api = Api(
            "jdma",
            base_address(),
            f"{KEYS_SETTING}, number {rank}",
            {"Authorization": f"Bearer {key}"},
            check=_absent(f"jdma, address {base_address()}, key {rank}"),
        )

    def scope(self) -> "Scope":
        """Return what the key opens, in the second version of the API, or else in the first.

        Raises:
            ExpectedFailure: neither can be read, or a service has no number.
        """
        try:
            return self._scope(SECOND_VERSION)
        except RouteAbsent:
            return self._scope(FIRST_VERSION)

    def _scope(self, version: Version) -> "Scope":
        where = self._api.where(version.services)
        services = _data(self._api.get(version.services), where)
        if not all(isinstance(service.get("id"), int) for service in services):
            raise ExpectedFailure(f"{where}: a service has no number as its 'id'.", CHANGED_FORMAT)
        return Scope(self, version, tuple(services), where)

    def statistics(self, version: Version, products: Sequence[int], month: date) -> Iterator[Page]:
        """Yield the statistics of services in a month, for at most `SERVICES_PER_CALL` of them at a time.

        The days of the month are those of UTC, the last one included [INFERRED].

        Raises:
            ExpectedFailure: they cannot be read.
        """
        for batch in batches(products, SERVICES_PER_CALL):
            question = {
                "start_date": month.isoformat(),
                "end_date": (following(month) - timedelta(days=1)).isoformat(),
                "product_ids": list(batch),
                "field_codes": [],  # the first version has no defaults
                "interval": "month",
            }
            where = self._api.where(version.statistics)
            if page := statistics(_data(self._api.post(version.statistics, json=question), where), where):
                yield page

    def reviews(self, product: int, form: int, days: Mapping[str, str], *, include_answers: bool) -> Iterator[Page]:
        """Yield the reviews of a form of a service, latest first.

        Args:
            product: Number of the service.
            form: Number of the form, which other services may share.
            days: First and last day of Paris, `start_date` and `end_date`, where they matter.
            include_answers: Whether each review holds its answers.

        Raises:
            RouteAbsent: the platform has closed this route.
            FormAbsent: it does not know the form any more.
            ExpectedFailure: they cannot be read, or the pages do not follow each other.
        """
        query: dict[str, Any] = {"form_id": form, "product_id": product, "limit": PAGE_ROWS, **days}
        query["include_answers"] = str(include_answers).lower()
        pages = self._api.pages(
            "avis",
            query,
            paginator=JSONResponseCursorPaginator(
                cursor_path="metadata.next_cursor", cursor_param="cursor", has_more_path="metadata.has_more"
            ),
            most=MOST_PAGES,
            selector="data",
        )
        return _descending(pages, self._api.where("avis"))


@dataclass(frozen=True)
class Scope:
    """The services that are read with one key.

    Attributes:
        account: The key.
        version: Version of the API that returned them.
        services: As the platform returns them.
        where: Platform and address, for messages.
    """

    account: Account
    version: Version
    services: tuple[dict[str, Any], ...]
    where: str

    @property
    def products(self) -> tuple[int, ...]:
        return tuple(service["id"] for service in self.services)

    @property
    def forms(self) -> Iterator[tuple[int, int]]:
        """The numbers of service and form, of every form."""
        return ((service["id"], form["id"]) for service in self.services for form in service.get("forms") or ())


def scopes() -> Iterator[Scope]:
    """Yield what each key opens; a service that several keys open is read with the first of them.

    Raises:
        ExpectedFailure: there is no key, or the platform refuses one of them.
    """
    seen: set[int] = set()
    for account in accounts():
        scope = account.scope()
        yield replace(scope, services=tuple(service for service in scope.services if service["id"] not in seen))
        seen.update(scope.products)


def batches(items: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    remaining = iter(items)
    return iter(lambda: tuple(islice(remaining, size)), ())


def following(month: date) -> date:
    """Return the first day of the next month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _absent(where: str) -> AnswerCheck:
    def check(response: requests.Response) -> ExpectedFailure | None:
        if response.status_code != HTTPStatus.NOT_FOUND:
            return None
        remedy = "Check the address in CYBERIMPACT_JDMA_URL (.env)."
        if _UNKNOWN_FORM in response.text:
            return FormAbsent(f"{where}: a form is unknown or closed (status 404).", remedy)
        path = urlsplit(response.url).path
        return RouteAbsent(f"{where}: the platform has no {path} (status 404).", remedy)

    return check


def _data(answer: Any, where: str) -> list[dict[str, Any]]:
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(found, dict) for found in data):
        raise ExpectedFailure(
            f"{where}: the answer has no list of objects under 'data'.",
            CHANGED_FORMAT,
        )
    return data


def _descending(pages: Iterator[Page], where: str) -> Iterator[Page]:
    """Yield pages, and refuse one that does not continue the order: the platform repeats or mixes them."""
    last: tuple[str, int] | None = None
    for page in pages:
        for review in page:
            try:
                place = (str(review["created_at"]), int(review["id"]))
            except (KeyError, TypeError, ValueError):
                continue  # the contract says what is wrong with it
            if last is not None and place >= last:
                raise ExpectedFailure(
                    f"{where}: the review {place[1]} comes again, or out of order: pages overlap.",
                    "Nothing was loaded, the data loaded before stays: load again later.",
                )
            last = place
        yield page
