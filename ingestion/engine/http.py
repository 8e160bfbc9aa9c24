"""HTTP client for platforms: timeouts, bounded retries, quotas, and checks of answers."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.requests.session import Session
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.helpers.rest_client.typing import HTTPMethodBasic
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from core import certificates, clock
from core.errors import ExpectedFailure, TransientFailure
from core.settings import get
from privacy import mask_identifiers

log = logging.getLogger(__name__)

#: A difference of clocks beyond what networks and caches explain.
CLOCKS_APART = timedelta(minutes=10)

_LATER = "Nothing was loaded, the data loaded before stays: load again later."


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a platform.

    Attributes:
        connect_seconds: For the connection.
        read_seconds: Between two pieces of an answer.
        attempts: Times that one request is sent at most.
        backoff_seconds: Scale of the random exponential wait between two attempts.
        longest_wait_seconds: Longest wait that a platform may ask for; beyond it, the load ends, and a later one tries.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    attempts: int = 5
    backoff_seconds: float = 1.0
    longest_wait_seconds: float = 300.0

    @classmethod
    def from_settings(cls) -> "RetryPolicy":
        """Return the defaults, overridden by `CYBERIMPACT_HTTP_<ATTRIBUTE>`.

        Raises:
            ExpectedFailure: a setting is not a positive number.
        """
        values: dict[str, Any] = {}
        for name, default in cls.__dataclass_fields__.items():
            setting = f"CYBERIMPACT_HTTP_{name.upper()}"
            text = get(setting)
            if text is None:
                continue
            try:
                values[name] = type(default.default)(text)
            except ValueError:
                values[name] = 0
            if values[name] <= 0:
                raise ExpectedFailure(f"{setting} is {text!r}, which is not a positive number.", "Correct or unset it.")
        return cls(**values)


class PlatformFailure(TransientFailure):
    """A failure of a platform that may pass by itself: the next load may find it well."""

    def __init__(self, what: str, remedy: str = _LATER, until: datetime | None = None) -> None:
        super().__init__(what, remedy, until)


class _RetryingSession(Session):
    """A session that retries what may pass, explains what does not, and sends nothing to another host."""

    def __init__(
        self, platform: str, base_url: str, key_setting: str, policy: RetryPolicy, check: "AnswerCheck | None" = None
    ) -> None:
        super().__init__(timeout=(policy.connect_seconds, policy.read_seconds), raise_for_status=False)
        # What httpx and OpenSSL read too; requests alone would look for its authorities elsewhere.
        self.verify = get("SSL_CERT_FILE", "") or True
        self._has_warned = False
        self._check = check
        self._platform = platform
        self._host = urlsplit(base_url)
        self._key_setting = key_setting
        self._policy = policy

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        retrying = Retrying(
            stop=stop_after_attempt(self._policy.attempts),
            wait=self._wait,
            retry=retry_if_exception(self._is_waited_for),
            reraise=True,
        )
        return retrying(self._send_once, request, **options)

    def _send_once(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        where = f"{self._platform}, address {without_query(request.url or '')}"
        self._refuse_other_host(request)
        with explained(where):
            response = super().send(request, **options)
            self._compare_clocks(response, where)
            if response.is_redirect:
                return response
            failure = self._check(response) if self._check else None
            if failure is not None:
                raise failure
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                raise self._failure(response, where)
            _check_body(response, where, whole=not options.get("stream"))
            return response

    def _refuse_other_host(self, request: requests.PreparedRequest) -> None:
        target = urlsplit(request.url or "")
        is_upgrade = target.hostname == self._host.hostname and target.scheme == "https"
        if (target.scheme, target.netloc) != (self._host.scheme, self._host.netloc) and not is_upgrade:
            asked = without_query(self._host.geturl())
            raise ExpectedFailure(
                f"{self._platform}, address {asked}: the platform redirects to another host, {target.hostname}, and"
                " nothing was sent to it.",
                "If the platform has moved, set its new address in .env.",
            )

    def _compare_clocks(self, response: requests.Response, where: str) -> None:
        """Warn, once in a session, where the platform shows another time: records would lie after their load."""
        shown = _date(response.headers.get("Date", ""))
        if shown is None or "Age" in response.headers or abs(clock.now() - shown) < CLOCKS_APART:
            return
        if not self._has_warned:
            log.warning(
                "%s: it is %s UTC there and %s UTC here. If it is the clock of this machine that is wrong, correct it,"
                " then run `cyberimpact quarantine retry %s`.",
                where, f"{shown:%Y-%m-%d %H:%M}", f"{clock.now():%Y-%m-%d %H:%M}", self._platform,
            )  # fmt: skip
        self._has_warned = True

    def _is_waited_for(self, failure: BaseException) -> bool:
        """Return whether a failure may pass within the longest wait."""
        if not isinstance(failure, PlatformFailure):
            return False
        longest = timedelta(seconds=self._policy.longest_wait_seconds)
        return failure.until is None or failure.until - datetime.now(UTC) <= longest

    def _wait(self, state: RetryCallState) -> float:
        """Return the seconds to the next attempt: never the same for many clients that were sent away together."""
        failure = state.outcome.exception() if state.outcome else None
        until = getattr(failure, "until", None)
        asked = 0.0 if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())
        random_wait = wait_random_exponential(self._policy.backoff_seconds, self._policy.longest_wait_seconds)
        return asked + random_wait(state)

    def _failure(self, response: requests.Response, where: str) -> ExpectedFailure:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            used_up = f"{where}: the quota of requests is used up (status {status})"
            return self._passing(used_up, _retry_after(response) or _quota_reset(response), ", and no time is given")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # the reset of a quota, which many send always, is no news here
            failed = f"{where}: the platform failed (status {status})"
            return self._passing(failed, _retry_after(response), f", {self._policy.attempts} times in a row")
        remedies: dict[int, str] = {
            HTTPStatus.UNAUTHORIZED: f"Check the key in {self._key_setting} (.env), or unset it where none is needed.",
            HTTPStatus.FORBIDDEN: f"Ask the platform for access, or set another key in {self._key_setting} (.env).",
            HTTPStatus.NOT_FOUND: "Check the address and the name of the dataset in .env.",
        }
        remedy = remedies.get(status, "The platform may have changed: compare the request with its documentation.")
        return ExpectedFailure(f"{where}: refused with status {status}{_said(response)}.", remedy)

    def _passing(self, what: str, until: datetime | None, without_time: str) -> PlatformFailure:
        """Return a failure that may pass: within the load, or after it where the platform names a time far away."""
        if until is None:
            return PlatformFailure(f"{what}{without_time}.")
        remedy = f"Nothing was loaded, the data loaded before stays: load again after {until:%Y-%m-%d %H:%M} UTC."
        return PlatformFailure(f"{what}.", remedy, until)


#: Looks at an answer before its status does: for platforms that say an error with status 200, or say it oddly.
AnswerCheck = Callable[[requests.Response], ExpectedFailure | None]


class explained:  # noqa: N801 (read as a verb: `with explained(where)`)
    """Turns the failures of the network into sentences; their causes, which quote the whole address, are cut off."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if isinstance(failure, requests.exceptions.SSLError) and (
            refused := certificates.explain(failure, self._where)
        ):
            raise refused from None
        if isinstance(failure, requests.Timeout) or "Read timed out" in str(failure):
            raise PlatformFailure(f"{self._where}: the platform does not answer in time.") from None
        if isinstance(failure, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
            raise PlatformFailure(f"{self._where}: the answer breaks off.") from None
        if isinstance(failure, requests.ConnectionError):
            raise PlatformFailure(f"{self._where}: the platform cannot be reached.") from None


def _check_body(response: requests.Response, where: str, *, whole: bool) -> None:
    """Refuse an answer that is no JSON; of a streamed one, only the announced type can be checked."""
    if "html" in response.headers.get("Content-Type", "").lower() or (whole and response.text.lstrip()[:1] == "<"):
        raise PlatformFailure(f"{where}: the platform answers a web page instead of JSON.")
    if whole:
        try:
            response.json()
        except requests.exceptions.JSONDecodeError:
            raise PlatformFailure(f"{where}: the answer is not whole JSON: it breaks off.") from None


def _said(response: requests.Response) -> str:
    """Return the message of an error body, without identifiers; it is English prose, where capitals are no names."""
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return ""
    said = [str(body[name]) for name in ("error_code", "message", "error") if isinstance(body, dict) and body.get(name)]
    return f" ({mask_identifiers(': '.join(said))[:300]})" if said else ""


def _retry_after(response: requests.Response) -> datetime | None:
    """Return when a request may be sent again, from the standard header `Retry-After`."""
    after = response.headers.get("Retry-After", "")
    try:
        return datetime.now(UTC) + timedelta(seconds=int(after)) if after.isdecimal() else _date(after)
    except OverflowError:
        return None


def _date(header: str) -> datetime | None:
    """Return the instant that a header of HTTP names, None where it names none."""
    try:
        return parsedate_to_datetime(header).astimezone(UTC) if header else None
    except (ValueError, OverflowError):
        return None


def _quota_reset(response: requests.Response) -> datetime | None:
    """Return when a used quota is renewed, from Opendatasoft's body or else from the headers of a quota."""
    try:
        moment = datetime.fromisoformat(response.json()["reset_time"])
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, LookupError):  # most platforms say it in a header, with any body or none
        epoch = response.headers.get("X-RateLimit-Reset") or response.headers.get("X-Rate-Limit-Reset", "")
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def without_query(url: str) -> str:
    """Return an address without its query, fragment and credentials."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


class Api:
    """A JSON platform.

    Args:
        platform: Name of the platform, for messages.
        base_url: Address below which everything is asked; nothing is ever sent to another host.
        key_setting: Setting that holds the key, for messages.
        headers: Sent with every request; here belongs the key.
        auth: How requests are signed, where a header does not do.
        params: Secret part of every query, for platforms that want the key there; shown in no message.
        check: Looks at every answer first; what it returns is raised.
    """

    def __init__(
        self,
        platform: str,
        base_url: str,
        key_setting: str,
        headers: Mapping[str, str] | None = None,
        *,
        auth: AuthBase | None = None,
        params: Mapping[str, str] | None = None,
        check: AnswerCheck | None = None,
    ) -> None:
        self.platform = platform
        self.base_url = base_url
        self._secret = dict(params or {})
        session = _RetryingSession(platform, base_url, key_setting, RetryPolicy.from_settings(), check)
        self._rest = RESTClient(base_url, headers=dict(headers or {}), auth=auth, session=session)

    def where(self, path: str) -> str:
        """Return platform and address, for messages."""
        return f"{self.platform}, address {without_query(f'{self.base_url}/{path}')}"

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer to a request.

        Raises:
            ExpectedFailure: the platform cannot be reached, refuses, or does not answer JSON.
        """
        return self._rest.get(path, params=self._query(params)).json()

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the JSON answer to a question that is posted; it is sent again as `get` is, since it changes nothing.

        Args:
            path: Below the base address.
            json: Body as JSON.
            form: Body as a form.
            params: Query.

        Raises:
            ExpectedFailure: as `get`.
        """
        data = None if form is None else dict(form)
        return self._rest.post(path, json=json, data=data, params=self._query(params)).json()

    def _query(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**self._secret, **(params or {})}

    def pages(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        paginator: BasePaginator,
        most: int,
        selector: str,
        method: HTTPMethodBasic = "GET",
        json: Any = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a listing.

        Args:
            path: Below the base address.
            params: Query.
            paginator: How the platform pages.
            most: Number of pages after which something is wrong.
            selector: JSON path of the records.
            method: How a page is asked for.
            json: Body of every request.

        Raises:
            ExpectedFailure: as `get`, or the listing does not end.
        """
        pages = self._rest.paginate(
            path,
            method=method,
            params=self._query(params),
            json=json,
            paginator=paginator,
            data_selector=selector,
            hooks={"response": []},
        )
        for number, page in enumerate(pages, start=1):
            if number > most:
                raise ExpectedFailure(f"{self.where(path)}: the listing does not end after {most} pages.", _LATER)
            yield list(page)

    def lines(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the records of a streamed JSON Lines answer, without holding it in memory.

        Raises:
            ExpectedFailure: as `get`, or the stream breaks off.
        """
        where = self.where(path)
        with explained(where), self._rest.get(path, params=self._query(params), stream=True) as response:
            for number, line in enumerate(response.iter_lines(chunk_size=1 << 16), start=1):
                if line.strip():
                    yield _record(line, f"{where}, record {number}")


def _record(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        is_page = line.lstrip().startswith(b"<")
        what = "is a web page instead of JSON" if is_page else "is not whole JSON: the answer breaks off"
        raise PlatformFailure(f"{where}: this {what}.") from None
    if not isinstance(record, dict):
        raise ExpectedFailure(f"{where}: this is a {type(record).__name__} instead of an object.", _LATER)
    return record
