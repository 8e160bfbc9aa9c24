"""The command of `cyberimpact raw`."""

from typing import Annotated

import typer

from cli.output import say

app = typer.Typer(no_args_is_help=True, help="Raw tables: in the DuckDB file of their platform, or in the lake.")


@app.callback()
def raw() -> None:
    """Raw tables: in the DuckDB file of their platform, or in the lake."""


@app.command()
def move(platform: Annotated[str, typer.Argument(help="Name of the platform.")]) -> None:
    """Move the raw tables of a platform to where CYBERIMPACT_RAW_LAKE_PLATFORMS has them, and compare all rows."""
    from ingestion import platforms
    from ingestion.engine import raw_lake, raw_moves

    moved = raw_moves.move(platform)
    place = "lake" if raw_lake.holds(platforms.platform(platform)) else "database"
    say(
        *(f"{table}: {rows} rows" for table, rows in moved.items()), f"The raw tables of {platform} lie in the {place}."
    )
