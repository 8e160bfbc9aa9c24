"""Limits the rate of wrong passwords per account and per address, in the form and in the API."""

from http import HTTPStatus

from accounts import canonical
from flask import Flask, Response, abort, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

PER_ACCOUNT = parse("10 per minute")  # from one address
PER_ADDRESS = parse("60 per minute")  # whatever the accounts
LOGIN_PATHS = {"/login", "/api/v1/security/login"}


def limit_guesses(app: Flask) -> None:
    """Refuse further passwords after too many wrong ones."""
    limiter = MovingWindowRateLimiter(MemoryStorage())

    @app.before_request
    def refuse_further_guesses() -> None:
        attempt = _attempt(app)
        if attempt and not (limiter.test(PER_ACCOUNT, *attempt) and limiter.test(PER_ADDRESS, attempt[0])):
            abort(429, "Trop de mots de passe erronés : réessayez dans une minute.")

    @app.after_request
    def count_wrong_guesses(response: Response) -> Response:
        attempt = _attempt(app)
        if attempt and (
            response.status_code == HTTPStatus.UNAUTHORIZED or "/login" in response.headers.get("Location", "")
        ):
            limiter.hit(PER_ACCOUNT, *attempt)
            limiter.hit(PER_ADDRESS, attempt[0])
        return response


def _attempt(app: Flask) -> tuple[str, str] | None:
    """Return whence and for which account a request gives a password, None for one that gives none."""
    if request.method != "POST" or request.path.rstrip("/") not in LOGIN_PATHS:
        return None
    body = request.get_json(silent=True)
    fields = body if isinstance(body, dict) else request.form
    return request.remote_addr or "", account_key(app.appbuilder.sm, str(fields.get("username", "")))


def account_key(manager: object, name: str) -> str:
    """Return the same text for every spelling of an account: its name or its address, in any case, with any spaces."""
    for spelling in (name, canonical(name)):
        user = manager.find_user(username=spelling) or manager.find_user(email=spelling)
        if user is not None:
            return f"account {user.id}"
    return f"name {canonical(name)}"
