"""The `cyberimpact` command line: which commands there are; `cli.commands` has a module for each subject.

A module of commands imports little, so that `--help` is quick: a command imports its service when it runs.
"""

import typer

from cli import output
from cli.commands import (
    audit,
    backup,
    build,
    config,
    contract,
    crisis,
    dbt,
    detect,
    doctor,
    engine,
    impact,
    inbox,
    kpi,
    load,
    new,
    opendata,
    operations,
    preview,
    processes,
    purge,
    quarantine,
    query,
    raw,
    redact,
    sandbox,
    signal,
    superset,
    systemd,
    token,
    topic,
    upgrade,
    verbatims,
)
from core import settings

#: For a command that hands its arguments on to another program.
HANDS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    help="The data platform cyberimpact.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
app.command()(audit.trace)
app.command()(load.load)
app.command()(load.fetch)
app.command()(processes.watch)
app.command()(build.build)
app.command()(build.publish)
app.command()(query.query)
app.command(context_settings=HANDS_ON)(dbt.dbt)
app.command()(detect.detect)
app.command()(doctor.doctor)
app.command()(preview.preview)
app.command()(redact.redact)
app.command()(purge.purge)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(upgrade.upgrade)
app.command(hidden=True)(processes.up)
app.command(hidden=True)(processes.down)
app.command(hidden=True)(processes.cluster)
app.command(hidden=True)(processes.dev)
app.command()(config.init)
app.command()(systemd.systemd)
app.command(hidden=True)(systemd.prepare)
app.command(hidden=True)(systemd.run)
app.add_typer(backup.app, name="offsite")
app.add_typer(config.app, name="config")
app.add_typer(contract.app, name="contract")
app.add_typer(engine.app, name="engine")
app.add_typer(raw.app, name="raw")
app.add_typer(kpi.app, name="kpi")
app.add_typer(verbatims.app, name="verbatims")
app.add_typer(topic.app, name="topic")
app.add_typer(superset.app, name="superset")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(audit.app, name="audit")
app.add_typer(signal.app, name="signal")
app.add_typer(crisis.app, name="crisis")
app.add_typer(token.app, name="api")
app.add_typer(operations.app, name="operations")
app.add_typer(opendata.app, name="opendata")
app.add_typer(inbox.app, name="inbox")
app.add_typer(inbox.bus_app, name="bus")
app.add_typer(impact.app, name="impact")
app.add_typer(new.app, name="new")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Run the command that the arguments name."""
    settings.keep_private()
    output.run(app)
