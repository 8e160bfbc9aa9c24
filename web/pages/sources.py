"""The platforms: how old their data are, what was loaded and set aside, and the files that people send."""

from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from core import clock, disk
from core.errors import ExpectedFailure
from ingestion.engine import drop_folder
from ingestion.platforms import PLATFORMS, Platform
from operations import acts
from web import load_words, reading, uploads
from web.access import PersonRequest, act, author_of, page
from web.failures import NotFound, TooLarge
from web.health import healths
from web.identity import Act, Person
from web.reading import Reading, Row

ROWS_A_PAGE = 25
FAULTS_A_PAGE = 50
DEPOSITS = 10
DEPOSITED = "fichier déposé"

_LOADS = """
select
    max(finished_at) as finished_at, any_value(origin) as origin, any_value(origin_kind) as origin_kind,
    cast(sum(rows_read) as bigint) as rows_read, cast(sum(rows_new) as bigint) as rows_new,
    cast(sum(rows_updated) as bigint) as rows_updated, cast(sum(rows_unchanged) as bigint) as rows_unchanged,
    cast(sum(rows_quarantined) as bigint) as rows_quarantined
from audit.platform_load
where platform = $platform
group by split_part(load_key, '-', 1)
order by finished_at desc
"""
#: A copy that was published by an earlier version does not.
_KNOWS_FILES = """
select 1 from duckdb_columns()
where schema_name = 'audit' and table_name = 'platform_load' and column_name = 'sha256'
"""
_OUTCOMES = """
select
    sha256, max(finished_at) as finished_at,
    cast(sum(rows_new) as bigint) as rows_new, cast(sum(rows_updated) as bigint) as rows_updated,
    cast(sum(rows_unchanged) as bigint) as rows_unchanged, cast(sum(rows_quarantined) as bigint) as rows_quarantined
from audit.platform_load
where platform = $platform and list_contains($sha256, sha256)
group by sha256, split_part(load_key, '-', 1)
order by finished_at
"""
_SET_ASIDE = "select * from audit.set_aside where platform = $platform order by rows desc, entity, field, reason"


@page()
def show(request: PersonRequest) -> HttpResponse:
    """Show all platforms, those that are late first."""
    with reading.opened(request.person.right) as opened:
        found = healths(opened)
    found.sort(key=lambda health: (not health.is_late, health.last_loaded_at is not None, health.platform.title))
    context = {
        "title": "Sources",
        "section": "sources",
        "healths": found,
        "late": [health for health in found if health.is_late],
        "never": [health for health in found if health.last_loaded_at is None],
    }
    return render(request, "web/sources/list.html", context)


@page()
def one(request: PersonRequest, name: str) -> HttpResponse:
    """Show the history of a platform, what it has in quarantine, and the form for a file."""
    platform, person = _platform(name), request.person
    drop_folder.sweep_uploads(clock.now())
    may_load = platform.drops and _may_load(person, platform)
    with reading.opened(person.right) as opened:
        health = next(found for found in healths(opened) if found.platform == platform)
        loads = opened.rows_of("audit.platform_load", _LOADS, {"platform": name})
        set_aside = opened.rows_of("audit.set_aside", _SET_ASIDE, {"platform": name})
        deposits = _deposits(opened, platform) if may_load else []
    context = {
        "title": platform.title,
        "section": "sources",
        "health": health,
        "is_newer": bool(loads and health.last_loaded_at and health.last_loaded_at > loads[0]["finished_at"]),
        "loads": Paginator(loads, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "set_aside": [{**row, "said": load_words.reason(row["reason"])} for row in set_aside],
        "may_load": may_load,
        "deposits": deposits,
        "waiting": len(drop_folder.waiting(drop_folder.folder(platform))) if may_load else 0,
        "types": uploads.TYPES,
        "most_mebibytes": uploads.MOST_MEBIBYTES,
        "most_bytes": uploads.MOST_MEBIBYTES << 20,
    }
    return render(request, "web/sources/one.html", context)


def _platform(name: str) -> Platform:
    found = next((platform for platform in PLATFORMS if platform.name == name), None)
    if found is None:
        titles = ", ".join(f"{platform.title} ({platform.name})" for platform in PLATFORMS)
        raise NotFound("Cette plateforme n'existe pas.", f"Les plateformes sont : {titles}.")
    return found


def _may_load(person: Person, platform: Platform) -> bool:
    """Return whether somebody may send files of a platform: they speak of any territory."""
    is_register = platform.name == "prevention_actions"
    return person.places is None and (Act.LOAD in person.acts or (is_register and Act.PREVENT in person.acts))


def _deposits(opened: Reading, platform: Platform) -> list[Row]:
    """Return the last files that people have deposited, each with what the load log says of it since."""
    done = [found for found in acts.on("plateforme", platform.name) if found.kind == DEPOSITED][-DEPOSITS:]
    outcomes = _outcomes(opened, platform, [str(found.result_id) for found in done])
    return [
        {
            "act": found,
            "outcome": next(
                (row for row in outcomes if row["sha256"] == found.result_id and row["finished_at"] >= found.done_at),
                None,
            ),
        }
        for found in reversed(done)
    ]


def _outcomes(opened: Reading, platform: Platform, digests: list[str]) -> list[Row]:
    """Return the loads of files, by SHA-256, as far as the published copy knows, the first one first."""
    if not opened.row(_KNOWS_FILES):
        return []
    return opened.rows(_OUTCOMES, {"platform": platform.name, "sha256": digests})


def _sender(request: PersonRequest, name: str) -> Platform:
    """Return the platform of a file that somebody sends.

    Raises:
        NotFound: it does not exist, or takes no files.
        PermissionDenied: he may not.
    """
    platform = _platform(name)
    if not platform.drops:
        raise NotFound(f"« {platform.title} » ne prend pas de fichier.", "Ses données viennent de son adresse.")
    if not _may_load(request.person, platform):
        raise PermissionDenied
    return platform


@act(Act.LOAD, Act.PREVENT)
@csrf_exempt
def send(request: PersonRequest, name: str) -> HttpResponse:
    """Receive a file; what is too large, or from who may not, is refused before any of it is read."""
    platform = _sender(request, name)
    uploads.refuse_too_large(request.META.get("CONTENT_LENGTH"))
    drop_folder.sweep_uploads(clock.now())
    request.upload_handlers = [TemporaryFileUploadHandler(request)]
    with uploads.alone(request.person.account):
        try:
            return _received(request, platform)
        except OSError as problem:
            if disk.explain(problem):
                raise TooLarge("Le disque du serveur est plein : rien n'est gardé.", "Prévenez un ingénieur.") from None
            raise


@csrf_protect
def _received(request: HttpRequest, platform: Platform) -> HttpResponse:
    if "file" not in request.FILES:
        raise ExpectedFailure("Aucun fichier n'a été reçu.", "Choisissez un fichier, puis envoyez-le.")
    upload_id = uploads.receive(request.person.account, platform, request.FILES["file"])  # ty: ignore[missing-attribute]
    return redirect("source_upload", platform.name, upload_id)


@page()
def upload(request: PersonRequest, name: str, upload_id: UUID) -> HttpResponse:
    """Show what a load of a file would do, before it is handed over."""
    platform = _sender(request, name)
    found = uploads.find(request.person.account, platform, upload_id)
    with reading.opened(request.person.right) as opened:
        known = next(reversed(_outcomes(opened, platform, [found.check.sha256])), None)
    faults = Paginator(found.check.faults, FAULTS_A_PAGE).get_page(request.GET.get("page"))
    other = found.check.looks_like and _platform(found.check.looks_like)
    context = {
        "title": f"Vérification : {platform.title}",
        "section": "sources",
        "platform": platform,
        "upload": found,
        "check": found.check,
        "failure": load_words.failure(*found.check.failure) if found.check.failure else None,
        "other": other,
        "known": known,
        "causes": [(cause, load_words.reason(cause.reason)) for cause in found.check.causes],
        "faults": faults,
        "lines": [(fault, load_words.reason(fault.reason)) for fault in faults],
    }
    return render(request, "web/sources/upload.html", context)


@act(Act.LOAD, Act.PREVENT)
def deposit(request: PersonRequest, name: str, upload_id: UUID) -> HttpResponseRedirect:
    """Hand a file over to the loads; the second submit of the form changes nothing."""
    platform, person = _sender(request, name), request.person
    author = author_of(person)
    with acts.once(author, DEPOSITED, upload_id, f"upload {upload_id}", target=platform.name) as done:
        if not done:
            found = uploads.find(person.account, platform, upload_id)
            uploads.hand_over(person.account, found)
            detail = f"lignes acceptées : {found.check.accepted}, à écarter : {found.check.set_aside}"
            concerns = ("plateforme", platform.name)
            acts.record(author, DEPOSITED, concerns, detail, result_id=found.check.sha256, form_id=upload_id)
    return HttpResponseRedirect(f"{reverse('source', args=[name])}#depots", status=HTTPStatus.SEE_OTHER)


@act(Act.LOAD, Act.PREVENT)
def abandon(request: PersonRequest, name: str) -> HttpResponseRedirect:
    """Forget the file that somebody has sent."""
    platform = _sender(request, name)
    uploads.abandon(request.person.account)
    return redirect("source", platform.name)
