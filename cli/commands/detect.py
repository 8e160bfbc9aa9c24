"""The command `detect`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import print_csv, remark


def detect(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header, in time order; - reads standard input.")],
    timestamp: Annotated[str, typer.Option(help="Column of the timestamps.")] = "timestamp",
    value: Annotated[str, typer.Option(help="Column of the values.")] = "value",
    output: Annotated[Path | None, typer.Option("--out", help="Where to write; standard output by default.")] = None,
) -> None:
    """Score each value of a series: timestamp, value, expected, upper, score, alert."""
    from cli import series_scores

    rows = series_scores.scored(file, timestamp, value)
    if output is None:
        print_csv(series_scores.COLUMNS, rows)
    else:
        series_scores.write(output, rows)
    remark(series_scores.summary(rows))
