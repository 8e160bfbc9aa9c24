"""Client of Superset's REST API."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
import yaml

from supersync.archive import packed
from supersync.errors import SupersetFailure, Unreachable

PAGE_SIZE = 100  # the server's own ceiling: it shortens a longer page without saying so
KINDS = ("database", "dataset", "chart", "dashboard")

_REFUSED = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")  # as OpenSSL says why

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 401, 403, 404, 429, 500


class Client:
    """A session of one account on one server. It logs in at its first request, and again when its token has expired.

    Args:
        url: Address of the server, `http://127.0.0.1:8088`.
        username: Name of an account with the role Admin.
        password: Its password; it appears in no message.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, username: str, password: str, *, timeout: float = 120) -> None:
        self.url = url.rstrip("/")
        self._username = username
        self._password = password
        # One HTTP client for all: the CSRF token is only good with the session cookie that came with it.
        self._http = httpx.Client(
            base_url=self.url, timeout=httpx.Timeout(timeout, connect=5), headers={"Referer": self.url}
        )
        self._headers: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **options: Any) -> Any:
        """Return the JSON answer of a GET."""
        return self._json(self._request("GET", path, **options))

    def post(self, path: str, **options: Any) -> Any:
        """Return the JSON answer of a POST."""
        return self._json(self._request("POST", path, **options))

    def put(self, path: str, **options: Any) -> Any:
        """Return the JSON answer of a PUT."""
        return self._json(self._request("PUT", path, **options))

    def delete(self, path: str) -> None:
        self._request("DELETE", path)

    # By default the latest change last: what is changed meanwhile is then seen twice rather than never.
    def list(
        self, kind: str, columns: list[str], order: str = "changed_on_delta_humanized"
    ) -> Iterator[dict[str, Any]]:
        """Yield every object of a kind (`dataset`, `chart`, …), page after page, with the columns asked for."""
        page = 0
        while True:
            ordered = f"order_column:{order},order_direction:asc"
            query = f"(columns:!({','.join(columns)}),{ordered},page:{page},page_size:{PAGE_SIZE})"
            rows = self.get(f"/api/v1/{kind}/", params={"q": query})["result"]
            yield from rows
            if len(rows) < PAGE_SIZE:
                return
            page += 1

    def ids(self, kind: str) -> dict[UUID, int]:
        """Return the server's own number of every object of a kind."""
        return {UUID(row["uuid"]): row["id"] for row in self.list(kind, ["id", "uuid"])}

    def export_assets(self) -> dict[str, dict[UUID, dict[str, Any]]]:
        """Return what the server holds: by kind, then by UUID, in the format of its exports."""
        assets: dict[str, dict[UUID, dict[str, Any]]] = {kind: {} for kind in KINDS}
        with zipfile.ZipFile(io.BytesIO(self._request("GET", "/api/v1/assets/export/").content)) as archive:
            for name in archive.namelist():
                kind = name.split("/")[1].removesuffix("s")
                if kind in assets:
                    config = yaml.load(archive.read(name), Loader=_LOADER)  # noqa: S506 - both loaders are safe ones
                    assets[kind][UUID(config["uuid"])] = config
        return assets

    def import_assets(self, files: Mapping[str, dict[str, Any]]) -> None:
        """Send files (path in the bundle, content) to be created or overwritten, all of them or none."""
        content = packed(files, "bundle")
        self._request("POST", "/api/v1/assets/import/", files={"bundle": ("bundle.zip", content, "application/zip")})

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        if not self._headers:
            self._log_in()
        response = self._send(method, path, headers=self._headers, **options)
        if self._session_is_over(response):
            self._log_in()
            response = self._send(method, path, headers=self._headers, **options)
        if response.is_error:
            raise self._failure(method, path, response)
        return response

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if refused := _REFUSED.search(str(error)):
                raise SupersetFailure(
                    f"The certificate of {self.url} is not accepted ({refused[1]}).",
                    "Ask the operator of the gateway to renew it, or add its authority to the file of SSL_CERT_FILE.",
                ) from None
            raise Unreachable(
                f"Superset does not answer at {self.url}.",
                "Start it with `make up`, or correct CYBERIMPACT_SUPERSET_URL.",
            ) from None
        except httpx.TimeoutException:
            raise SupersetFailure(
                f"Superset at {self.url} took too long to answer {method} {path}.",
                "Look at its log, then repeat the command: it takes up where this one stopped.",
            ) from None
        except httpx.HTTPError as error:
            raise SupersetFailure(
                f"The connection to Superset at {self.url} broke during {method} {path} ({type(error).__name__}).",
                "Look whether it is running, then repeat the command: it takes up where this one stopped.",
            ) from None

    def _log_in(self) -> None:
        self._http.cookies.clear()
        credentials = {"username": self._username, "password": self._password, "provider": "db", "refresh": False}
        response = self._send("POST", "/api/v1/security/login", json=credentials)
        if response.status_code == _UNAUTHORIZED:
            raise SupersetFailure(
                f"Superset at {self.url} refused the account {self._username}.",
                "Check SUPERSET_ADMIN_PASSWORD; `server.py init` gives the account the password of .env.",
            )
        if response.status_code == _TOO_MANY:
            raise SupersetFailure(
                f"Superset at {self.url} refuses the account {self._username} for now: too many wrong passwords.",
                "Wait a minute, then repeat the command with the right SUPERSET_ADMIN_PASSWORD.",
            )
        if response.is_error:
            raise self._failure("POST", "/api/v1/security/login", response)
        bearer = {"Authorization": f"Bearer {self._json(response)['access_token']}"}
        response = self._send("GET", "/api/v1/security/csrf_token/", headers=bearer)
        if response.is_error:
            raise self._failure("GET", "/api/v1/security/csrf_token/", response)
        self._headers = {**bearer, "X-CSRFToken": self._json(response)["result"]}

    @staticmethod
    def _session_is_over(response: httpx.Response) -> bool:
        return response.status_code == _UNAUTHORIZED or (response.is_client_error and "CSRF" in response.text)

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except json.JSONDecodeError:
            raise SupersetFailure(
                f"{self.url} answered {response.request.url.path} with something other than JSON.",
                "Check that CYBERIMPACT_SUPERSET_URL is the address of Superset itself.",
            ) from None

    def _failure(self, method: str, path: str, response: httpx.Response) -> SupersetFailure:
        where = f"{method} {path} (HTTP {response.status_code})"
        if response.status_code == _FORBIDDEN:
            return SupersetFailure(
                f"Superset denied the account {self._username} {where}.", "Give the account the role Admin."
            )
        if response.status_code == _NOT_FOUND:
            return SupersetFailure(
                f"Superset at {self.url} does not know {where}.",
                "Check that CYBERIMPACT_SUPERSET_URL is the address of Superset, and that the object still exists.",
            )
        reasons = "; ".join(_reasons(response))
        if response.status_code >= _SERVER_ERROR and not reasons:
            return SupersetFailure(f"Superset failed inside on {where}.", "The cause is in the log of Superset.")
        return SupersetFailure(
            f"Superset refused {where}: {reasons or 'no reason given'}.",
            "Correct what it names, then repeat the command.",
        )


def _reasons(response: httpx.Response) -> list[str]:
    """Return the sentences in an error answer of Superset, whose shape differs between endpoints."""
    try:
        body = response.json()
    except json.JSONDecodeError:
        return []
    return [text[:300] for text in dict.fromkeys(_sentences(body))][:5]


def _sentences(body: Any, path: str = "") -> Iterator[str]:
    match body:
        case {"errors": [*errors]}:
            for error in errors:
                extra = {key: value for key, value in (error.get("extra") or {}).items() if key != "issue_codes"}
                yield from _sentences(extra) if extra else _sentences(error.get("message"))
        case {"message": message}:
            yield from _sentences(message)
        case dict():
            for key, value in body.items():
                yield from _sentences(value, f"{path}.{key}" if path else str(key))
        case list():
            for value in body:
                yield from _sentences(value, path)
        case None | "":
            return
        case _:
            yield f"{path}: {body}" if path else str(body)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
