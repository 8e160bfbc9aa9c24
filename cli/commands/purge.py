"""The command `purge`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.output import say
from core import settings


def purge(
    pseudonym: Annotated[
        str | None, typer.Option(help="Erase one person, known by the pseudonym p_…, instead of what is too old.")
    ] = None,
) -> None:
    """Erase what is older than its platform's retention, or everything about one person."""
    if pseudonym:
        _erase_person(pseudonym)
    else:
        _erase_what_is_too_old()


def _erase_person(pseudonym: str) -> None:
    from audit import rewriting
    from ingestion import erasure

    with rewriting.recorded(settings.home()):
        report = erasure.erase(pseudonym)
    say(*report.lines())
    if not report.complete:
        raise typer.Exit(1)


def _erase_what_is_too_old() -> None:
    from audit import archive, retention
    from ingestion import erasure

    now = datetime.now(UTC)
    if kept := archive.keep(settings.home(), now):
        say(f"{kept} published figures archived: they outlive the records that this purge takes.")
    say(*erasure.purge(now).lines())
    if removed := retention.purge(settings.home(), now):
        say(f"{len(removed)} files of observations removed from the evidence.")
