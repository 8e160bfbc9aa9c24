"""The commands `inbox` and `bus`: what others have sent, and the message bus that brings it."""

import typer

from cli.output import print_table, say

app = typer.Typer(help="Records that others have sent, until their load.", no_args_is_help=True)
bus_app = typer.Typer(help="The message bus (docs/integration.md).", no_args_is_help=True)


@app.command("list")
def list_tables() -> None:
    """How many deliveries of each table wait, were loaded, were refused, or could not be read, in the last 30 days."""
    from operations.inbox import deliveries

    states = [state.value for state in deliveries.State]
    rows = [
        (row["platform"], row["entity"], row["all_records"], *(row[state] for state in states), row["oldest"] or "–")
        for row in deliveries.counts()
    ]
    print_table(["Platform", "Table", "Records", *(state.capitalize() for state in states), "Waiting since"], rows)


@app.command()
def retry(platform: str) -> None:
    """Have the deliveries on which a load broke wait for the next one: after the contract was corrected, say."""
    from operations.inbox import deliveries

    say(f"{deliveries.retry(platform)} deliveries of {platform} wait again: `cyberimpact load {platform}`.")


@bus_app.command()
def consume() -> None:
    """Take records from the bus into the inbox, until stopped; `make up` runs it where a bus is set."""
    from core import logs
    from operations.bus.consumer import consume_for_ever

    logs.configure()
    consume_for_ever()


@bus_app.command()
def declare() -> None:
    """Make the exchanges and queues of every table on the broker; those that are there stay."""
    from operations.bus import broker
    from operations.inbox import deliveries

    targets = sorted(deliveries.targets())
    with broker.connected() as connection:
        broker.declare(connection, targets)
    say(f"{len(targets)} queues are there, those of {', '.join(sorted({platform for platform, _ in targets}))}.")
