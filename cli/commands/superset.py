"""The commands `superset`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import print_table, remark, say
from core import settings, superset
from core.errors import ExpectedFailure

app = typer.Typer(
    help="Dashboards and access as code: plan, apply, check, drift, adopt, render; password.", no_args_is_help=True
)


@app.command()
def check() -> None:
    """Examine the bundle and the policies without a server."""
    from supersync import service

    from assets.bi import server

    bundle = server.bundle()
    problems = service.check(bundle, server.policies(bundle))
    say(*problems)
    if problems:
        raise ExpectedFailure(
            f"The bundle and the policies have {len(problems)} problem(s).", "Correct the files that they name."
        )
    say("The bundle and the policies are sound.")


@app.command()
def plan() -> None:
    """Show what an apply would create, update and delete."""
    from supersync import service

    from assets.bi import server

    bundle = server.bundle()
    with server.client() as client:
        say(str(service.plan(client, bundle, server.policies(bundle), server.database_uri())))


@app.command()
def apply() -> None:
    """Make Superset hold what the bundle and the policies declare, as a run of the job `superset`."""
    from orchestration.execution import run_job

    settings.home().superset.mkdir(parents=True, exist_ok=True)  # asked for by name: this home has a Superset
    outcome = run_job("superset").or_raise("Repeat the command: it takes up where this one stopped.")
    shown = [key for key in outcome.metadata if len(key.path) > len(("superset", "query_cache"))]
    say(f"Superset holds the bundle: {len(shown)} datasets, charts and dashboards.")


@app.command()
def move() -> None:
    """Move accounts, roles and all else that Superset's file holds to the database that a setting names.

    The setting is CYBERIMPACT_SUPERSET_METADATA_URI. Stop the platform first, and start it with the setting afterwards.
    """
    moved = superset.move()
    print_table(["Table", "Rows"], [(table, rows) for table, rows in moved.items() if rows])
    file = settings.home().superset / "superset.db"
    say(f"Superset's metadata are in PostgreSQL. {file}.moved is read no more: remove it.")


@app.command()
def drift() -> None:
    """Name what was changed in Superset by hand."""
    from supersync import service

    from assets.bi import server

    bundle = server.bundle()
    with server.client() as client:
        changes = service.drift(client, bundle, server.policies(bundle), server.database_uri())
    say(*map(str, changes))
    if changes:
        raise ExpectedFailure(
            f"{len(changes)} object(s) were changed by hand.", "`cyberimpact superset apply` puts them back."
        )
    say("Nothing was changed by hand.")


@app.command()
def adopt(
    chart: Annotated[str, typer.Argument(help="Its number, its address or its title in Superset.")],
    name: Annotated[str, typer.Option(help="Name of the file, without ending; from the title by default.")] = "",
    folder: Annotated[str, typer.Option(help="Folder of charts/; by default the pillar of its KPIs.")] = "",
    description: Annotated[str, typer.Option(help="French sentence that says what it shows.")] = "",
) -> None:
    """Take a chart that somebody made by hand in Superset into the bundle, as short YAML."""
    from supersync.adopt import adopt as adopt_chart

    from assets.bi import server

    with server.client() as client:
        made = adopt_chart(client, server.bundle(), chart, name=name, folder=folder, description=description)
    say(made.text.rstrip())
    remark(
        f"Written: superset/bundle/{made.asset.path}.\n"
        f"Next: place `{made.asset.slug}` in `rows` of a dashboard, run `cyberimpact superset check`, commit, apply.\n"
        "Then delete the chart made by hand: both would be in the list of charts."
    )


@app.command()
def render(
    target: Annotated[Path, typer.Argument(help="A new folder, or a file that ends with .zip.")],
) -> None:
    """Write the bundle as Superset's own export, for `superset import-dashboards` or its page of imports."""
    from supersync.render import render as render_bundle

    from assets.bi import server

    say(f"{render_bundle(server.bundle(), target)} files written to {target}.")


@app.command()
def password(username: Annotated[str, typer.Argument(help="Name of the account.")]) -> None:
    """Give a declared account a new password and print it, once: to be handed over, then changed by its owner."""
    from supersync.access import new_password

    from assets.bi import server

    with server.client() as client:
        say(new_password(client, username))
