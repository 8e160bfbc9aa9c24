"""The commands `sandbox`."""

import os
import sys
from typing import Annotated

import typer

from cli.output import say
from core import settings
from core.errors import ExpectedFailure

app = typer.Typer(help="The stand-in platforms: serve them, stage a wave on them.", invoke_without_command=True)


@app.callback()
def serve(
    context: typer.Context,
    seed: Annotated[int | None, typer.Option(help="Which invented history is served.")] = None,
    now: Annotated[
        str | None, typer.Option(metavar="DAY", help="Day up to which it is served; today without it.")
    ] = None,
) -> None:
    """Serve the stand-in platforms on loopback, drop their files, and catch the mails of alerts."""
    if context.invoked_subcommand:
        return
    home = settings.home()
    options = {
        "port": settings.port("sandbox"),
        "drops": home.drop,
        "seed": seed,
        **({"now": now} if now else {"state": home.sandbox, "mailbox-port": settings.port("mailbox")}),
    }
    command = [sys.executable, "-m", "sandbox"]
    command += [f"--{name}={value}" for name, value in options.items() if value is not None]
    os.execv(command[0], command)  # noqa: S606


@app.command()
def crisis(
    kind: Annotated[str, typer.Argument(help="What it is about, such as inondation; an unknown one lists all.")],
    territory: Annotated[str, typer.Option(help="Code of a département, such as FR-27.")],
) -> None:
    """Begin a wave of mentions now: it becomes a signal and an alert within two minutes, and ends after some hours."""
    from datetime import datetime

    import httpx

    from core.clock import PARIS

    sandbox = f"http://127.0.0.1:{settings.port('sandbox')}"
    try:
        answer = httpx.post(f"{sandbox}/_control/waves", json={"kind": kind, "territory": territory}, timeout=30)
        said = answer.json()
    except (httpx.HTTPError, ValueError):
        raise ExpectedFailure(f"No sandbox answers at {sandbox}.", "`make up`, or `cyberimpact sandbox`.") from None
    if "known" in said:
        raise ExpectedFailure(f"The sandbox answers: {said['error']}.", f"Use one of: {', '.join(said['known'])}.")
    until = datetime.fromisoformat(said["ends_at"]).astimezone(PARIS)
    if not answer.is_success:
        raise ExpectedFailure(f"This wave lasts until {until:%H:%M}, in Paris.", "Choose another kind or territory.")
    say(
        f"Begun: {kind} in {said['place']}, until {until:%H:%M} in Paris.\n"
        f"The signal: {settings.web_url()}/veille\nThe mail:   {sandbox}/courriels"
    )
