"""The commands `new`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.output import remark, say

app = typer.Typer(help="Write the files of a new KPI, platform or chart into the checkout.", no_args_is_help=True)

Pillar = Annotated[Literal["visibility", "perception", "actors"], typer.Option(help="The pillar that it serves.")]
Title = Annotated[str, typer.Option(help="French title, as readers see it.")]


@app.command()
def kpi(
    code: Annotated[str, typer.Argument(help="Code of the KPI, such as answer_rate.")],
    *,
    pillar: Pillar,
    title: Title,
    mart: Annotated[str, typer.Option(help="Model whose rows it counts, such as fct_feedback.")],
    key: Annotated[str, typer.Option(help="Key of that model.")],
    day: Annotated[str, typer.Option(help="Column of that model that dates a row.")],
) -> None:
    """Write a KPI: its observations, how they add up, its definition, contract and unit test."""
    from cli import scaffold

    _written(
        scaffold.new_kpi(code, pillar=pillar, title=title, mart=mart, key=key, day=day),
        "write its texts and the expected rows of its unit test; another roll-up is in dbt_project/macros/rollup.sql",
        "name its roll-up in tests/rollups.py",
        f"cyberimpact dbt test --select kpi_{code},test_type:unit",
        f"cyberimpact new chart {code} --pillar {pillar} --title … --kpi {code}",
        "make snapshot",
    )


@app.command()
def platform(
    name: Annotated[str, typer.Argument(help="Name of the platform, such as pre_plainte.")],
    pillar: Annotated[
        Literal["visibility", "perception", "actors", "signals", "reference"],
        typer.Option(help="The pillar that its figures serve."),
    ],
    title: Title,
    table: Annotated[str, typer.Option(help="Name of its first raw table.")] = "records",
) -> None:
    """Write a platform: its connector, staging model and entry in the registry."""
    from cli import scaffold

    _written(
        scaffold.new_platform(name, pillar=pillar, title=title, table=table),
        "say in contract.py what each field may hold of a person, in client.py how its API is read, in README.md why",
        f"write sandbox/{name}.py, which simulates the platform and gives its tests their files",
        "python dbt_project/build_sources.py && python dbt_project/seeds/build_seeds.py",
        f"cyberimpact load {name} --file FILE",
        "make snapshot",
    )


@app.command()
def chart(
    slug: Annotated[str, typer.Argument(help="Name of the chart, such as visits_by_site.")],
    pillar: Pillar,
    title: Title,
    kpi: Annotated[str, typer.Option(help="Code of the KPI that it draws.")],
) -> None:
    """Write a chart of a KPI, month by month."""
    from cli import scaffold

    _written(
        scaffold.new_chart(slug, pillar=pillar, title=title, kpi=kpi),
        "name it in the rows of a dashboard in superset/bundle/dashboards",
        "python dbt_project/build_exposures.py",
        "cyberimpact superset check",
        "make snapshot",
    )


def _written(files: Iterable[Path], *steps: str) -> None:
    say(*map(str, files))
    remark("Next:\n" + "\n".join(f"  {step}" for step in steps))
