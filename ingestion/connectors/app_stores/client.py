"""Client of Google Play and the App Store: answers as flat records."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, OAuthJWTAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from requests import PreparedRequest, RequestException
from requests.auth import AuthBase

from core.errors import ExpectedFailure
from core.settings import get
from ingestion.engine.http import Api, without_query

Record = dict[str, Any]
Page = list[Record]

PLAY_ADDRESS = "https://androidpublisher.googleapis.com/androidpublisher/v3"
PLAY_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
APP_STORE_ADDRESS = "https://itunes.apple.com/fr"

APPS_SETTING = "CYBERIMPACT_APP_STORES_APPS"
KEY_FILE_SETTING = "CYBERIMPACT_APP_STORES_PLAY_KEY_FILE"
TOKEN_SETTING = "CYBERIMPACT_APP_STORES_PLAY_TOKEN"  # noqa: S105 (the name of a setting)

#: Ma Sécurité in both stores [inferred: to be confirmed on its pages there].
APPS = "play:fr.gouv.interieur.masecurite,app_store:1606080425"

#: Google Play shows what was written or changed during the last week [certain].
PLAY_WINDOW = timedelta(days=7)
PLAY_PAGE_ROWS = 100
MOST_PLAY_PAGES = 500

#: The App Store shows ten pages of fifty, the latest first [memory].
APP_STORE_PAGES = 10
#: More than these reach into the tenth page: the window is full.
APP_STORE_FULL_ROWS = 450

_CHANGED = (
    "Nothing was loaded, the data loaded before stays: compare the answer with the store's documentation and adapt"
    " ingestion/connectors/app_stores/client.py."
)


@dataclass(frozen=True)
class App:
    """An app in a store."""

    store: str
    identifier: str

    def __str__(self) -> str:
        return f"{self.store}:{self.identifier}"


class ServiceAccount(AuthBase):
    """Signs requests as a Google service account: a token is asked for when there is none that is still valid.

    Args:
        key_file: JSON file of the account's key, as Google gives it.

    Raises:
        ExpectedFailure: the file cannot be read or is not such a key.
    """

    def __init__(self, key_file: Path) -> None:
        try:
            key = json.loads(key_file.read_text(encoding="utf-8"))
            self._endpoint = str(key["token_uri"])
            self._signature = OAuthJWTAuth(
                client_id=key["client_email"],
                private_key=key["private_key"],
                auth_endpoint=self._endpoint,
                scopes=[PLAY_SCOPE],
            )
        except (OSError, ValueError, KeyError, TypeError):
            raise ExpectedFailure(
                f"app_stores: the file that {KEY_FILE_SETTING} names is no readable key of a Google service account.",
                "Download the JSON key in Google Cloud (IAM > Service accounts > Keys) and set its path.",
            ) from None

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        try:
            return self._signature(r)
        except (RequestException, ValueError, KeyError, TypeError):
            # the cause holds the signed assertion
            raise ExpectedFailure(
                f"app_stores, address {without_query(self._endpoint)}: no token was given for the service account.",
                f"Check that the key in {KEY_FILE_SETTING} is in force and that the account may use the Play API.",
            ) from None


class Play:
    """The Google Play Developer API, which shows one week of reviews."""

    def __init__(self) -> None:
        self._base = get("CYBERIMPACT_APP_STORES_PLAY_URL", PLAY_ADDRESS).rstrip("/")

    @property
    def address(self) -> str:
        return self._base

    def reviews(self, package: str) -> Iterator[Page]:
        """Yield the reviews of an app that were written or changed during the last week.

        Raises:
            ExpectedFailure: there is no key, Google refuses, or a page comes twice.
        """
        api = Api("app_stores", self._base, f"{KEY_FILE_SETTING} or {TOKEN_SETTING}", auth=_play_auth())
        path = f"applications/{package}/reviews"
        where = api.where(path)
        paginator = JSONResponseCursorPaginator(cursor_path="tokenPagination.nextPageToken", cursor_param="token")
        seen: set[str] = set()
        query = {"maxResults": PLAY_PAGE_ROWS}
        for (body,) in api.pages(path, query, paginator=paginator, most=MOST_PLAY_PAGES, selector="$"):
            page = _listed(body, where)
            keys = {str(record.get("reviewId")) for record in page}
            if page and keys <= seen:
                raise ExpectedFailure(
                    f"{where}: a page came twice in place of the next one.",
                    "Nothing was loaded, the data loaded before stays: load again later.",
                )
            seen |= keys
            yield [_play_record(package, record) for record in page]


class AppStore:
    """The public feed of reviews of the App Store, which shows the latest 500."""

    def __init__(self) -> None:
        base = get("CYBERIMPACT_APP_STORES_APP_STORE_URL", APP_STORE_ADDRESS).rstrip("/")
        self._api = Api("app_stores", base, APPS_SETTING)

    @property
    def address(self) -> str:
        return self._api.base_url

    def reviews(self, identifier: str) -> Iterator[Page]:
        """Yield the latest reviews of an app; a page without entries is the last.

        Raises:
            ExpectedFailure: the feed cannot be read, or has another form.
        """
        for number in range(1, APP_STORE_PAGES + 1):
            path = f"rss/customerreviews/page={number}/id={identifier}/sortby=mostrecent/json"
            entries = _entries(self._api.get(path), self._api.where(path))
            if not entries:
                return
            yield [_app_store_record(identifier, entry) for entry in entries if not _is_the_app(entry)]


def apps() -> tuple[App, ...]:
    """Return the apps that the settings name.

    Raises:
        ExpectedFailure: one is not of the form `play:PACKAGE` or `app_store:NUMBER`.
    """
    found = []
    for text in get(APPS_SETTING, APPS).split(","):
        store, _, identifier = text.strip().partition(":")
        if store not in {"play", "app_store"} or not identifier or "/" in identifier:
            raise ExpectedFailure(
                f"{APPS_SETTING} holds {text.strip()!r}, which names no app.",
                "Write play:PACKAGE or app_store:NUMBER, separated by commas.",
            )
        found.append(App(store, identifier))
    return tuple(found)


def _play_auth() -> AuthBase:
    key_file, token = get(KEY_FILE_SETTING), get(TOKEN_SETTING)
    if key_file:
        return ServiceAccount(Path(key_file).expanduser())
    if token:
        return BearerTokenAuth(token=token)
    raise ExpectedFailure(
        "app_stores: Google Play is to be read, and no access to it is set.",
        f"Set {KEY_FILE_SETTING} to the key file of a service account, or leave the play: apps out of {APPS_SETTING}.",
    )


def _listed(body: Any, where: str) -> Page:
    """Return the reviews of a page; Google leaves the list out of a week without reviews."""
    if not isinstance(body, dict) or not isinstance(body.get("reviews", []), list):
        raise ExpectedFailure(f"{where}: the answer is no list of reviews.", _CHANGED)
    if "reviews" not in body and body.keys() - {"pageInfo", "tokenPagination"}:
        raise ExpectedFailure(f"{where}: the answer has no reviews, and parts that are not known.", _CHANGED)
    return body.get("reviews", [])


def _play_record(package: str, review: Record) -> Record:
    """Return a review of Google Play with the author's and the developer's comment side by side."""
    flat = {name: value for name, value in review.items() if name != "comments"}
    comments = [comment for comment in review.get("comments") or () if isinstance(comment, dict)]
    written = next((comment["userComment"] for comment in comments if "userComment" in comment), {})
    answer = next((comment["developerComment"] for comment in comments if "developerComment" in comment), {})
    return {
        "store": "play",
        "app_id": package,
        **flat,
        **{name: _seconds(value) if name == "lastModified" else value for name, value in written.items()},
        "developer_answer": answer.get("text"),
        "developer_answered_at": _seconds(answer.get("lastModified")),
    }


def _seconds(stamp: Any) -> Any:
    """Return the seconds of a Google time stamp; anything else unchanged, for the contract to reject."""
    return stamp.get("seconds") if isinstance(stamp, dict) else stamp


def _entries(answer: Any, where: str) -> Page:
    """Return the entries of a feed: a list, a single object, or nothing."""
    feed = answer.get("feed") if isinstance(answer, dict) else None
    if not isinstance(feed, dict):
        raise ExpectedFailure(f"{where}: the answer is no feed of reviews.", _CHANGED)
    entries = feed.get("entry", [])
    return [entries] if isinstance(entries, dict) else entries


def _is_the_app(entry: Record) -> bool:
    """Return whether an entry describes the app itself: that one has neither a rating nor an author."""
    return "im:rating" not in entry and "author" not in entry


def _app_store_record(identifier: str, entry: Record) -> Record:
    """Return an entry with its labels as values."""
    labels = {
        name: value["label"] if isinstance(value, dict) and "label" in value else value for name, value in entry.items()
    }
    return {"store": "app_store", "app_id": identifier, **labels}
