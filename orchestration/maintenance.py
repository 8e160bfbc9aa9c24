"""What keeps the home within its rules, asset or no asset: the daily purge. When it runs belongs in `schedules`."""

from datetime import UTC, datetime

import dagster as dg

from ingestion import purging
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
