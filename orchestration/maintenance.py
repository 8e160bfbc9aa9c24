"""What is done for the home and its readers, asset or no asset: purge and digest. When belongs in `schedules`."""

from datetime import UTC, datetime

import dagster as dg

from ingestion import purging, settings
from ingestion.errors import ExpectedFailure


@dg.op(pool="warehouse", description="Erase rows older than their platform's retention, down to the bytes.")
def erase_what_is_too_old(context: dg.OpExecutionContext) -> None:
    try:
        report = purging.purge(datetime.now(UTC))
    except ExpectedFailure as failure:
        raise dg.Failure(description=str(failure), allow_retries=False) from None
    for line in report.lines():
        context.log.info(line)


@dg.graph
def purge() -> None:
    """Erase what is older than its platform's retention."""
    erase_what_is_too_old()


@dg.op(description="Draw the dashboards as PDF and mail them to those who want the digest.")
def mail_dashboards(context: dg.OpExecutionContext) -> None:
    from orchestration import digest as weekly  # the browser's library is loaded by the run that needs it

    try:
        lines = weekly.send(settings.home(), datetime.now(UTC))
    except ExpectedFailure as failure:
        raise dg.Failure(description=str(failure), allow_retries=False) from None
    for line in lines or ["Nobody wants the digest by mail (orchestration/subscriptions.yml): nothing was sent."]:
        context.log.info(line)


@dg.graph
def digest() -> None:
    """Mail the dashboards of the week."""
    mail_dashboards()
