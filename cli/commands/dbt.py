"""The command `dbt`."""

import typer


def dbt(context: typer.Context) -> None:
    """Run dbt by hand on this home: `cyberimpact dbt build --select kpi`."""
    from warehouse import dbt_project

    raise typer.Exit(dbt_project.run(*context.args))
