"""The command `preview`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import say
from core import settings
from core.files import write_text


def preview(
    change: Annotated[str, typer.Argument(help="A branch or commit, or a folder with the changed code.")],
    against: Annotated[
        str, typer.Option(help="What to compare it with; this checkout by default.", show_default=False)
    ] = str(settings.CHECKOUT),
    page: Annotated[Path | None, typer.Option(help="Where to write it as a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show which figures, tables and charts a change of the code would change, without touching the home."""
    from cli import preview as previews

    found = previews.preview(change, against)
    if page is not None:
        write_text(page, previews.page(change, found))
    if as_json:
        say(found.as_json())
    else:
        say(*found.lines())
