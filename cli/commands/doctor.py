"""The command `doctor`."""

import typer

from cli.output import AsJson, print_json, say
from core import settings


def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, running, late or broken, each with its remedy."""
    from cli.health_checks import examine

    findings = examine(settings.home())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        say(*(finding.line() for finding in findings))
    raise typer.Exit(int(any(finding.state == "broken" for finding in findings)))
