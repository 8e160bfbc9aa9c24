"""The commands `contract`."""

from typing import Annotated

import typer

from cli.output import print_json, print_table, say
from core.errors import ExpectedFailure

app = typer.Typer(help="What those who send data are promised, table by table.", no_args_is_help=True)


@app.command("list")
def list_contracts() -> None:
    """Name, version and key of each contract."""
    from ingestion import contracts

    rows = [(found.name, found.table.version, ", ".join(found.key)) for found in contracts.contracts()]
    print_table(["Name", "Version", "Key"], rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="`perceval.daily_reports`.")],
    odcs: Annotated[bool, typer.Option("--odcs", help="As Open Data Contract Standard, not JSON Schema.")] = False,
) -> None:
    """Print a contract."""
    from ingestion import contracts

    found = contracts.contract(name)
    print_json(contracts.odcs(found) if odcs else contracts.json_schema(found))


@app.command()
def diff(
    former: Annotated[str | None, typer.Argument(help="Revision; by default where the checkout left main.")] = None,
    changelog: Annotated[
        bool, typer.Option("--changelog", help="Demand a new version, and a line where a change breaks a sender.")
    ] = False,
) -> None:
    """Print what differs of the contracts between a revision and the checkout."""
    from cli import contract_changes, revisions

    start = former or revisions.base()
    if start is None:
        say("The former revision is unknown here (no branch origin/main): nothing is compared.")
        return
    found = contract_changes.compare(start)
    for change in found:
        say(*change.lines())
    if not found:
        say("No contract changes.")
    if changelog and (left := list(contract_changes.undeclared(found, start))):
        raise ExpectedFailure("Senders are not warned of these changes.", " ".join(left))
