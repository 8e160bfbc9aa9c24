"""What keeps the home within its rules, asset or no asset: the daily purge. When it runs belongs in `schedules`."""

from datetime import UTC, datetime

import dagster as dg

from audit import retention
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


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    pool="warehouse",
    description="Remove observations that only publications of long ago rest on; hash and reason stay.",
)
def remove_old_evidence(context: dg.OpExecutionContext) -> None:
    try:
        removed = retention.purge(settings.home(), datetime.now(UTC))
    except ExpectedFailure as failure:
        raise dg.Failure(description=str(failure), allow_retries=False) from None
    context.log.info("%s files of observations removed.", len(removed))


@dg.graph
def purge() -> None:
    """Erase what is older than its retention: rows of platforms, then observations behind old publications."""
    remove_old_evidence(erase_what_is_too_old())
