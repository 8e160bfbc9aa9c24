"""Maintenance jobs: purge, backups and their drill, digest, removal of old runs, the auditors' mail."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.failures import ending_the_step
from audit import archive, ledger, restore_drill, retention
from core import settings
from ingestion import erasure
from operations import ledger_mail
from warehouse import offsite


@dg.op(pool="warehouse", description="Archive the figures of what is too old, then erase its rows, down to the bytes.")
def erase_what_is_too_old(context: dg.OpExecutionContext) -> None:
    now = datetime.now(UTC)
    with ending_the_step():
        context.log.info("%s published figures archived.", archive.keep(settings.home(), now))
        report = erasure.purge(now)
    for line in report.lines():
        context.log.info(line)


#: How long a run is remembered of which hundreds end well each day, and how long one that failed.
REMEMBERED, FAILURES_REMEMBERED = timedelta(days=1), timedelta(days=30)
#: Beginnings of the names of their jobs; what they loaded stays in the load log.
FREQUENT = (
    "micro_batch_",
    "live",
    "load_listening",
    "load_brigade_numerique",
    "fetch_",
    "forget_runs",
    "backup_recent",
)


@dg.op(description="Forget the runs of micro-batches that are older than a day, those that failed after a month.")
def forget_old_runs(context: dg.OpExecutionContext) -> int:
    forgotten = forget(context.instance, datetime.now(UTC))
    context.log.info("%d runs forgotten", forgotten)
    return forgotten


def forget(instance: dg.DagsterInstance, now: datetime) -> int:
    """Delete the runs of micro-batches that have ended and are old enough; return how many."""
    ended_well = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED]
    old = [
        *instance.get_runs(dg.RunsFilter(statuses=ended_well, created_before=now - REMEMBERED)),
        *instance.get_runs(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], created_before=now - FAILURES_REMEMBERED)
        ),
    ]
    frequent = [run for run in old if run.job_name.startswith(FREQUENT)]
    for run in frequent:
        instance.delete_run(run.run_id)
    return len(frequent)


@dg.graph
def forget_runs() -> None:
    """Forget the runs of micro-batches that are older than a day, those that failed after a month."""
    forget_old_runs()


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    pool="warehouse",
    description="Remove observations that only publications of long ago rest on; hash and reason stay.",
)
def remove_old_evidence(context: dg.OpExecutionContext) -> None:
    with ending_the_step():
        removed = retention.purge(settings.home(), datetime.now(UTC))
    context.log.info("%s files of observations removed.", len(removed))


@dg.graph
def purge() -> None:
    """Erase what is older than its retention: rows of platforms, then observations behind old publications."""
    remove_old_evidence(erase_what_is_too_old())


@dg.op(description="Draw the dashboards as PDF and mail them to those who want the digest.")
def mail_dashboards(context: dg.OpExecutionContext) -> None:
    from operations import digest as weekly  # the browser's library is loaded by the run that needs it

    with ending_the_step():
        lines = weekly.send(settings.home(), datetime.now(UTC))
    for line in lines or ["Nobody wants the digest by mail (operations/subscriptions.yml): nothing was sent."]:
        context.log.info(line)


@dg.graph
def digest() -> None:
    """Mail the dashboards of the week."""
    mail_dashboards()


@dg.op(description="Send the ledger's head to the auditors who subscribe to it.")
def send_ledger_head(context: dg.OpExecutionContext) -> None:
    with ending_the_step():
        waiting = list(ledger_mail.messages(settings.home(), datetime.now(UTC)))
        if not waiting:
            context.log.info("Nobody subscribes to the ledger's head by mail, or nothing was published: no mail.")
        failed = [failure for message in waiting if (failure := ledger_mail.refused(message))]
    if failed:
        raise dg.Failure(description="\n".join(failed))
    context.log.info("%s mail(s) sent.", len(waiting))


@dg.graph
def ledger_head() -> None:
    """Tell the auditors the head of the ledger."""
    send_ledger_head()


def has_place_elsewhere(context: dg.OpExecutionContext) -> bool:
    """Return whether backups go elsewhere; the run's log says so where they do not."""
    if not offsite.is_set():
        context.log.warning("%s is not set: there are no backups elsewhere.", offsite.ADDRESS)
    return offsite.is_set()


@dg.op(description="Send a backup elsewhere, encrypted, and remove there what is too old.")
def send_backup(context: dg.OpExecutionContext) -> None:
    if not has_place_elsewhere(context):
        return
    with ending_the_step():
        stored, removed = offsite.send(settings.home(), datetime.now(UTC), ledger.current_head)
    context.log.info("%s sent, %s MB; %s removed.", stored.name, stored.megabytes, len(removed))


@dg.graph
def backup() -> None:
    """Save what cannot be made again, elsewhere and encrypted."""
    send_backup()


@dg.op(description="Send the operations and the ledger elsewhere, encrypted, if they have changed.")
def send_recent_copy(context: dg.OpExecutionContext) -> None:
    if not has_place_elsewhere(context):
        return
    with ending_the_step():
        stored = offsite.send_recent(settings.home(), datetime.now(UTC), ledger.current_head)
    context.log.info("Nothing has changed: nothing was sent." if stored is None else f"{stored.name} sent.")


@dg.graph
def backup_recent() -> None:
    """Save what people have decided and what was published since the last backup, elsewhere and encrypted."""
    send_recent_copy()


@dg.op(description="Restore the last backup beside the home, verify it whole, and throw it away.")
def try_restoration(context: dg.OpExecutionContext) -> None:
    if not has_place_elsewhere(context):
        return
    with ending_the_step():
        context.log.info(restore_drill.run(settings.home(), datetime.now(UTC)).line())


@dg.graph(name="restore_drill")
def drill() -> None:
    """Prove that the last backup can be restored."""
    try_restoration()
