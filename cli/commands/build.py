"""The commands `build` and `publish`."""

from typing import Annotated

import typer

from cli.output import say

Live = Annotated[bool, typer.Option("--live", help="Only listening and chat of the last days.")]
Daily = Annotated[bool, typer.Option("--daily", help="Only the warehouse.")]


def build(
    select: Annotated[str | None, typer.Option(help="Part of the project to build, in dbt's selection syntax.")] = None,
    live: Live = False,
    daily: Daily = False,
    full: Annotated[bool, typer.Option("--full", help="Everything, not only what has news.")] = False,
) -> None:
    """Build and check what has news since its last sound build: what is live first, then the warehouse.

    News are other rows in raw tables, other code, another day. The warehouse archives from the published live copy, so
    that one is published in between.
    """
    from cli import builds

    for line in builds.build(builds.targets(live=live, daily=daily or select is not None), select, full=full):
        say(line)


def publish(live: Live = False, daily: Daily = False) -> None:
    """Publish the last sound builds as read-only copies: what is live first, then the warehouse."""
    from cli import builds

    for line in builds.publish(builds.targets(live=live, daily=daily)):
        say(line)
