"""What watches the platform from outside asks here whether the process lives, whether it can serve, and its metrics."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from http import HTTPStatus

import duckdb
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from core import settings
from core.errors import ExpectedFailure
from operations import health, tokens
from operations.models import Alert, Crisis, Trouble
from warehouse import published, rights
from web import reading, senders
from web.access import open_to_all
from web.health import healths

log = logging.getLogger(__name__)

_PUBLICATIONS = {
    "daily": ("audit.publication", "select published_at from audit.publication"),
    "live": ("live_serving.audit.live_publication", "select published_at from live_serving.audit.live_publication"),
}
_JOBS = """
select job, epoch(arg_max(ended_at - started_at, ended_at)) as seconds, max(ended_at) as ended_at
from audit.dagster_run
where status = 'SUCCESS'
group by job
"""


@open_to_all("says that the process serves, and nothing else")
def healthz(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@open_to_all("says whether the process can serve pages, and nothing of what they show")
def readyz(_: HttpRequest) -> JsonResponse:
    """Answer 200 where the published copy opens and the operations database answers, 503 with the reason elsewhere."""
    checks: dict[str, Callable[[], object]] = {
        "The published copy cannot be read.": lambda: published.connect(settings.home()).close(),
        "The operations database cannot be used.": lambda: tokens.holder_of(""),
    }
    for error, check in checks.items():
        try:
            check()
        except ExpectedFailure as failure:
            log.warning("%s", failure)  # which may name a path, a server or an account
            refusal = {"status": "not ready", "error": error, "remedy": failure.remedy}
            return JsonResponse(refusal, status=HTTPStatus.SERVICE_UNAVAILABLE)
    return JsonResponse({"status": "ready"})


@open_to_all("a token in the request decides")
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, which sends the token of a role that reads the whole nation."""
    holder = senders.holder_of(request)
    if holder is None or rights.current().places({holder.role}) is not None:
        refusal = HttpResponse("A token of the role national is needed.\n", "text/plain", HTTPStatus.UNAUTHORIZED)
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Platform())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Platform(Collector):
    """The metrics, read when they are asked for; instants are in seconds since 1970, names follow Prometheus' rules."""

    def collect(self) -> Iterator[Metric]:
        yield from _of_copies()
        yield from _of_operations()
        disk = health.room(settings.home())
        yield _gauge("disk_free_bytes", "Free bytes on the disk of the home.", disk.free)
        yield _gauge("disk_needed_bytes", "Bytes that the next publication or purge may need.", disk.needed)


def _gauge(name: str, text: str, value: float | None = None, label: str = "") -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cyberimpact_{name}", text, value, labels=[label] if label else None)


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _of_copies() -> Iterator[Metric]:
    """Yield how old publications and loads are; without a published copy the gauges have no sample."""
    loaded = _gauge("platform_loaded_timestamp_seconds", "End of the last load.", label="platform")
    late = _gauge("platform_late_timestamp_seconds", "When the platform becomes, or became, late.", label="platform")
    waiting = _gauge("platform_quarantined_rows", "Records that wait in quarantine.", label="platform")
    publication = _gauge("published_timestamp_seconds", "Last publication.", label="copy")
    seconds = _gauge("job_seconds", "How long the last run that succeeded took, as of the daily copy.", label="job")
    ended = _gauge("job_succeeded_timestamp_seconds", "When it ended, as of the daily copy.", label="job")
    try:
        with reading.opened(rights.EVERYTHING) as copies:
            for found in healths(copies):
                name = [found.platform.name]
                waiting.add_metric(name, found.set_aside)
                for family, moment in ((loaded, found.last_loaded_at), (late, found.late_at)):
                    if moment:
                        family.add_metric(name, moment.timestamp())
            for copy, (table, query) in _PUBLICATIONS.items():
                for row in copies.rows_of(table, query):
                    publication.add_metric([copy], row["published_at"].timestamp())
            for row in copies.rows_of("audit.dagster_run", _JOBS):
                seconds.add_metric([row["job"]], row["seconds"])
                ended.add_metric([row["job"]], row["ended_at"].timestamp())
    except (ExpectedFailure, rights.AccessError, duckdb.Error):
        yield _gauge("readable", "Whether a published copy can be read.", 0)
        return
    yield _gauge("readable", "Whether a published copy can be read.", 1)
    yield from (loaded, late, waiting, publication, seconds, ended)


def _of_operations() -> Iterator[Metric]:
    unsent = Alert.objects.filter(sent_at=None)
    yield _gauge("alerts_waiting", "Alerts that no server has taken yet.", unsent.count())
    if oldest := unsent.aggregate(oldest=Min("created_at"))["oldest"]:
        yield _gauge("alerts_waiting_since_timestamp_seconds", "The oldest of them.", _seconds(oldest))
    yield _gauge("troubles", "Troubles of the platform that last.", Trouble.objects.filter(ended_at=None).count())
    yield _gauge("crises", "Crises that are open.", Crisis.objects.filter(closed_at=None).count())
