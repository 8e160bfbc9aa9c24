"""Takes records that other systems send over HTTP, and says what has become of them.

`POST /api/in/<platform>/<table>` answers once the records are durable; a load takes them from there.
"""

import logging
import threading
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from core import settings
from core.clock import now
from core.errors import ExpectedFailure
from ingestion.engine import sent
from operations import tokens, webhook_signature
from operations.inbox import deliveries
from operations.inbox.deliveries import MOST_BYTES
from operations.models import ApiToken, Delivery
from web import failures, senders
from web.access import open_to_all
from web.failures import Conflict, NotFound, Refused, TooLarge, Unavailable

log = logging.getLogger(__name__)

RETRY_SECONDS = 60
#: Bodies that are parsed at a time: each may take some hundred mebibytes while it is parsed.
_reading = threading.BoundedSemaphore(4)


@open_to_all("a token or a signature in the request decides", frozenset({"POST"}))
def receive(request: HttpRequest, platform: str, entity: str) -> HttpResponse:
    """Keep the records of a request, and return where its outcome can be asked."""
    holder = _holder(request)
    if holder is None and not _is_signed(request):  # nothing of the body is read
        return _not_known(request)
    raw = _raw(request)  # a slow sender holds up nobody else
    with _reading:
        problem = _problem_of_signature(request, holder, raw)
        if holder is None or problem:
            return _not_known(request, problem)
        return _kept(request, holder, raw, (platform, entity))


def _kept(request: HttpRequest, holder: ApiToken, raw: bytes, target: tuple[str, str]) -> HttpResponse:
    platform, entity = target
    if platform not in holder.sends:
        raise Refused(f"Ce jeton n'envoie rien de « {platform[:80]} ».", "Voir `cyberimpact api token add --sends`.")
    if target not in deliveries.targets():
        tables = ", ".join(sorted(table for name, table in deliveries.targets() if name == platform))
        raise NotFound(f"« {platform} » n'a pas de table « {entity[:80]} ».", f"Il y a {tables}.")
    try:
        deliveries.refuse_full(holder.name)
    except deliveries.FullError as full:
        refusal = failures.shown(request, HTTPStatus.SERVICE_UNAVAILABLE, full)
        refusal.headers["Retry-After"] = str(RETRY_SECONDS)
        return refusal
    try:
        content = sent.unpacked(raw, request.headers.get("Content-Encoding"), MOST_BYTES)
        body = sent.read(content, request.headers.get("Content-Type", ""))
    except sent.TooLargeError as large:
        raise TooLarge(large.what, large.remedy) from None
    key = _key(request) or body.event_key
    delivery = deliveries.Sent(holder.name, platform, entity, body, content, key and sent.usable_key(key))
    try:
        [kept] = deliveries.keep([delivery])
    except deliveries.UsedKeyError as used:
        raise Conflict(used.what, used.remedy) from None
    except ExpectedFailure as failure:  # the sender has done nothing wrong, and sends it again
        log.warning("%s", failure)
        raise Unavailable("Rien ne peut être enregistré pour le moment.", "Envoyez-le de nouveau plus tard.") from None
    return failures.as_json(_receipt(kept), HTTPStatus.ACCEPTED)


def _key(request: HttpRequest) -> str | None:
    """Return the idempotency key of a request; where it is signed, what is signed: else a replay would change it."""
    if _is_signed(request):
        return request.headers.get("webhook-id")
    return request.headers.get("Idempotency-Key") or request.headers.get("webhook-id")


@open_to_all("a token or a signature in the request decides")
def receipt(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """Say what has become of what its sender has sent."""
    holder = _holder(request)
    problem = _problem_of_signature(request, holder, b"")
    if holder is None or problem:
        return _not_known(request, problem)
    found = deliveries.find(sent.usable_key(delivery_id), holder.name)
    if found is None:
        raise NotFound("Ce reçu n'existe pas pour ce jeton, ou date de plus de 30 jours.", "Vérifiez son adresse.")
    return failures.as_json(_receipt(found))


def _receipt(delivery: Delivery) -> dict[str, Any]:
    return {
        "receipt": f"{settings.web_url()}/api/in/receipts/{delivery.delivery_id}",
        "platform": delivery.platform,
        "table": delivery.entity,
        "received_at": delivery.received_at.isoformat(),
        "sha256": delivery.sha256,
        "records": delivery.records,
        "state": delivery.state,
        "settled_at": delivery.settled_at and delivery.settled_at.isoformat(),
        "outcome": delivery.outcome,
    }


def _holder(request: HttpRequest) -> ApiToken | None:
    """Return the token that sends: it is in the request, or is named as the one that has signed it."""
    holder = tokens.named(request.headers["Webhook-Sender"]) if _is_signed(request) else senders.holder_of(request)
    return holder if holder and holder.sends else None


def _is_signed(request: HttpRequest) -> bool:
    return "Webhook-Sender" in request.headers


def _problem_of_signature(request: HttpRequest, holder: ApiToken | None, raw: bytes) -> str | None:
    """Return what is wrong with the signature of a request that has no token, None where all is right.

    An unknown name gets the answer of a wrong signature.
    """
    if not _is_signed(request):
        return None
    given = {label.lower(): value for label, value in request.headers.items()}
    return webhook_signature.problem_of(tokens.signing_secret(holder), given, raw, now())


def _not_known(request: HttpRequest, problem: str | None = None) -> HttpResponse:
    failure = ExpectedFailure(
        problem or "Le jeton est absent, inconnu, périmé, ou n'envoie rien.",
        "Envoyez « Authorization: Bearer JETON », ou Webhook-Sender et une signature (docs/integration.md).",
    )
    refusal = failures.shown(request, HTTPStatus.UNAUTHORIZED, failure)
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


def _raw(request: HttpRequest) -> bytes:
    """Return the body as it came.

    Raises:
        TooLarge: it is larger than a delivery may be; no more of it is read.
        ExpectedFailure: the connection broke.
    """
    try:
        raw = request.read(MOST_BYTES + 1)
    except OSError:
        raise ExpectedFailure("Le contenu n'est pas arrivé entier.", "Envoyez-le de nouveau.") from None
    announced = request.headers.get("Content-Length", "")
    if len(raw) > MOST_BYTES:
        raise TooLarge(f"Ce contenu dépasse {MOST_BYTES >> 20} Mio.", "Envoyez-le en plusieurs fois.")
    if announced.isdecimal() and int(announced) != len(raw):
        raise ExpectedFailure("Le contenu n'est pas arrivé entier.", "Envoyez-le de nouveau.")
    return raw
